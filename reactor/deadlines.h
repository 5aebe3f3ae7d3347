/* Deadlines as one first-in-first-out list per length of time, under one timer for all.
 *
 *     class "idle" (60 s):    [oldest] - [..] - [newest]      setting one: to the tail, O(1), no system call
 *     class "request" (10 s): [oldest] - [newest]             one ev_timer for the earliest head
 */
#ifndef SLUICE_REACTOR_DEADLINES_H
#define SLUICE_REACTOR_DEADLINES_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct deadline_class;

struct deadline {
    TAILQ_ENTRY(deadline) link;
    struct deadline_class *class; /* NULL: not set */
    double at;
};

struct deadline_class {
    TAILQ_HEAD(, deadline) list;
    LIST_ENTRY(deadline_class) link;
    double after; /* seconds; 0: never */
    void (*expired)(struct deadline *deadline);
    struct deadlines *deadlines;
};

struct deadlines {
    struct ev_loop *ev;
    const int64_t *now_ns;
    ev_timer timer;
    double armed;   /* when the timer fires; 0: stopped */
    unsigned turns; /* that what is due waits, since the loop stood still: nobody is late because we were */
    LIST_HEAD(, deadline_class) classes;
};

/* *now_ns: CLOCK_MONOTONIC at the start of ev's turn, kept up to date by the caller. libev's own clock is the time of
 * day, which may be set while a deadline runs. */
void deadlines_init(struct deadlines *deadlines, struct ev_loop *ev, const int64_t *now_ns);
void deadlines_stop(struct deadlines *deadlines);
/* Adds a class of deadlines that expire after so many seconds. expired is called on the loop; the deadline is no longer
 * set then. */
void deadlines_add(struct deadlines *deadlines, struct deadline_class *class, double after,
                   void (*expired)(struct deadline *deadline));
/* Sets or moves a deadline to now + the class's time; if that is 0, the deadline is only cleared. */
void deadline_set(struct deadline *deadline, struct deadline_class *class);
void deadline_clear(struct deadline *deadline);

/* True if a deadline that is set has passed, though expired() has not been called yet. */
bool deadline_is_past(const struct deadline *deadline);

static inline bool deadline_is(const struct deadline *deadline, const struct deadline_class *class) {
    return deadline->class == class;
}

#endif
