/* A module of sluiced with one handler of each kind:
 *
 *     GET /greet/:name   inline: an answer at once
 *     GET /count/:n      streamed: the lines are made as fast as the client takes them
 *     GET /clock         Server-Sent Events, from a thread of the module's own
 *     primes             a worker's: computes, and stops when the client leaves; the configuration gives its route */
#include <sluice/handler.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void greet(struct sluice_request *request, void *user) {
    (void)user;
    const char *name = sluice_param(request, "name");
    sluice_reply_json(request, "{\"hello\":%s}", sluice_json_quote(request, name));
}

/* ---- primes ------------------------------------------------------------------------------------ */

static bool is_prime(unsigned long n) {
    for (unsigned long d = 2; d * d <= n; d++)
        if (n % d == 0)
            return false;
    return n > 1;
}

static void primes(struct sluice_request *request, void *user) {
    (void)user;
    const char *text = sluice_param(request, "n");
    unsigned long n = text ? strtoul(text, NULL, 10) : 0, count = 0;
    if (n == 0) {
        sluice_reply_error(request, 400, "n is a number from 1 on");
        return;
    }
    for (unsigned long i = 2; i <= n; i++) {
        if (i % 4096 == 0 && sluice_cancelled(request))
            return;
        count += is_prime(i);
    }
    sluice_reply_json(request, "{\"n\":%lu,\"primes\":%lu}", n, count);
}

/* ---- a stream ---------------------------------------------------------------------------------- */

struct counting {
    unsigned long at, end;
};

static long pull_lines(void *state, char *room, size_t size) {
    struct counting *counting = state;
    size_t n = 0;
    while (counting->at < counting->end && size - n >= sizeof "18446744073709551615\n")
        n += (size_t)sprintf(room + n, "%lu\n", ++counting->at);
    return (long)n; /* 0, SLUICE_END, when all were counted */
}

static void count(struct sluice_request *request, void *user) {
    (void)user;
    const char *text = sluice_param(request, "n");
    struct counting *counting = malloc(sizeof *counting);
    if (!counting) {
        sluice_reply_error(request, 503, "no memory");
        return;
    }
    *counting = (struct counting){.end = text ? strtoul(text, NULL, 10) : 0};
    struct sluice_source source = {.pull = pull_lines, .drop = free, .state = counting};
    sluice_reply_stream(request, "text/plain", &source);
}

/* ---- events ------------------------------------------------------------------------------------ */

/* One thread tells all who listen the time, once a second. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t stop;
    pthread_t thread;
    bool stopping;
    struct sluice_channel **listeners;
    size_t count;
} clocks = {.lock = PTHREAD_MUTEX_INITIALIZER, .stop = PTHREAD_COND_INITIALIZER};

static void tell_time(void) {
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)time(NULL));
    for (size_t i = clocks.count; i-- > 0;) {
        if (sluice_channel_event(clocks.listeners[i], NULL, "time", text) != SLUICE_CHANNEL_GONE)
            continue; /* who is too slow to take it misses it */
        sluice_channel_close(clocks.listeners[i]);
        clocks.listeners[i] = clocks.listeners[--clocks.count];
    }
}

static void *run_clock(void *argument) {
    (void)argument;
    pthread_mutex_lock(&clocks.lock);
    while (!clocks.stopping) {
        struct timespec next;
        tell_time();
        clock_gettime(CLOCK_REALTIME, &next);
        next.tv_sec++;
        pthread_cond_timedwait(&clocks.stop, &clocks.lock, &next);
    }
    pthread_mutex_unlock(&clocks.lock);
    return NULL;
}

static void listen_to_clock(struct sluice_request *request, void *user) {
    (void)user;
    struct sluice_channel *channel = sluice_reply_events(request, 4096);
    if (!channel)
        return;
    pthread_mutex_lock(&clocks.lock);
    struct sluice_channel **more = realloc(clocks.listeners, (clocks.count + 1) * sizeof *more);
    if (more) {
        clocks.listeners = more;
        more[clocks.count++] = channel;
    }
    pthread_mutex_unlock(&clocks.lock);
    if (!more)
        sluice_channel_close(channel);
}

/* ---- the module -------------------------------------------------------------------------------- */

SLUICE_MODULE;

int sluice_module_init(struct sluice_module *module) {
    const struct sluice_route routes[] = {
        {.name = "greet", .title = "GET /greet/:name", .handler = greet},
        {.name = "primes", .handler = primes, .run = SLUICE_RUN_WORKER},
        {.name = "count", .title = "GET /count/:n", .handler = count},
        {.name = "clock", .title = "GET /clock", .handler = listen_to_clock},
    };
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (sluice_module_add(module, &routes[i]) != 0)
            return -1;
    if (pthread_create(&clocks.thread, NULL, run_clock, NULL) != 0)
        return sluice_module_fail(module, "no thread for the clock");
    return 0;
}

void sluice_module_exit(void) {
    pthread_mutex_lock(&clocks.lock);
    clocks.stopping = true;
    pthread_cond_signal(&clocks.stop);
    pthread_mutex_unlock(&clocks.lock);
    pthread_join(clocks.thread, NULL);
    while (clocks.count > 0)
        sluice_channel_close(clocks.listeners[--clocks.count]);
    free(clocks.listeners);
}
