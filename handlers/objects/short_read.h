/* A short object, read completely before its reply: head and bytes leave in one buffer and one send, and the replies of
 * a pipeline together. */
#ifndef SLUICE_HANDLERS_OBJECTS_SHORT_READ_H
#define SLUICE_HANDLERS_OBJECTS_SHORT_READ_H

#include "handlers/objects/objects.h"

#define SHORT_READ_MAX 3072u /* with its head it fits into one segment of the output queue */

struct short_read {
    struct objects *objects;
    struct object object; /* fields.count bytes from fields.offset */
    /* Answers; called only if all bytes came and the client is still there. */
    void (*done)(struct request *request, const struct short_read *read);
    uint8_t mark; /* the caller's */
    char bytes[SHORT_READ_MAX];
};

/* For an open job's done(): reads object->fields.count bytes (at most SHORT_READ_MAX) and answers, at once if they are
 * cached. 0, and the object is taken over; read errors are answered here. Or -EBUSY. */
int short_read_start(struct objects *objects, struct request *request, const struct object *object,
                     uint8_t mark, void (*done)(struct request *request, const struct short_read *read));

static inline struct span short_read_bytes(const struct short_read *read) {
    return span_of(read->bytes, (size_t)read->object.fields.count);
}

#endif
