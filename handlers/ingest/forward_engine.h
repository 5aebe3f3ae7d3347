/* A kind of broker, as the forwarder sees it: five functions, all called on the forwarder's thread and allowed to
 * block.
 *
 *     open -> [holds: is what was acknowledged still there?] -> ship, ship, ... -> close
 *                                                               an error: close, a pause, open again
 *
 * To support another broker, add a file with such a struct, and name it in forward_engines.c. */
#ifndef SLUICE_HANDLERS_INGEST_FORWARD_ENGINE_H
#define SLUICE_HANDLERS_INGEST_FORWARD_ENGINE_H

#include "handlers/ingest/cursor.h"
#include "handlers/ingest/settings.h"

#include <stdatomic.h>

/* A connection; an engine's own struct starts with it. */
struct forward_link {
    size_t message_most; /* the longest message that the broker takes, in bytes */
};

struct forward_message {
    /* The same whenever this part of the log is sent, so that brokers can drop repetitions. */
    char id[MESSAGE_ID_SIZE];
    struct span text; /* lines of JSON */
};

/* What the broker has acknowledged. */
struct forward_receipt {
    uint64_t sequence;        /* the highest that the broker gave */
    char id[MESSAGE_ID_SIZE]; /* of the message that it gave it to */
    uint64_t duplicates;
};

struct forward_engine {
    const char *name; /* the forward section's title; also part of the cursor's file name */
    /* Connects. 0, or -errno with a reason. */
    int (*open)(const struct forward_settings *settings, struct forward_link **out, char *why,
                size_t why_size);
    /* 1: the broker still has the message with this sequence, or has dropped it by its own rules; 0: it has lost it; or
     * -errno with a reason: it cannot say. */
    int (*holds)(struct forward_link *link, uint64_t sequence, const char *id, char *why, size_t why_size);
    /* Sends the messages; 0 when all of them are acknowledged, else -errno with a reason, and any of them may have
     * arrived. Gives up soon (-ECANCELED) when *stop becomes true. */
    int (*ship)(struct forward_link *link, const struct forward_message *messages, size_t count,
                const atomic_bool *stop, struct forward_receipt *receipt, char *why, size_t why_size);
    bool (*alive)(struct forward_link *link);
    void (*close)(struct forward_link *link);
};

/* The engine of this name, or NULL. */
const struct forward_engine *forward_engine(const char *name);

#endif
