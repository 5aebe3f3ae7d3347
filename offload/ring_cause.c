#include "offload/ring_cause.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* The number behind key at the start of a line of a file; fallback if it is not there. */
static long number_in(const char *path, const char *key, long fallback) {
    FILE *file = fopen(path, "re");
    if (!file)
        return fallback;
    char line[256];
    long value = fallback;
    while (fgets(line, sizeof(line), file)) {
        if (strncmp(line, key, strlen(key)) == 0) {
            value = strtol(line + strlen(key), NULL, 10);
            break;
        }
    }
    fclose(file);
    return value;
}

static const char *explain(int error, char *room, size_t size) {
    bool filtered = number_in("/proc/self/status", "Seccomp:", 0) == 2;
    long disabled = number_in("/proc/sys/kernel/io_uring_disabled", "", 0);
    struct rlimit memlock = {0};
    switch (-error) {
    case EPERM:
    case EACCES:
        if (disabled == 2)
            return "the sysctl kernel.io_uring_disabled is 2";
        if (disabled == 1 && !filtered)
            return "the sysctl kernel.io_uring_disabled is 1 and we are not in kernel.io_uring_group";
        return filtered ? "a seccomp filter forbids it, as container profiles do"
                        : "a security module forbids it";
    case ENOSYS:
        return filtered ? "the kernel has no io_uring, or the seccomp filter on this process hides it"
                        : "the kernel has no io_uring";
    case ENOMEM:
        getrlimit(RLIMIT_MEMLOCK, &memlock);
        snprintf(room, size,
                 "out of memory, or RLIMIT_MEMLOCK (%llu KiB for all of this user's rings) is used up",
                 (unsigned long long)memlock.rlim_cur >> 10);
        return room;
    case EINVAL:
        return "the kernel's io_uring is older than 5.15";
    default:
        return NULL;
    }
}

void ring_cause(char *out, size_t size, const char *call, int error) {
    char room[128];
    const char *why = explain(error, room, sizeof(room));
    const char *name = strerrordesc_np(-error);
    snprintf(out, size, "%s: %s%s%s", call, name ? name : "unknown error", why ? ": " : "", why ? why : "");
}
