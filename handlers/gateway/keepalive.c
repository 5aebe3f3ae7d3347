#include "handlers/gateway/keepalive.h"

#include "proto/chars.h"
#include "proto/http1_fields.h"

#include <stdbool.h>
#include <string.h>

#define MOMENT 0.1 /* seconds; closings within it are one event */
#define SHARE  0.8

/* The number of a parameter name=N; -1: it is another one. */
static int parameter(struct span member, const char *name) {
    struct span key = span_text(name);
    uint64_t value = 0;
    if (member.n > key.n && span_equal_nocase(span_of(member.p, key.n), key) && member.p[key.n] == '=' &&
        span_number(span_of(member.p + key.n + 1, member.n - key.n - 1), 1000000, &value) == 0)
        return (int)value;
    return -1;
}

int keepalive_said(struct keepalive *keepalive, struct span value) {
    int max = -1;
    for (struct span member; http1_list_next(&value, &member);) {
        int timeout = parameter(member, "timeout");
        if (timeout > 0)
            keepalive->said = timeout;
        else if (max < 0)
            max = parameter(member, "max");
    }
    return max;
}

void keepalive_closed(struct keepalive *keepalive, double idle, double now) {
    double *seen = keepalive->seen, *newest = seen + keepalive->count - 1;
    bool same = keepalive->count > 0 && now - keepalive->last < MOMENT;
    keepalive->last = now;
    if (same) {
        if (idle > *newest)
            *newest = idle;
        return;
    }
    if (keepalive->count == KEEPALIVE_SEEN)
        memmove(seen, seen + 1, --keepalive->count * sizeof(*seen));
    seen[keepalive->count++] = idle;
}

void keepalive_outlived(struct keepalive *keepalive, double idle) {
    unsigned kept = 0;
    for (unsigned i = 0; i < keepalive->count; i++)
        if (2 * keepalive->seen[i] + 1 > idle)
            keepalive->seen[kept++] = keepalive->seen[i];
    keepalive->count = kept;
}

double keepalive_limit(const struct keepalive *keepalive) {
    double least = keepalive->said;
    for (unsigned i = 0; i < keepalive->count; i++)
        if (least == 0 || keepalive->seen[i] < least)
            least = keepalive->seen[i];
    return least * SHARE;
}
