/* How many retries may be in progress: a share of the requests in progress, and a few in any case, so that retries do
 * not overwhelm a failing upstream. A request of which no server has received a byte is no burden: retrying it is
 * free. */
#ifndef SLUICE_HANDLERS_GATEWAY_BUDGET_H
#define SLUICE_HANDLERS_GATEWAY_BUDGET_H

#include <stdbool.h>

struct budget {
    unsigned requests; /* in progress, retries included */
    unsigned retries;  /* of these */
};

/* May one more retry start? Up to percent of the requests may be retries, but at least floor. */
static inline bool budget_allows(const struct budget *budget, long percent, long floor) {
    long share = (long)budget->requests * percent / 100;
    return (long)budget->retries < (share > floor ? share : floor);
}

#endif
