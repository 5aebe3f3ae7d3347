#include "handlers/ingest/intake.h"

#include "handlers/http/methods.h"
#include "handlers/ingest/acceptance.h"
#include "handlers/ingest/admission.h"
#include "handlers/ingest/answer.h"
#include "handlers/ingest/gunzip.h"
#include "offload/clock.h"
#include "proto/chars.h"
#include "reactor/http1_reply.h"
#include "reactor/loop.h"
#include "reactor/request.h"

#include <errno.h>
#include <stdlib.h>

#define INLINE_BODY ((size_t)64 << 10) /* a longer body is decoded in the handlers pool */

/* A body on its way to a batch. */
struct intake {
    struct ingest_endpoint *endpoint;
    const struct ingest_format *format;
    struct exchange *exchange;       /* held while a worker reads its body */
    struct idempotency_entry *entry; /* pending, or NULL */
    int ack;                         /* ACK_* */
    struct batch *batch;
    bool gzip;
    size_t bytes; /* of the body, after decompression */
    int error;    /* -EINVAL, -EFBIG of gunzip; -ENOMEM; -E2BIG */
};

/* ---- after the log ----------------------------------------------------------------------------- */

static enum answer_style style_of(const struct batch *batch) {
    return ((const struct ingest_format *)batch->context)->style;
}

/* Answers the request, if its client has not left. */
static void reply(const struct batch *batch) {
    struct request *request = request_find(batch->ingest->loop, batch->owner);
    if (request)
        answer_reply(request, style_of(batch), batch->status, span_of(batch->answer, batch->answer_n),
                     batch->ack, batch->sequence, batch->count);
}

/* Remembers the answer for repetitions of an Idempotency-Key. */
static void remember(const struct batch *batch) {
    if (batch->entry && !batch->entry->answer)
        idempotency_answer(batch->entry, span_of(batch->answer, batch->answer_n), batch->sequence,
                           batch->count);
}

/* Nothing of the batch is in the log. error 0: nothing of it had to be. */
static void fail(struct batch *batch, int error) {
    struct ingest *ingest = batch->ingest;
    struct request *request = request_find(ingest->loop, batch->owner);
    if (request && error)
        admission_refuse(ingest, request, style_of(batch), error);
    idempotency_cancel(&ingest->idempotency, batch->entry);
    acceptance_undo(batch);
    batch_free(batch);
}

/* The samples are the latest of their series, so clients can read them after the answer. */
static void applied(struct batch *batch) {
    reply(batch);
    batch_free(batch);
}

/* The journal is done with a batch. */
static void logged(struct batch *batch, int error) {
    struct ingest *ingest = batch->ingest;
    ingest->stats.lost += error && batch->ack == ACK_MEMORY;
    if (error) {
        fail(batch, error);
        return;
    }
    remember(batch);
    if (batch->entry)
        idempotency_end(&ingest->idempotency, batch->entry, clock_wall_ms());
    acceptance_logged(batch, applied);
}

/* ---- to the log -------------------------------------------------------------------------------- */

/* Makes the answer, and with an Idempotency-Key puts it into the record. 0 or -errno. */
static int complete(struct batch *batch) {
    char key[8 + IDEMPOTENCY_KEY_MAX];
    int error = batch->starved ? -ENOMEM : answer_make(style_of(batch), batch);
    if (error || !batch->entry || batch->count == 0)
        return error;
    size_t n = idempotency_pack(batch->entry, key);
    return batch_key(batch, span_of(key, n), span_of(batch->answer, batch->answer_n));
}

/* Sends the samples that may be taken to the log; nothing if there are none, or if the client has left meanwhile. */
static void taken(struct batch *batch) {
    struct ingest *ingest = batch->ingest;
    int error = request_find(ingest->loop, batch->owner) ? complete(batch) : -ECANCELED;
    if (!error && batch->count > 0)
        error = journal_append(&ingest->journal, batch);
    if (error) {
        fail(batch, error);
        return;
    }
    ingest->stats.accepted += batch->count;
    if (batch->count > 0 && batch->ack != ACK_MEMORY)
        return;
    reply(batch);
    batch->owner = 0;
    if (batch->count > 0)
        remember(batch);
    else
        fail(batch, 0);
}

/* Sends a decoded batch to the log, or answers it. */
static void hand_in(const struct intake *intake, struct request *request) {
    struct ingest *ingest = intake->endpoint->ingest;
    struct batch *batch = intake->batch;
    batch->context = (void *)(uintptr_t)intake->format;
    batch->ingest = ingest;
    batch->entry = intake->entry;
    batch->ack = intake->ack;
    batch->owner = request_handle(request);
    batch->done = logged;
    acceptance_take(batch, admission_client(ingest, request), taken);
}

/* Drops a body that does not become a batch. */
static void drop(const struct intake *intake) {
    idempotency_cancel(&intake->endpoint->ingest->idempotency, intake->entry);
    batch_free(intake->batch);
}

/* ---- decoding ---------------------------------------------------------------------------------- */

static void decode(struct intake *intake, struct span body) {
    const struct ingest_settings *settings = intake->endpoint->ingest->settings;
    const struct ingest_format *format = intake->format;
    struct decoding decoding = {.query = intake->exchange->head.query};
    char *inflated = NULL;
    size_t n;
    if (intake->gzip) {
        intake->error = gunzip(body, settings->body_limit, (size_t)settings->gzip_ratio, &inflated, &n);
        body = span_of(inflated, n);
    }
    if (!intake->error && !(intake->batch = decoding.batch = batch_new(format->format)))
        intake->error = -ENOMEM;
    if (!intake->error) {
        intake->bytes = body.n;
        intake->batch->by_line = format->by_line;
        rules_init(&decoding.rules, settings, format->prometheus_names, clock_wall_ms());
        format->decode(&decoding, body);
        rules_free(&decoding.rules);
        intake->error = decoding.error;
    }
    free(inflated);
}

/* Continues with what was decoded. */
static void decoded(struct intake *intake, struct request *request) {
    struct ingest *ingest = intake->endpoint->ingest;
    ingest->stats.bytes += intake->bytes;
    if (!intake->error) {
        hand_in(intake, request);
        return;
    }
    if (intake->error == -EINVAL)
        answer_error(request, intake->format->style, 400, "BAD_REQUEST",
                     "the body is no gzip, or it is cut off");
    else if (intake->error == -EFBIG)
        answer_error(request, intake->format->style, 413, "TOO_LARGE",
                     "the body grows too large or too much (body_limit, gzip_ratio)");
    else
        admission_refuse(ingest, request, intake->format->style, intake->error);
    drop(intake);
}

static void run_decode(struct job *job) {
    struct intake *intake = job->call.argument;
    decode(intake, span_of(intake->exchange->body, intake->exchange->body_n));
}

static void decode_done(struct job *job) {
    struct intake *intake = job->call.argument;
    struct request *request = request_of_job(intake->endpoint->ingest->loop, job);
    if (request && job->error == 0)
        decoded(intake, request);
    else
        drop(intake);
    exchange_end(intake->exchange);
    free(intake);
}

/* Has a worker decode the body. */
static void hand_on(struct request *request, const struct intake *intake) {
    struct loop *loop = request_loop(request);
    struct job *job = offload_job(loop->offload, JOB_CALL, JOB_POOL_HANDLERS);
    struct intake *copy = job ? malloc(sizeof(*copy)) : NULL;
    struct exchange *held = copy ? exchange_hold(request) : NULL;
    if (!held) {
        if (job)
            offload_release(loop->offload, job);
        free(copy);
        drop(intake);
        answer_error(request, intake->format->style, 503, "BUSY", "too much work in hand; try again");
        return;
    }
    *copy = *intake;
    copy->exchange = held;
    job->call.run = run_decode;
    job->call.argument = copy;
    request_submit(request, job, decode_done, NULL);
}

/* The format of a body, by its Content-Type where the path takes two. NULL: neither. */
static const struct ingest_format *format_of(const struct ingest_endpoint *endpoint,
                                             const struct exchange *exchange) {
    struct span type = exchange_field(exchange, "Content-Type");
    const char *end = type.p ? memchr(type.p, ';', type.n) : NULL;
    if (end)
        type.n = (size_t)(end - type.p);
    type = span_trim(type);
    if (!endpoint->protobuf)
        return endpoint->format;
    if (span_equal_nocase(type, span_text("application/x-protobuf")))
        return endpoint->protobuf;
    return span_equal_nocase(type, span_text("application/json")) ? endpoint->format : NULL;
}

/* Refuses a content coding, and says which ones the endpoint takes (RFC 9110, 15.5.16). */
static void refuse_coding(struct request *request, enum answer_style style) {
    struct http1_reply refusal;
    answer_error_begin(&refusal, request, style, 415, 0);
    http1_reply_field(&refusal, "Accept-Encoding", span_text("gzip"));
    answer_error_end(&refusal, style, 415, "UNSUPPORTED", "the only Content-Encoding is gzip");
}

/* Takes a request for an endpoint, which is promised ack. */
static void take_in(struct request *request, struct exchange *exchange, struct ingest_endpoint *endpoint,
                    int ack) {
    struct intake intake = {
        .endpoint = endpoint, .exchange = exchange, .format = format_of(endpoint, exchange), .ack = ack};
    struct span coding = exchange_field(exchange, "Content-Encoding");
    if (endpoint->get && (exchange->head.method == HTTP1_GET || exchange->head.method == HTTP1_HEAD)) {
        endpoint->get(endpoint->ingest, request);
        return;
    }
    if (exchange->head.method != HTTP1_POST) {
        methods_answer(request, 1u << HTTP1_POST | (endpoint->get ? METHODS_READ : 0));
        return;
    }
    endpoint->ingest->stats.batches++;
    intake.gzip = span_equal_nocase(coding, span_text("gzip")) ||
                  span_equal_nocase(coding, span_text("x-gzip")); /* RFC 9110, 8.4.1.3 */
    if (!intake.format) {
        answer_error(request, ANSWER_OTLP_JSON, 415, "UNSUPPORTED",
                     "the Content-Type is application/x-protobuf or application/json");
        return;
    }
    if (coding.n > 0 && !intake.gzip && !span_equal_nocase(coding, span_text("identity"))) {
        refuse_coding(request, intake.format->style);
        return;
    }
    if (!admission_pass(endpoint->ingest, intake.format->style, ack, request, &intake.entry))
        return;
    if (intake.gzip || exchange->body_n > INLINE_BODY) {
        hand_on(request, &intake);
        return;
    }
    decode(&intake, span_of(exchange->body, exchange->body_n));
    decoded(&intake, request);
}

void intake_run(struct request *request, struct exchange *exchange) {
    struct ingest_endpoint *endpoint = exchange->handler->context;
    take_in(request, exchange, endpoint, endpoint->ingest->settings->ack);
}

void intake_run_route(struct request *request, struct exchange *exchange) {
    const struct ingest_route *route = exchange->handler->context;
    struct ingest *ingest = route->ingest;
    for (size_t i = 0; i < ingest->endpoints_count; i++)
        if (span_equal(exchange->path, span_text(ingest->endpoints[i].path))) {
            take_in(request, exchange, &ingest->endpoints[i], route->ack);
            return;
        }
    request_fail(request, STATUS_NOT_FOUND, "no metrics are taken here");
}
