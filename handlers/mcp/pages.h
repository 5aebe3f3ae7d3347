/* Pages of a long list of keys. A walk finds far more than a page for little more work, so what it found is kept for a
 * moment, for whoever asks for the next pages; otherwise a directory of 100,000 objects would be read a thousand times.
 *
 *     cursor -> pages_take() -> the keys after it, if it is one of those that are kept
 *            -> a walk for PAGES_AHEAD keys -> pages_keep() -> the first of them */
#ifndef SLUICE_HANDLERS_MCP_PAGES_H
#define SLUICE_HANDLERS_MCP_PAGES_H

#include "handlers/rpc/object_calls.h"

#define PAGES_AHEAD 10000 /* keys of a walk */

struct pages {
    struct object_keys kept; /* keys is ours, or NULL */
    double since;            /* seconds, of the loop's clock */
};

/* Gets the page after a key. False: it is not kept (any longer). *page is valid until the next call. */
bool pages_take(struct pages *pages, struct span after, uint64_t size, double now, struct object_keys *page);
/* Keeps what a walk found, and cuts *found down to its first page. */
void pages_keep(struct pages *pages, uint64_t size, double now, struct object_keys *found);
/* Objects have come or gone. */
void pages_clear(struct pages *pages);
/* To be called now and then: frees what is too old. */
void pages_expire(struct pages *pages, double now);

#endif
