#include "offload/settings.h"

#include <sched.h>

static const struct setting rows[] = {
#define SETTING(kind, field, initial, range, help)                                                           \
    {#field, SETTING_##kind, offsetof(struct offload_settings, field), initial, range, help},
#include "offload/options.def"
#undef SETTING
};

const struct settings_table offload_settings_table = {"offload", rows, sizeof(rows) / sizeof(rows[0])};

/* CPUs that this process may use: a container often has fewer than the machine. */
static long cores(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

long offload_ring_workers(const struct offload_settings *settings) {
    return settings->uring == URING_OFF ? 0 : 2 * settings->uring_workers;
}

long offload_thread_count(const struct offload_settings *settings) {
    return settings->pool + settings->handler_threads + 1 + offload_ring_workers(settings);
}

static void share_threads(struct offload_settings *settings) {
    while (offload_thread_count(settings) > settings->threads_max) {
        long *largest = &settings->pool;
        if (settings->handler_threads > *largest)
            largest = &settings->handler_threads;
        if (settings->uring != URING_OFF && settings->uring_workers > *largest)
            largest = &settings->uring_workers;
        if (*largest == 1)
            break;
        --*largest;
    }
}

void offload_resolve(struct offload_settings *settings, long connections) {
    long n = cores();
    if (settings->pool == 0)
        settings->pool = n > 4 ? n : 4;
    if (settings->handler_threads == 0)
        settings->handler_threads = n;
    if (settings->queue_depth == 0)
        settings->queue_depth = connections;
    if (settings->threads_max > 0)
        share_threads(settings);
}
