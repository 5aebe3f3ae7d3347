/* What is sent to the broker next: the records of the log after a cursor, as messages.
 *
 *     segment: | record | record | record | ...          cargo: text of JSON lines
 *              ^cursor                    ^after                [ message | message | message ]
 *
 * One segment at a time, whole records, up to the bound and about CARGO_BYTES. A message has samples of one record
 * only, and always the same ones: its id is the log's identity and the sequence of its first sample. */
#ifndef SLUICE_HANDLERS_INGEST_CARGO_H
#define SLUICE_HANDLERS_INGEST_CARGO_H

#include "handlers/ingest/forward_engine.h"
#include "handlers/ingest/sample_text.h"

#define CARGO_BYTES ((size_t)1 << 20)

/* How far the log is complete. */
struct log_bound {
    uint64_t segment, offset; /* the segment being written, and how far; those before it are complete */
    uint64_t sequence;        /* of the next sample */
    uint64_t bytes;           /* written since the start */
    bool synced;              /* all of it is on the disk, not only in the kernel's cache */
};

struct cargo {
    int directory; /* not owned */
    char identity[IDENTITY_SIZE];
    size_t message_wanted; /* bytes of a message, unless a single sample is longer */
    struct text text;
    struct forward_message *messages;
    size_t count, room;
    struct cursor after; /* behind the messages */
    uint64_t samples;    /* in them */
    uint64_t oversized;  /* samples that were left out */
    uint64_t damaged;    /* places that could not be read and were skipped */
};

/* Loads what follows the cursor; samples that would make a message of more than most bytes are left out. If there is no
 * message but cargo->after has moved, there was nothing at that place. 0 or -errno. */
int cargo_load(struct cargo *cargo, const struct cursor *from, const struct log_bound *bound, size_t most);
/* Is there anything between the cursor and the bound? */
bool cargo_is_behind(const struct cursor *cursor, const struct log_bound *bound);
/* Bytes of the log between the cursor and the bound. */
uint64_t cargo_bytes_behind(int directory, const struct cursor *cursor, const struct log_bound *bound);
/* Sets the cursor to the start of the oldest segment. 0 or -errno. */
int cargo_rewind(int directory, const struct log_bound *bound, struct cursor *cursor);
void cargo_free(struct cargo *cargo);

#endif
