/* Pages of a long list of keys: a walk finds far more than a page for little more work, so what it found is kept for a
 * moment, for whoever asks for the next pages. Without that a directory of 100,000 objects would be read a thousand
 * times.
 *
 *     cursor -> pages_take() -> the keys behind it, if it is one of those that are kept
 *            -> a walk for PAGES_AHEAD keys -> pages_keep() -> the first of them */
#ifndef SLUICE_HANDLERS_MCP_PAGES_H
#define SLUICE_HANDLERS_MCP_PAGES_H

#include "handlers/rpc/object_calls.h"

#define PAGES_AHEAD 10000 /* keys of a walk */

struct pages {
    struct object_keys kept; /* keys is ours, or NULL */
    double since;            /* seconds, of the loop's clock */
};

/* The page behind a key. False: it is not known, or not any more. *page is good until the next call. */
bool pages_take(struct pages *pages, struct span after, uint64_t size, double now, struct object_keys *page);
/* Keeps what a walk found, and cuts its first page. */
void pages_keep(struct pages *pages, uint64_t size, double now, struct object_keys *found);
/* Objects have come or gone. */
void pages_clear(struct pages *pages);
/* Now and then: lets go of what is too old. */
void pages_expire(struct pages *pages, double now);

#endif
