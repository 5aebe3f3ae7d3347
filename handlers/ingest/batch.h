/* A batch: the good samples of one POST as a record of the log, and what is wrong with the others.
 *
 *     batch: [ RECORD_HEAD | key and answer (keyed) | sample | sample | ... ]   + refusals
 *            decoders append; intake completes it; the journal writes its bytes as they are */
#ifndef SLUICE_HANDLERS_INGEST_BATCH_H
#define SLUICE_HANDLERS_INGEST_BATCH_H

#include "handlers/ingest/refusals.h"
#include "handlers/ingest/segment.h"
#include "proto/sample.h"
#include "reactor/tasks.h"

#define BATCH_REFUSED UINT32_MAX /* the place of a sample that batch_drop() removes */

struct batch {
    STAILQ_ENTRY(batch) link; /* of the journal's queue */
    char *bytes;              /* the record; owned */
    size_t n, room;
    uint32_t count;   /* samples in it */
    uint32_t *places; /* of each sample, its index or line; owned */
    uint32_t places_room;
    bool by_line;  /* places are lines */
    bool in_array; /* places are indices of a JSON array */
    enum record_format format;
    uint16_t flags;
    int ack;           /* ACK_*: what its sender is promised */
    uint64_t sequence; /* of the first sample; set by the journal */
    struct refusals refusals;
    int64_t queued_ns;
    struct task task; /* its samples pass the table of series step by step (acceptance.c) */
    uint32_t starved; /* samples whose series found no memory */
    struct span left; /* samples that are still to pass */
    uint32_t at;      /* the index of the first of them */
    uint64_t client;  /* the client that adds new series, for series_admit() */
    void (*passed)(struct batch *batch); /* all have passed */
    /* Called by the journal at the end: 0: it is written as promised; -ENOSPC: the disk is full; else the log has
     * failed. The callee owns the batch from then on. */
    void (*done)(struct batch *batch, int error);
    void *context;                   /* for done() */
    struct ingest *ingest;           /* whose it is, for done() */
    uint64_t owner;                  /* handle of the request that waits for it; 0: nobody */
    struct idempotency_entry *entry; /* that waits for its answer, or NULL */
    bool malformed;                  /* the body as a whole, so nothing in it can be taken */
    char *answer;                    /* the body of the answer; owned */
    size_t answer_n;
    int status;       /* of the answer */
    uint64_t spoiled; /* good samples that were refused with the bad ones (partial = no) */
};

/* NULL without memory. */
struct batch *batch_new(enum record_format format);
void batch_free(struct batch *batch);
/* Appends a sample; place: where it was in the body. 0, -ENOMEM, or -E2BIG: the record would be too long. */
int batch_add(struct batch *batch, const struct sample *sample, uint32_t place);
/* Puts key and answer before the samples; batch->ack must be set. 0, -ENOMEM or -E2BIG. */
int batch_key(struct batch *batch, struct span key, struct span answer);
/* The samples, encoded. */
struct span batch_samples(const struct batch *batch);
/* Removes the samples whose place was set to BATCH_REFUSED. Must be called before batch_key(). */
void batch_drop(struct batch *batch);

#endif
