/* The limit of open files. */
#ifndef SLUICE_TOOLS_NOFILE_H
#define SLUICE_TOOLS_NOFILE_H

#include <sys/resource.h>

/* Raises it to what this process may have; what it is from now on. */
static inline long nofile_raise(void) {
    struct rlimit limit = {.rlim_cur = 1024};
    getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t soft = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    return (long)(setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : soft);
}

#endif
