/* A first-in first-out list of jobs, linked through job->next. */
#ifndef SLUICE_OFFLOAD_JOBLIST_H
#define SLUICE_OFFLOAD_JOBLIST_H

#include "offload/job.h"

#include <stddef.h>

struct joblist {
    struct job *head, *tail;
};

static inline void joblist_push(struct joblist *list, struct job *job) {
    job->next = NULL;
    if (list->head)
        list->tail->next = job;
    else
        list->head = job;
    list->tail = job;
}

/* The oldest job, or NULL. */
static inline struct job *joblist_pop(struct joblist *list) {
    struct job *job = list->head;
    if (job)
        list->head = job->next;
    return job;
}

/* Moves all of other behind what is in list. */
static inline void joblist_append(struct joblist *list, struct joblist *other) {
    if (!other->head)
        return;
    if (list->head)
        list->tail->next = other->head;
    else
        list->head = other->head;
    list->tail = other->tail;
    other->head = NULL;
}

#endif
