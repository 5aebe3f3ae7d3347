/* Where an auto route runs: on the loop while it is fast, on workers while it is not.
 *
 *     loop    --- its 99th percentile is over limit     --> workers
 *     workers --- its 99th percentile is under limit/2  --> loop
 *
 * Decided by counting the calls over the bound in a window: more than one in a hundred, and the percentile is over it.
 * Moving to the workers does not wait for the window's end, because every slow call holds up the loop. */
#ifndef SLUICE_HANDLERS_HTTP_PLACEMENT_H
#define SLUICE_HANDLERS_HTTP_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#define PLACEMENT_WINDOW 300u /* calls */
#define PLACEMENT_SLOW   3u   /* of them may be over the bound */

/* On the loop, with an empty window, when zeroed. */
struct placement {
    bool workers;
    unsigned calls, slow;
};

/* A call took ns where the placement says; limit_ns: the percentile allowed on the loop. True: it moved. */
bool placement_note(struct placement *placement, int64_t ns, int64_t limit_ns);

#endif
