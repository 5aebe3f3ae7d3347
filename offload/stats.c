#include "offload/stats.h"

#include "offload/clock.h"

#include <errno.h>
#include <string.h>

/* Three per cent of precision, up to a minute. */
#define HISTOGRAM_BITS  5
#define HISTOGRAM_LIMIT ((uint64_t)60 * NS_PER_S)

static const struct counter rows[] = {
#define COUNTER(kind, field, help) {#field, COUNTER_##kind, offsetof(struct offload_stats, field), help},
#include "offload/stats.def"
#undef COUNTER
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

struct counters_table offload_stats_table(struct offload_stats *stats) {
    return (struct counters_table){"offload", rows, ROWS, stats};
}

static struct histogram *histogram_at(struct offload_stats *stats, size_t row) {
    bool is_histogram = rows[row].kind == COUNTER_HISTOGRAM;
    return is_histogram ? (struct histogram *)(void *)((char *)stats + rows[row].offset) : NULL;
}

int offload_stats_init(struct offload_stats *stats) {
    memset(stats, 0, sizeof(*stats));
    for (size_t i = 0; i < ROWS; i++) {
        struct histogram *histogram = histogram_at(stats, i);
        int error = histogram ? histogram_init(histogram, HISTOGRAM_BITS, HISTOGRAM_LIMIT) : 0;
        if (error)
            return error;
    }
    return 0;
}

void offload_stats_free(struct offload_stats *stats) {
    for (size_t i = 0; i < ROWS; i++) {
        struct histogram *histogram = histogram_at(stats, i);
        if (histogram)
            histogram_free(histogram);
    }
}

static void add_time(struct histogram *histogram, int64_t from_ns, int64_t to_ns) {
    histogram_add(histogram, to_ns > from_ns ? (uint64_t)(to_ns - from_ns) : 0);
}

static void count_pool_job(struct offload_stats *stats, const struct job *job, int64_t now_ns) {
    stats->jobs_pool++;
    if (job->kind != JOB_CALL || job->pool == JOB_POOL_FILES)
        add_time(&stats->files_wait, job->submitted_ns, job->started_ns);
    else if (job->pool == JOB_POOL_HANDLERS)
        add_time(&stats->handlers_wait, job->submitted_ns, job->started_ns);
    add_time(&stats->pool_work, job->started_ns, job->finished_ns);
    add_time(&stats->pool_return, job->finished_ns, now_ns);
}

void offload_stats_job(struct offload_stats *stats, const struct job *job, int64_t now_ns) {
    if (job->error == -ECANCELED && job->started_ns == 0) {
        stats->jobs_dropped++;
    } else if (job->where == JOB_POOL) {
        count_pool_job(stats, job, now_ns);
    } else {
        stats->jobs_ring++;
        add_time(&stats->ring_time, job->submitted_ns, job->finished_ns);
    }
}
