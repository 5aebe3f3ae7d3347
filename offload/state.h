/* What offload.c and lifetime.c share: all of offload's parts in one place. Used by the loop's thread alone, except for
 * pools and mailbox, which do their own locking. */
#ifndef SLUICE_OFFLOAD_STATE_H
#define SLUICE_OFFLOAD_STATE_H

#include "offload/files.h"
#include "offload/offload.h"
#include "offload/pool.h"
#include "offload/ring.h"
#include "offload/slab.h"

struct offload {
    struct offload_settings settings; /* numbers only, texts are not kept */
    struct offload_stats stats;
    struct notice notice;
    int eventfd;

    struct slab slab;
    const struct job *reaped; /* the one reaped last, until it is released */
    size_t open[2];           /* jobs of all pools but the handlers', and the handlers' */
    struct files files;
    struct pipes pipes;
    struct ring ring; /* driver NULL: there is none */
    int ring_fd;
    bool ring_lost;                    /* it broke down, and the description says so */
    struct joblist finished;           /* to be reaped */
    struct joblist waiting[JOB_POOLS]; /* for the flush that hands them to the pools */
    unsigned held;                     /* how many of them are for the files pool */
    unsigned opens;                    /* that the files pool has, or that came back and were not reaped */

    /* The turn's budget for jobs on the spot. */
    int64_t budget_ns;
    int64_t budget_from_ns; /* when the clock was first read, 0: not yet */
    int64_t budget_units;   /* of work until the clock is read */

    bool eventfd_only, eventfd_seen; /* offload_reap_on_eventfd_only() */
    bool drained;                    /* no new jobs */
    char description[512];

    struct pool pools[JOB_POOLS];
    struct mailbox mailbox;
};

/* Moves what pools and ring finished to offload->finished, once. False: there was nothing. */
bool offload_collect(struct offload *offload);
/* Finishes the job with an error, as never started. */
void offload_refuse(struct offload *offload, struct job *job, int error);

#endif
