#include "handlers/gateway/keepalive.h"

#include "proto/chars.h"
#include "proto/http1_fields.h"

#define MOMENT 0.1 /* seconds; closings within it are one event */
#define SHARE  0.8

/* The number of a parameter name=N; 0: it is another one. */
static uint64_t parameter(struct span member, const char *name) {
    struct span key = span_text(name);
    uint64_t value = 0;
    if (member.n > key.n && span_equal_nocase(span_of(member.p, key.n), key) && member.p[key.n] == '=' &&
        span_number(span_of(member.p + key.n + 1, member.n - key.n - 1), 1000000, &value) == 0)
        return value;
    return 0;
}

unsigned keepalive_said(struct keepalive *keepalive, struct span value) {
    uint64_t max = 0;
    for (struct span member; http1_list_next(&value, &member);) {
        uint64_t timeout = parameter(member, "timeout");
        if (timeout > 0)
            keepalive->said = (double)timeout;
        else if (max == 0)
            max = parameter(member, "max");
    }
    return (unsigned)max;
}

void keepalive_closed(struct keepalive *keepalive, double idle, double now) {
    unsigned previous = (keepalive->at + KEEPALIVE_SEEN - 1) % KEEPALIVE_SEEN;
    bool same = keepalive->count > 0 && now - keepalive->last < MOMENT;
    keepalive->last = now;
    if (same) {
        if (idle > keepalive->seen[previous])
            keepalive->seen[previous] = idle;
        return;
    }
    keepalive->seen[keepalive->at] = idle;
    keepalive->at = (keepalive->at + 1) % KEEPALIVE_SEEN;
    if (keepalive->count < KEEPALIVE_SEEN)
        keepalive->count++;
}

double keepalive_limit(const struct keepalive *keepalive) {
    double least = keepalive->said;
    for (unsigned i = 0; i < keepalive->count; i++)
        if (least == 0 || keepalive->seen[i] < least)
            least = keepalive->seen[i];
    return least * SHARE;
}
