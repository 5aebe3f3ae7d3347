#include "offload/mailbox.h"

#include <sys/eventfd.h>

void mailbox_init(struct mailbox *mailbox, int eventfd) {
    atomic_init(&mailbox->head, NULL);
    atomic_init(&mailbox->asleep, false);
    atomic_init(&mailbox->wakes, 0);
    mailbox->eventfd = eventfd;
}

void mailbox_push(struct mailbox *mailbox, struct job *job) {
    struct job *head = atomic_load_explicit(&mailbox->head, memory_order_relaxed);
    do {
        job->next = head;
    } while (!atomic_compare_exchange_weak(&mailbox->head, &head, job));
    /* Whoever makes the list non-empty is responsible for the wake-up. */
    if (head == NULL && atomic_load(&mailbox->asleep)) {
        atomic_fetch_add_explicit(&mailbox->wakes, 1, memory_order_relaxed);
        eventfd_write(mailbox->eventfd, 1);
    }
}

bool mailbox_take(struct mailbox *mailbox, struct joblist *list) {
    if (!atomic_load_explicit(&mailbox->head, memory_order_relaxed))
        return false;
    struct job *newest = atomic_exchange(&mailbox->head, NULL);
    if (!newest)
        return false;
    struct joblist arrived = {.tail = newest};
    while (newest) {
        struct job *older = newest->next;
        newest->next = arrived.head;
        arrived.head = newest;
        newest = older;
    }
    joblist_append(list, &arrived);
    return true;
}

bool mailbox_sleep(struct mailbox *mailbox) {
    atomic_store(&mailbox->asleep, true);
    return atomic_load(&mailbox->head) == NULL;
}

void mailbox_wake(struct mailbox *mailbox) {
    /* A thread that still sees true writes the eventfd once more than needed, which is harmless. */
    atomic_store_explicit(&mailbox->asleep, false, memory_order_relaxed);
}
