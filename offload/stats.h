/* Offload's counters (stats.def). */
#ifndef SLUICE_OFFLOAD_STATS_H
#define SLUICE_OFFLOAD_STATS_H

#include "offload/declare.h"
#include "offload/job.h"

struct offload_stats {
#define COUNTER(kind, field, help) COUNTER_TYPE_##kind field;
#include "offload/stats.def"
#undef COUNTER
};

/* The rows with base pointing to stats, which must stay. */
struct counters_table offload_stats_table(struct offload_stats *stats);
/* 0 or -ENOMEM; free in either case. */
int offload_stats_init(struct offload_stats *stats);
void offload_stats_free(struct offload_stats *stats);
/* Counts a job that came back from a pool or the ring and reached the loop at now_ns. */
void offload_stats_job(struct offload_stats *stats, const struct job *job, int64_t now_ns);

#endif
