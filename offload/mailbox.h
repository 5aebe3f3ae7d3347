/* Finished jobs on their way from pool threads to the loop.
 *
 *     thread -> push --+
 *     thread -> push --+-> head -> job -> job      take(): all at once, oldest first -> loop
 *     thread -> push --+   '- was empty and the loop may be asleep: write the eventfd
 *
 * No wake-up is lost: the loop announces its sleep, then looks at the list; a thread pushes, then looks at the
 * announcement. Both are sequentially consistent, so at least one of them sees the other. */
#ifndef SLUICE_OFFLOAD_MAILBOX_H
#define SLUICE_OFFLOAD_MAILBOX_H

#include "offload/joblist.h"

#include <stdalign.h>

struct mailbox {
    alignas(64) _Atomic(struct job *) head; /* newest first */
    alignas(64) atomic_bool asleep;         /* on its own line: threads only read it while the loop works */
    alignas(64) atomic_uint_fast64_t wakes; /* eventfd writes */
    int eventfd;                            /* not owned */
};

void mailbox_init(struct mailbox *mailbox, int eventfd);
/* Any thread: hands a job to the loop, which owns it from here on. */
void mailbox_push(struct mailbox *mailbox, struct job *job);
/* Loop: moves everything that arrived to the end of list, in order of arrival. False: nothing did. */
bool mailbox_take(struct mailbox *mailbox, struct joblist *list);
/* Loop: from now on a push writes the eventfd. False: something has already arrived. */
bool mailbox_sleep(struct mailbox *mailbox);
/* Loop: a push need not write the eventfd. */
void mailbox_wake(struct mailbox *mailbox);

#endif
