#include "tools/bench/procstat.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATH_BYTES 96

/* The process's CPU clock (clock_getcpuclockid(3)): all of its threads, ended ones too, in ns; /proc/PID/stat
 * has ticks of 10 ms, and schedstat is as old as the last tick. */
static int read_cpu(long pid, uint64_t *ns) {
    clockid_t clock;
    struct timespec used;
    int error = clock_getcpuclockid((pid_t)pid, &clock);
    if (error)
        return -error;
    if (clock_gettime(clock, &used) != 0)
        return -errno;
    *ns += (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
    return 0;
}

static uint64_t read_switches(long pid, long thread) {
    char path[PATH_BYTES], line[128];
    uint64_t sum = 0;
    snprintf(path, sizeof(path), "/proc/%ld/task/%ld/status", pid, thread);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file)) {
        const char *colon = strstr(line, "ctxt_switches:");
        if (colon)
            sum += strtoull(colon + strlen("ctxt_switches:"), NULL, 10);
    }
    if (file)
        fclose(file);
    return sum;
}

static int add_process(long pid, struct procstat *out) {
    char tasks[PATH_BYTES];
    snprintf(tasks, sizeof(tasks), "/proc/%ld/task", pid);
    DIR *dir = opendir(tasks);
    if (!dir)
        return errno == ENOENT ? -ESRCH : -errno;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        long thread = strtol(entry->d_name, NULL, 10);
        out->switches += read_switches(pid, thread);
        out->threads++;
    }
    closedir(dir);
    return read_cpu(pid, &out->cpu_ns);
}

int procstat_read(const char *pids, struct procstat *out) {
    *out = (struct procstat){0};
    for (const char *at = pids; *at;) {
        char *end;
        long pid = strtol(at, &end, 10);
        int error = end == at ? -EINVAL : add_process(pid, out);
        if (error)
            return error;
        at = end + strspn(end, ", ");
    }
    return 0;
}
