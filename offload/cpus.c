#include "offload/cpus.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A number below CPU_SETSIZE at *text, which is moved behind it; -1 if there is none. */
static long take_number(const char **text) {
    if (!isdigit((unsigned char)**text))
        return -1;
    char *end;
    long n = strtol(*text, &end, 10);
    *text = end;
    return n < CPU_SETSIZE ? n : -1;
}

int cpus_parse(const char *text, cpu_set_t *out) {
    CPU_ZERO(out);
    for (;; text++) {
        long first = take_number(&text), last = first;
        if (*text == '-') {
            text++;
            last = take_number(&text);
        }
        if (first < 0 || last < first)
            return -EINVAL;
        for (long cpu = first; cpu <= last; cpu++)
            CPU_SET((size_t)cpu, out);
        if (*text == '\0')
            return 0;
        if (*text != ',')
            return -EINVAL;
    }
}

int cpus_choose(const char *text, cpu_set_t *out) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        memset(&allowed, 0xff, sizeof(allowed)); /* a machine of more than CPU_SETSIZE CPUs */
    if (!text || !*text) {
        *out = allowed;
        return 0;
    }
    int error = cpus_parse(text, out);
    CPU_AND(out, out, &allowed);
    return error ? error : CPU_COUNT(out) > 0 ? 0 : -ENODEV;
}
