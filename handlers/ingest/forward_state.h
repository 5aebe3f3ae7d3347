/* The two sides of the forwarder and what they share: the loop's is forward.c, the thread's forward_thread.c.
 *
 *     loop: written -> bound ==lock==> thread          thread: next -> news ==lock, post==> loop: stats, marks */
#ifndef SLUICE_HANDLERS_INGEST_FORWARD_STATE_H
#define SLUICE_HANDLERS_INGEST_FORWARD_STATE_H

#include "handlers/ingest/forward.h"
#include "reactor/posts.h"

#include <pthread.h>

#define FORWARD_MARKS 64 /* acknowledged segments that are kept and told apart; later ones join the last */
#define FORWARD_WHY   256

/* What the thread reports; totals only grow. */
struct forward_news {
    struct forward_stats stats; /* all but the lag */
    struct cursor cursor;
    uint64_t bytes_behind, bound_bytes; /* of the bound at that time */
    char why[FORWARD_WHY];              /* of the last failure */
};

/* Since when the segments before a number are acknowledged. */
struct forward_mark {
    uint64_t number;
    double since;
};

struct forward {
    struct loop *loop;
    const struct forward_settings *settings; /* not owned */
    const struct forward_engine *engine;
    int directory;

    /* The loop's. */
    struct forward_stats stats;
    struct log_bound written;
    struct forward_mark marks[FORWARD_MARKS];
    unsigned marks_count;
    uint64_t free_below;     /* segments before it may go */
    int64_t behind_since_ms; /* 0: all is acknowledged */
    uint64_t bytes_behind;
    bool told_away;

    /* Under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct log_bound bound;
    struct forward_news news;
    bool posted;
    struct posts *posts;
    struct post post;

    /* The thread's. */
    pthread_t thread;
    bool started;
    atomic_bool stopping;
    struct forward_link *link;
    struct cursor cursor;
    struct cargo cargo;
    struct forward_news next; /* to be reported */
    bool dirty;               /* the cursor is not saved */
    double saved;
    unsigned failures; /* in a row */
    double lost;       /* since when the broker lacks what it had acknowledged; 0: it has it */
    size_t unsure;     /* messages of the last load, if it was not acknowledged */
};

/* The thread's function; its argument is the forwarder. Ends after forward->stopping is set, and leaves the posts. */
void *forward_thread(void *argument);

#endif
