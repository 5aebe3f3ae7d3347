#include "tools/bench/crew.h"

#include "offload/clock.h"
#include "reactor/loop.h"
#include "tools/bench/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* A server's time to accept a connection: none is to wait for that behind the load of others. */
#define SETTLE_NS 50000

struct crew {
    const struct plan *plan;
    unsigned count;
    struct member {
        pid_t pid;
        struct tally *tally;
    } * members;
    struct tally *so_far; /* of all, for who watches */
    int go[2], ready[2];  /* pipes: start time to the workers, signs of life from them */
    int signals;          /* SIGINT and SIGTERM as a descriptor */
    unsigned are_ready;
    bool over; /* all workers have ended */
};

/* ---- beginning and end ------------------------------------------------------------------------- */

static void free_crew(struct crew *crew) {
    int fds[] = {crew->go[0], crew->go[1], crew->ready[0], crew->ready[1], crew->signals};
    for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    for (unsigned i = 0; crew->members && i < crew->count; i++)
        tally_free(crew->members[i].tally);
    tally_free(crew->so_far);
    free(crew->members);
}

static int init_crew(struct crew *crew, const struct plan *plan) {
    sigset_t set;
    *crew = (struct crew){.plan = plan,
                          .count = (unsigned)plan->settings->threads,
                          .go = {-1, -1},
                          .ready = {-1, -1},
                          .signals = -1};
    crew->members = calloc(crew->count, sizeof(*crew->members));
    crew->so_far = tally_new();
    if (!crew->members || !crew->so_far)
        return -ENOMEM;
    for (unsigned i = 0; i < crew->count; i++)
        if (!(crew->members[i].tally = tally_new()))
            return -ENOMEM;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    crew->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (crew->signals < 0 || pipe2(crew->go, O_CLOEXEC) != 0 || pipe2(crew->ready, O_CLOEXEC) != 0)
        return -errno;
    return 0;
}

static void run_child(struct crew *crew, unsigned index) {
    const struct worker_plan plan = {.plan = crew->plan,
                                     .tally = crew->members[index].tally,
                                     .index = index,
                                     .count = crew->count,
                                     .go = crew->go[0],
                                     .ready = crew->ready[1]};
    close(crew->go[1]);
    close(crew->ready[0]);
    close(crew->signals);
    int status = worker_run(&plan);
    fflush(NULL);
    exit(status);
}

static int start_workers(struct crew *crew) {
    fflush(NULL);
    for (unsigned i = 0; i < crew->count; i++) {
        crew->members[i].pid = fork();
        if (crew->members[i].pid < 0)
            return -errno;
        if (crew->members[i].pid == 0)
            run_child(crew, i);
    }
    close(crew->ready[1]); /* the end of the last worker is the end of the pipe */
    crew->ready[1] = -1;
    return 0;
}

static void tell_start(struct crew *crew, int64_t start_ns) {
    for (unsigned i = 0; i < crew->count; i++)
        if (write(crew->go[1], &start_ns, sizeof(start_ns)) != sizeof(start_ns))
            return; /* its reader has ended and will be found to have */
}

static void signal_all(const struct crew *crew, int signal) {
    for (unsigned i = 0; i < crew->count; i++)
        if (crew->members[i].pid > 0)
            kill(crew->members[i].pid, signal);
}

/* How many of them failed, with the reason of one. */
static unsigned wait_for_all(struct crew *crew, const char **why) {
    unsigned failed = 0;
    for (unsigned i = 0; i < crew->count; i++) {
        int status = 0;
        if (crew->members[i].pid <= 0 || waitpid(crew->members[i].pid, &status, 0) < 0 || status == 0)
            continue;
        failed++;
        *why = WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "it could not start";
    }
    return failed;
}

static bool has_lost_one(const struct crew *crew) {
    siginfo_t info = {0};
    for (unsigned i = 0; i < crew->count && !info.si_pid; i++)
        waitid(P_PID, (id_t)crew->members[i].pid, &info, WEXITED | WNOHANG | WNOWAIT);
    return info.si_pid != 0;
}

/* ---- while they run ---------------------------------------------------------------------------- */

static void on_life(struct crew *crew) {
    char bytes[64];
    ssize_t n = read(crew->ready[0], bytes, sizeof(bytes));
    if (n > 0)
        crew->are_ready += (unsigned)n;
    else
        crew->over = true;
}

static void on_signal(struct crew *crew) {
    struct signalfd_siginfo info;
    if (read(crew->signals, &info, sizeof(info)) == sizeof(info))
        signal_all(crew, SIGTERM);
}

/* Sleeps until until_ns, or until the workers have something to say. */
static void wait_until(struct crew *crew, int64_t until_ns) {
    struct pollfd fds[] = {{.fd = crew->ready[0], .events = POLLIN}, {.fd = crew->signals, .events = POLLIN}};
    int64_t left = until_ns - clock_ns();
    struct timespec timeout = {left / NS_PER_S, left % NS_PER_S};
    if (left <= 0 || ppoll(fds, 2, &timeout, NULL) <= 0)
        return;
    if (fds[1].revents)
        on_signal(crew);
    if (fds[0].revents)
        on_life(crew);
}

static void take_sample(const struct crew *crew, struct sample *sample) {
    const char *pids = crew->plan->settings->pid;
    *sample = (struct sample){.at_ns = clock_ns()};
    for (unsigned i = 0; i < crew->count; i++)
        sample->replies += crew->members[i].tally->replies;
    sample->has_server = *pids && procstat_read(pids, &sample->server) == 0;
}

static void tell(struct crew *crew, crew_watch *watch, void *context, int64_t elapsed_ns) {
    tally_reset(crew->so_far);
    for (unsigned i = 0; i < crew->count; i++)
        tally_merge(crew->so_far, crew->members[i].tally);
    watch(context, crew->so_far, (double)elapsed_ns / NS_PER_S);
}

/* The measurement: samples at its two ends, and whoever watches is told in between. */
static void observe(struct crew *crew, struct outcome *outcome, crew_watch *watch, void *context) {
    const struct bench_settings *settings = crew->plan->settings;
    int64_t begin = outcome->start_ns + (int64_t)(settings->warmup * NS_PER_S);
    int64_t end = settings->duration > 0 ? begin + (int64_t)(settings->duration * NS_PER_S) : INT64_MAX;
    int64_t second = begin + NS_PER_S;
    bool sampled_end = false;
    while (!crew->over && clock_ns() < begin)
        wait_until(crew, begin);
    take_sample(crew, &outcome->begin);
    while (!crew->over) {
        int64_t next = !sampled_end && end < second ? end : second;
        wait_until(crew, next);
        int64_t now = clock_ns();
        if (!sampled_end && now >= end) {
            take_sample(crew, &outcome->end);
            sampled_end = true;
        }
        if (now >= second) {
            tell(crew, watch, context, now - begin);
            second += NS_PER_S;
        }
    }
    if (!sampled_end)
        take_sample(crew, &outcome->end);
    tell(crew, watch, context, clock_ns() - begin);
}

/* All have tried to connect; there is load if anybody could, and if no worker is missing. */
static void gather(struct crew *crew, struct outcome *outcome) {
    unsigned connected = 0;
    bool lost = false;
    while (!crew->over && !lost && crew->are_ready < crew->count) {
        wait_until(crew, clock_ns() + NS_PER_S);
        lost = has_lost_one(crew);
    }
    for (unsigned i = 0; i < crew->count; i++)
        connected += atomic_load(&crew->members[i].tally->connected);
    outcome->start_ns = clock_ns() + (int64_t)connected * SETTLE_NS;
    while (!crew->over && clock_ns() < outcome->start_ns)
        wait_until(crew, outcome->start_ns);
    tell_start(crew, lost || connected == 0 ? WORKER_QUIT : outcome->start_ns);
}

/* The total of all workers; one that failed is an error, too. */
static int merge(struct crew *crew, struct outcome *outcome) {
    struct rusage usage;
    const char *why = "";
    unsigned failed = wait_for_all(crew, &why);
    outcome->total = tally_new();
    if (!outcome->total)
        return -ENOMEM;
    for (unsigned i = 0; i < crew->count; i++)
        tally_merge(outcome->total, crew->members[i].tally);
    if (failed) {
        char what[TALLY_FIRST];
        snprintf(what, sizeof(what), "a worker is gone: %s", why);
        tally_error(outcome->total, ERROR_LOCAL, failed, what);
    }
    getrusage(RUSAGE_CHILDREN, &usage);
    outcome->own_cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    return 0;
}

int crew_run(const struct plan *plan, crew_watch *watch, void *context, struct outcome *outcome, char *why,
             size_t why_size) {
    struct crew crew;
    *outcome = (struct outcome){0};
    int error = init_crew(&crew, plan);
    if (!error)
        error = start_workers(&crew);
    if (error) {
        const char *unused;
        signal_all(&crew, SIGKILL);
        wait_for_all(&crew, &unused);
        snprintf(why, why_size, "cannot start the workers: %s", strerrordesc_np(-error));
    } else {
        gather(&crew, outcome);
        observe(&crew, outcome, watch, context);
        error = merge(&crew, outcome);
        snprintf(why, why_size, "out of memory");
    }
    free_crew(&crew);
    return error;
}
