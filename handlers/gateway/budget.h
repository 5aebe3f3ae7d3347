/* How many retries may be under way: a share of the requests under way, and a few in any case. So a failing
 * upstream is not beaten by retries of retries. A request that no server had a byte of burdens nobody: its further
 * tries are free. */
#ifndef SLUICE_HANDLERS_GATEWAY_BUDGET_H
#define SLUICE_HANDLERS_GATEWAY_BUDGET_H

#include <stdbool.h>

struct budget {
    unsigned requests; /* under way, retries included */
    unsigned retries;  /* of these */
};

/* May one more retry start? percent of the requests, or floor. */
static inline bool budget_allows(const struct budget *budget, long percent, long floor) {
    long share = (long)budget->requests * percent / 100;
    return (long)budget->retries < (share > floor ? share : floor);
}

#endif
