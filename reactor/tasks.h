/* Long work on the loop thread, done a step a turn so that other connections are served in between.
 *
 *     tasks_add() -> [ first ][ second ] ...      each turn: first->step() once; when it has ended, the next one
 *
 * One after the other: only one of them holds half a result in memory. */
#ifndef SLUICE_REACTOR_TASKS_H
#define SLUICE_REACTOR_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

/* A member of the owner's struct; in the list until step() says that it has ended. */
struct task {
    TAILQ_ENTRY(task) link;
    /* Works for about a millisecond. False: it has ended, and is the owner's again (who may free it here). */
    bool (*step)(struct task *task);
};

TAILQ_HEAD(tasks, task);

static inline void tasks_add(struct tasks *tasks, struct task *task) {
    TAILQ_INSERT_TAIL(tasks, task, link);
}

/* For the loop, once a turn. */
void tasks_step(struct tasks *tasks);
/* For the loop's end: runs all that is left to its end. */
void tasks_finish(struct tasks *tasks);

#endif
