/* The driver of ring.h for the kernel's io_uring, by liburing. Belongs to the thread that opens it. */
#ifndef SLUICE_OFFLOAD_RING_KERNEL_H
#define SLUICE_OFFLOAD_RING_KERNEL_H

#include "offload/ring.h"

#include <stddef.h>

struct ring_plan {
    unsigned entries; /* of the submission queue */
    unsigned workers; /* io-wq threads of each kind, bounded and unbounded */
    int eventfd;      /* written for completions */
};

/* Sets up a ring with the best flags that this kernel has, caps its workers, and tries it out: a NOP, a read, a splice,
 * and the eventfd. 0, or -errno with the obstacle in cause. */
int ring_kernel_open(struct ring_driver **out, const struct ring_plan *plan, char *cause, size_t cause_size);
/* The ring's own descriptor, which belongs to the driver. */
int ring_kernel_fd(const struct ring_driver *driver);

#endif
