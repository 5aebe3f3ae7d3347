#include "handlers/ingest/admission.h"

#include "handlers/ingest/answer.h"
#include "offload/clock.h"
#include "proto/crc32c.h"
#include "reactor/conn.h"
#include "reactor/http1_reply.h"
#include "reactor/loop.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

struct refusal_reply {
    int refusal;
    int status; /* HTTP's */
    const char *name, *text;
};

/* The last row stands for all that the others do not name. */
static const struct refusal_reply replies[] = {
    {-EBUSY, 503, "BUSY", "the queue of the log is full; try again"},
    {-EAGAIN, 503, "LOG_HELD", "the log is at its cap until the broker has taken it; try again"},
    {-ENOSPC, 507, "DISK_FULL", "the disk of the log is full; nothing of this batch was taken"},
    {-E2BIG, 413, "TOO_LARGE", "the batch does not fit into a file of the log"},
    {-ENOMEM, 503, "BUSY", "no memory for the batch; try again"},
    {-EIO, 503, "LOG_FAILED", "the log has failed; nothing is taken until a restart"},
};

static const struct refusal_reply *reply_to(int refusal) {
    size_t i = 0;
    while (i + 1 < sizeof(replies) / sizeof(replies[0]) && replies[i].refusal != refusal)
        i++;
    return &replies[i];
}

const char *admission_reason(int refusal) {
    return reply_to(refusal)->text;
}

void admission_count(struct ingest *ingest, int refusal) {
    struct ingest_stats *stats = &ingest->stats;
    stats->queue_full += refusal == -EBUSY;
    stats->held += refusal == -EAGAIN;
    stats->disk_full += refusal == -ENOSPC;
    stats->log_failed += reply_to(refusal)->refusal == -EIO;
}

void admission_refuse(struct ingest *ingest, struct request *request, enum answer_style style, int refusal) {
    const struct refusal_reply *reply = reply_to(refusal);
    admission_count(ingest, refusal);
    answer_error(request, style, reply->status, reply->name, reply->text);
}

/* A request field's value, else address, /64 or uid. */
struct limiter_client *admission_client(struct ingest *ingest, const struct request *request) {
    struct span name = span_of(NULL, 0);
    if (ingest->settings->rate_header[0] && request->exchange)
        name = exchange_field(request->exchange, ingest->settings->rate_header);
    if (!name.p)
        name = span_of(&request->conn->peer->key, sizeof(request->conn->peer->key));
    return limiter_find(&ingest->limiter, name.p, name.n, loop_now(ingest->loop));
}

/* Retry-After and the RateLimit fields (draft-ietf-httpapi-ratelimit-headers). */
static void refuse_rate(struct ingest *ingest, struct request *request, enum answer_style style,
                        const struct limiter_client *client) {
    struct http1_reply reply;
    char text[96];
    uint64_t wait = (uint64_t)limiter_wait(&ingest->limiter, client) + 1;
    ingest->stats.limited++;
    answer_error_begin(&reply, request, style, 429, wait);
    snprintf(text, sizeof(text), "\"samples\";q=%.0f;w=1", ingest->limiter.rate);
    http1_reply_field(&reply, "RateLimit-Policy", span_text(text));
    snprintf(text, sizeof(text), "\"samples\";r=0;t=%" PRIu64, wait);
    http1_reply_field(&reply, "RateLimit", span_text(text));
    answer_error_end(&reply, style, 429, "RATE_LIMITED", "this client sends more samples than its rate");
}

/* A hash of a body: enough to tell a repetition from another batch that is sent under the same key by mistake. */
static uint64_t fingerprint(const struct exchange *exchange) {
    return (uint64_t)exchange->body_n << 32 | crc32c(0, exchange->body, exchange->body_n);
}

/* Answers a request whose key is known, with its first answer or an error. */
static void repeat(struct ingest *ingest, enum answer_style style, struct request *request,
                   const struct idempotency_entry *entry) {
    struct span body = span_of(entry->answer, entry->answer_n);
    if (entry->fingerprint != fingerprint(request->exchange)) {
        answer_error(request, style, 422, "KEY_REUSED", "this Idempotency-Key came with another body before");
    } else if (!entry->answer) {
        answer_error(request, style, 409, "IN_PROGRESS",
                     "the first batch with this Idempotency-Key is not finished");
    } else {
        ingest->stats.repeated++;
        answer_reply(request, style, entry->answer_n || style != ANSWER_LINES ? 200 : 204, body, entry->ack,
                     entry->sequence, entry->count);
    }
}

/* True: the key, if there is one, is new. */
static bool is_first(struct ingest *ingest, enum answer_style style, struct request *request,
                     struct span key) {
    if (!key.p)
        return true;
    if (key.n == 0 || key.n > IDEMPOTENCY_KEY_MAX) {
        answer_error(request, style, 400, "BAD_REQUEST", "an Idempotency-Key has 1 to 255 bytes");
        return false;
    }
    const struct idempotency_entry *known = idempotency_find(&ingest->idempotency, key, clock_wall_ms());
    if (known)
        repeat(ingest, style, request, known);
    return !known;
}

bool admission_pass(struct ingest *ingest, enum answer_style style, int ack, struct request *request,
                    struct idempotency_entry **entry) {
    struct span key = span_of(NULL, 0);
    *entry = NULL;
    if (ingest->idempotency.window_ms > 0)
        key = exchange_field(request->exchange, "Idempotency-Key");
    if (!is_first(ingest, style, request, key))
        return false;
    int refusal = journal_refusal(&ingest->journal);
    struct limiter_client *client = refusal ? NULL : admission_client(ingest, request);
    if (client && !limiter_allows(&ingest->limiter, client)) {
        refuse_rate(ingest, request, style, client);
        return false;
    }
    if (!refusal && key.p &&
        !(*entry = idempotency_begin(&ingest->idempotency, key, fingerprint(request->exchange), ack)))
        refusal = -ENOMEM;
    if (refusal)
        admission_refuse(ingest, request, style, refusal);
    return !refusal;
}
