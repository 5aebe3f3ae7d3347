/* Why there is no io_uring, in words that name the cause. */
#ifndef SLUICE_OFFLOAD_RING_CAUSE_H
#define SLUICE_OFFLOAD_RING_CAUSE_H

#include <stddef.h>

/* call: the system call that failed, error: its -errno. Reads the sysctl, seccomp state and limits. */
void ring_cause(char *out, size_t size, const char *call, int error);

#endif
