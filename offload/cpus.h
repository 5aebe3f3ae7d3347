/* Lists of CPUs as people write them: "0,2-3". */
#ifndef SLUICE_OFFLOAD_CPUS_H
#define SLUICE_OFFLOAD_CPUS_H

#include <sched.h>

/* Reads a list of CPU numbers and ranges. 0, or -EINVAL if it is malformed, empty or beyond CPU_SETSIZE. */
int cpus_parse(const char *text, cpu_set_t *out);
/* The CPUs of a list that this thread may use; all that it may use if text is NULL or empty. 0; -EINVAL as above;
 * -ENODEV: it may use none of the list. */
int cpus_choose(const char *text, cpu_set_t *out);

#endif
