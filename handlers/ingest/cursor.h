/* How far a forwarder has come, and what distinguishes one log from all others; both are files beside the segments.
 *
 *     DIR/forward-nats.cursor   written anew and renamed, so that a reader sees the old or the new one, never a part
 *     DIR/identity              HOST-64 random bits, made once: sequences of different logs never mean the same */
#ifndef SLUICE_HANDLERS_INGEST_CURSOR_H
#define SLUICE_HANDLERS_INGEST_CURSOR_H

#include "handlers/ingest/segment.h"

#define IDENTITY_SIZE   64 /* with its NUL */
#define MESSAGE_ID_SIZE (IDENTITY_SIZE + 24)

struct cursor {
    uint64_t segment, offset; /* of the first record that is not acknowledged */
    uint64_t sequence;        /* of the first sample that is not */
    int64_t time_ms;          /* when the last acknowledged record was accepted; 0: there is none */
    /* From the broker's last receipt. */
    uint64_t stream_sequence; /* the highest, 0: nothing yet */
    char id[MESSAGE_ID_SIZE]; /* of the message with that sequence */
};

/* Reads the cursor of a forwarder. 0; -ENOENT: there is none; -EBADMSG: the file is not a cursor; or -errno. */
int cursor_read(int directory, const char *forwarder, struct cursor *out);
/* Replaces the cursor, durably. 0 or -errno. May sleep. */
int cursor_write(int directory, const char *forwarder, const struct cursor *cursor);
/* The log's identity, made if there is none. 0 or -errno. May sleep. */
int log_identity(int directory, char out[IDENTITY_SIZE]);

#endif
