/* Which bytes of objects were found in memory a moment ago.
 *
 * The kernel is asked before each sendfile(2), because one that has to read sleeps; it looks at every page, which costs
 * a tenth of sending them. So an answer is reused by the transfers of the next millisecond. Should the pages be evicted
 * meanwhile, one sendfile(2) reads them, as can happen between asking and sending anyway. */
#ifndef SLUICE_HANDLERS_OBJECTS_RESIDENT_H
#define SLUICE_HANDLERS_OBJECTS_RESIDENT_H

#include "handlers/objects/cache.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct offload;

#define RESIDENT_RANGES   64
#define RESIDENT_VALID_NS 1000000

/* All zero is empty. */
struct resident {
    struct resident_range {
        uint64_t version; /* of the object; also selects the slot */
        uint64_t from, to;
        int64_t asked_ns; /* for the first of it */
    } ranges[RESIDENT_RANGES];
};

/* Are n bytes from offset of an object in memory, on a local file system? now_ns: the turn's time. */
bool resident_has(struct resident *resident, struct offload *offload, const struct object *object,
                  uint64_t offset, size_t n, int64_t now_ns);

#endif
