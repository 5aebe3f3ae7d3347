#include "offload/cpus.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

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
