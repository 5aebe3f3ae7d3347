/* What goes to the broker next: records of the log behind a cursor, as messages.
 *
 *     segment: | record | record | record | ...          cargo: text of JSON lines
 *              ^cursor                    ^after                [ message | message | message ]
 *
 * One segment at a time, whole records, up to the bound and about CARGO_BYTES. A message has samples of one record, and
 * the same ones whenever it is made: its id is the log's identity and the sequence of its first sample. */
#ifndef SLUICE_HANDLERS_INGEST_CARGO_H
#define SLUICE_HANDLERS_INGEST_CARGO_H

#include "handlers/ingest/forward_engine.h"
#include "handlers/ingest/sample_text.h"

#define CARGO_BYTES ((size_t)1 << 20)

/* Up to where the log is complete. */
struct log_bound {
    uint64_t segment, offset; /* the segment being written, and how far; those before it are complete */
    uint64_t sequence;        /* of the next sample */
    uint64_t bytes;           /* written since the start */
    bool synced;              /* all of it is on the disk, not only in the kernel's cache */
};

struct cargo {
    int directory; /* not owned */
    char identity[IDENTITY_SIZE];
    size_t message_wanted; /* bytes of a message, if a sample is not longer */
    struct text text;
    struct forward_message *messages;
    size_t count, room;
    struct cursor after; /* behind the messages */
    uint64_t samples;    /* in them */
    uint64_t oversized;  /* samples that were left out */
    uint64_t damaged;    /* places that could not be read and were passed over */
};

/* Loads what follows the cursor; no sample may make a message of more than most bytes. With no message and a cursor
 * that has moved there was nothing at that place. 0 or -errno. */
int cargo_load(struct cargo *cargo, const struct cursor *from, const struct log_bound *bound, size_t most);
/* Is there anything between them? */
bool cargo_is_behind(const struct cursor *cursor, const struct log_bound *bound);
/* Bytes of the log between them. */
uint64_t cargo_bytes_behind(int directory, const struct cursor *cursor, const struct log_bound *bound);
/* A cursor at the start of the oldest segment. 0 or -errno. */
int cargo_rewind(int directory, const struct log_bound *bound, struct cursor *cursor);
void cargo_free(struct cargo *cargo);

#endif
