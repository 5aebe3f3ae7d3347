#include "tools/bench/worker.h"

#include "offload/clock.h"
#include "proto/object.h"
#include "tools/sluiced/options.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define DIALS_AT_ONCE 256           /* connections being made: a server's backlog is finite */
#define INPUT_BYTES   (256u * 1024) /* one read takes this much */

/* ---- what to send ------------------------------------------------------------------------------ */

static uint8_t next_op(struct worker *worker) {
    switch (worker->plan->settings->mode) {
    case MODE_FDPASS:
        return OBJECT_OP_FDPASS;
    case MODE_COPY:
        return OBJECT_OP_COPY;
    case MODE_SPLICE:
        return OBJECT_OP_SPLICE;
    case MODE_PING:
        return OBJECT_OP_PING;
    case MODE_MIXED:
        worker->fd_share += worker->plan->settings->fd_ratio;
        if (worker->fd_share < 1)
            return OBJECT_OP_COPY;
        worker->fd_share -= 1;
        return OBJECT_OP_FDPASS;
    default:
        return OBJECT_OP_AUTO;
    }
}

bool worker_take(struct worker *worker, struct caller *caller, int64_t now_ns, struct exchange *exchange) {
    int64_t intended = caller->free_ns;
    if (!worker->started || worker->finished || worker->left == 0)
        return false;
    if (worker->schedule.rate > 0) {
        intended = schedule_at(&worker->schedule, caller->turn);
        if (intended > now_ns)
            return false;
        caller->turn += worker->count;
    }
    if (intended >= worker->end_ns)
        return false;
    if (worker->left != UINT64_MAX && intended >= worker->measure_ns)
        worker->left--;
    worker->under_way++;
    *exchange = (struct exchange){intended, picker_next(&worker->picker), next_op(worker)};
    return true;
}

/* ---- the end ----------------------------------------------------------------------------------- */

static void check_end(struct worker *worker) {
    if (worker->started && worker->left == 0)
        worker->finished = true;
    if (worker->finished && worker->under_way == 0)
        ev_break(worker->loop->ev, EVBREAK_ALL);
}

void worker_ended(struct worker *worker, unsigned count) {
    worker->under_way -= count;
    if (worker->left == 0 || worker->finished)
        check_end(worker);
}

static void finish(struct worker *worker) {
    worker->finished = true;
    check_end(worker);
}

static void give_up_all(struct worker *worker) {
    for (unsigned i = 0; i < worker->count; i++)
        caller_late(&worker->callers[i]);
}

/* The end of the measurement, and timeout seconds later that of the waiting for what was under way then. In an open
 * loop what was due and could not be sent yet is sent meanwhile. */
static void on_end(struct ev_loop *ev, ev_timer *timer, int events) {
    (void)events;
    struct worker *worker = timer->data;
    if (worker->overtime) {
        finish(worker);
        give_up_all(worker);
        return;
    }
    worker->overtime = true;
    worker->tally->lasted = true;
    ev_timer_set(timer, worker->plan->settings->timeout, 0);
    ev_timer_start(ev, timer);
    if (worker->schedule.rate == 0 || worker->left == 0)
        finish(worker);
}

/* ---- the start --------------------------------------------------------------------------------- */

/* Tells more callers to connect, a bounded number at a time. */
static void dial_more(struct worker *worker) {
    while (worker->dialed < worker->count &&
           worker->dialed < atomic_load(&worker->tally->tried) + DIALS_AT_ONCE) {
        struct caller *caller = &worker->callers[worker->dialed++];
        if (!caller->tried)
            caller_dial(caller);
    }
}

static void say_ready(struct worker *worker) {
    char byte = 0;
    if (write(worker->ready, &byte, 1) != 1)
        finish(worker); /* the parent is gone */
}

void worker_tried(struct worker *worker, struct caller *caller) {
    if (!caller->open && worker->open == 0 && worker->started &&
        clock_ns() - worker->alone_ns > (int64_t)(worker->plan->settings->timeout * NS_PER_S))
        finish(worker); /* the server is gone */
    if (caller->tried)
        return;
    caller->tried = true;
    if (caller->open)
        atomic_fetch_add(&worker->tally->connected, 1);
    if (atomic_fetch_add(&worker->tally->tried, 1) + 1 == worker->count)
        say_ready(worker);
}

void worker_opened(struct worker *worker) {
    worker->open++;
}

void worker_closed(struct worker *worker) {
    if (--worker->open == 0)
        worker->alone_ns = clock_ns();
}

static void begin_closed_loop(struct worker *worker) {
    for (unsigned i = 0; i < worker->count; i++) {
        worker->callers[i].free_ns = clock_ns();
        caller_send(&worker->callers[i], worker->callers[i].free_ns);
    }
}

/* Requests due from begin_ns to end_ns, both included. */
static uint64_t due_between(const struct schedule *schedule, int64_t begin_ns, int64_t end_ns) {
    return schedule_due(schedule, end_ns) - schedule_due(schedule, begin_ns - 1);
}

static void begin_open_loop(struct worker *worker, int64_t start_ns) {
    struct schedule *schedule = &worker->schedule;
    double all_workers = schedule->rate * (double)worker->plan->settings->threads;
    schedule->begin_ns = start_ns + (int64_t)(worker->index * (NS_PER_S / all_workers));
    uint64_t due = UINT64_MAX;
    if (worker->end_ns < INT64_MAX)
        due = due_between(schedule, worker->measure_ns, worker->end_ns - 1);
    worker->all_due = due < UINT64_MAX && due <= worker->left;
    if (worker->all_due)
        worker->asked = worker->left = due;
    ev_io_start(worker->loop->ev, &worker->tick);
    ev_feed_event(worker->loop->ev, &worker->tick, EV_READ);
}

static void begin(struct worker *worker, int64_t start_ns) {
    const struct bench_settings *settings = worker->plan->settings;
    struct ev_loop *ev = worker->loop->ev;
    worker->measure_ns = start_ns + (int64_t)(settings->warmup * NS_PER_S);
    worker->end_ns = INT64_MAX;
    worker->started = true;
    worker->alone_ns = clock_ns();
    ev_now_update(ev);
    if (settings->duration > 0) {
        worker->end_ns = worker->measure_ns + (int64_t)(settings->duration * NS_PER_S);
        ev_timer_set(&worker->end, (double)(worker->end_ns - clock_ns()) / NS_PER_S, 0);
        ev_timer_start(ev, &worker->end);
    }
    if (worker->schedule.rate > 0)
        begin_open_loop(worker, start_ns);
    else
        begin_closed_loop(worker);
    check_end(worker);
}

static void on_go(struct ev_loop *ev, ev_io *io, int events) {
    (void)events;
    struct worker *worker = io->data;
    int64_t start_ns = WORKER_QUIT;
    ev_io_stop(ev, io);
    if (read(io->fd, &start_ns, sizeof(start_ns)) != sizeof(start_ns) || start_ns == WORKER_QUIT)
        finish(worker);
    else
        begin(worker, start_ns);
}

/* ---- the open loop's clock --------------------------------------------------------------------- */

static void on_tick(struct ev_loop *ev, ev_io *io, int events) {
    (void)events;
    struct worker *worker = io->data;
    struct schedule *schedule = &worker->schedule;
    uint64_t expirations;
    ssize_t n = read(io->fd, &expirations, sizeof(expirations));
    (void)n; /* there is nothing to read the first time */
    if (worker->finished) {
        ev_io_stop(ev, io);
        return;
    }
    int64_t now = clock_ns();
    uint64_t due = schedule_due(schedule, now);
    /* One that lags behind is tried once: its reply lets it go on. */
    uint64_t first = due - schedule->issued > worker->count ? due - worker->count : schedule->issued;
    for (uint64_t i = first; i < due; i++)
        caller_send(&worker->callers[i % worker->count], now);
    schedule->issued = due;
    int64_t next = schedule_at(schedule, due);
    struct itimerspec at = {.it_value = {next / NS_PER_S, next % NS_PER_S}};
    timerfd_settime(io->fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* ---- setting up -------------------------------------------------------------------------------- */

static void on_prepare(struct ev_loop *ev, ev_prepare *prepare, int events) {
    (void)ev, (void)events;
    struct worker *worker = prepare->data;
    fdbin_empty(&worker->bin);
    dial_more(worker);
}

static int init_loop(struct worker *worker) {
    struct reactor_settings reactor = {0};
    struct offload_settings offload = {0};
    char why[256] = "out of memory";
    int error = option_defaults(&reactor_settings_table, &reactor);
    if (!error)
        error = option_defaults(&offload_settings_table, &offload);
    reactor.connections = worker->count; /* sizes the pools of buffers */
    reactor.timeout_send = worker->plan->settings->timeout;
    offload.uring = URING_OFF; /* no pool either: a process with one thread looks descriptors up faster */
    offload.queue_depth = 1;
    offload.pipes = 0;
    if (!error)
        error = loop_init(worker->loop, &reactor, &offload, NULL, why, sizeof(why));
    if (error)
        fprintf(stderr, "sluice-bench: %s\n", why);
    else
        bufpool_init(&worker->loop->inputs, INPUT_BYTES, worker->count + 1, 64);
    option_release(&reactor_settings_table, &reactor);
    option_release(&offload_settings_table, &offload);
    return error;
}

static int init_callers(struct worker *worker) {
    unsigned depth = (unsigned)worker->plan->settings->pipeline;
    worker->callers = calloc(worker->count, sizeof(*worker->callers));
    worker->exchanges = calloc((size_t)worker->count * depth, sizeof(*worker->exchanges));
    if (!worker->callers || !worker->exchanges)
        return -ENOMEM;
    for (unsigned i = 0; i < worker->count; i++) {
        struct caller *caller = &worker->callers[i];
        caller->worker = worker;
        caller->turn = i;
        caller->flight = (struct flight){.ring = worker->exchanges + (size_t)i * depth, .size = depth};
    }
    return 0;
}

static int init_watchers(struct worker *worker, int go) {
    struct ev_loop *ev = worker->loop->ev;
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timer < 0)
        return -errno;
    ledger_enter(&worker->loop->ledger, timer, FD_LOOP, 0, 0);
    ev_prepare_init(&worker->prepare, on_prepare);
    ev_io_init(&worker->go, on_go, go, EV_READ);
    ev_io_init(&worker->tick, on_tick, timer, EV_READ);
    ev_timer_init(&worker->end, on_end, 0, 0);
    worker->prepare.data = worker->go.data = worker->tick.data = worker->end.data = worker;
    ev_set_priority(&worker->prepare, EV_MAXPRI); /* before the loop looks whether it may sleep */
    ev_prepare_start(ev, &worker->prepare);
    ev_io_start(ev, &worker->go);
    caller_deadlines(worker);
    return 0;
}

/* The share of one worker of total, as even as it goes. */
static uint64_t share_of(uint64_t total, const struct worker_plan *plan) {
    return total / plan->count + (plan->index < total % plan->count);
}

static int init(struct worker *worker, const struct worker_plan *plan) {
    const struct bench_settings *settings = plan->plan->settings;
    *worker =
        (struct worker){.plan = plan->plan, .tally = plan->tally, .index = plan->index, .ready = plan->ready};
    worker->count = (unsigned)share_of((uint64_t)settings->conns, plan);
    worker->asked = settings->requests ? share_of((uint64_t)settings->requests, plan) : UINT64_MAX;
    worker->left = worker->asked;
    worker->schedule.rate = (double)settings->rate / plan->count;
    picker_init(&worker->picker, &plan->plan->keys, plan->index);
    worker->loop = calloc(1, sizeof(*worker->loop));
    if (!worker->loop)
        return -ENOMEM;
    int error = init_loop(worker);
    if (!error)
        error = init_callers(worker);
    if (!error)
        error = inspector_init(&worker->inspector, plan->plan);
    return error ? error : init_watchers(worker, plan->go);
}

/* Open loop: the requests that were due by now and could not be sent, of those that are measured. */
static uint64_t overdue(const struct worker *worker) {
    int64_t now = clock_ns(), until = now < worker->end_ns ? now : worker->end_ns - 1;
    uint64_t sent = worker->asked - worker->left;
    if (until < worker->measure_ns)
        return 0;
    uint64_t due = due_between(&worker->schedule, worker->measure_ns, until);
    if (due > worker->asked)
        due = worker->asked;
    return due > sent ? due - sent : 0;
}

/* Signals of the parent, and of a terminal as well, are the loop's while it runs: before and after, one would kill the
 * worker. The parent starts it with them blocked. */
static void mask_signals(int how) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(how, &set, NULL);
}

int worker_run(const struct worker_plan *plan) {
    struct worker worker;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (init(&worker, plan) != 0)
        return EXIT_FAILURE;
    mask_signals(SIG_UNBLOCK);
    loop_run(worker.loop);
    mask_signals(SIG_BLOCK);
    bool interrupted = worker.loop->state != LOOP_RUNNING;
    if (worker.started && worker.schedule.rate > 0 && !interrupted)
        tally_error(worker.tally, ERROR_TIMEOUT, overdue(&worker),
                    "due, but the connections were never free");
    if (worker.all_due && worker.left == 0)
        worker.tally->lasted = true;
    worker.finished = true;
    for (unsigned i = 0; i < worker.count; i++)
        caller_stop(&worker.callers[i]);
    if (!loop_end(worker.loop))
        _exit(EXIT_SUCCESS);
    loop_free(worker.loop);
    fdbin_empty(&worker.bin);
    inspector_free(&worker.inspector);
    free(worker.callers);
    free(worker.exchanges);
    free(worker.loop);
    return EXIT_SUCCESS;
}
