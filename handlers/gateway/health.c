#include "handlers/gateway/health.h"

#include "handlers/gateway/gateway.h"
#include "handlers/gateway/upstream.h"
#include "proto/http1_response.h"
#include "proto/http1_writer.h"
#include "reactor/container.h"
#include "reactor/loop.h"

#include <stdlib.h>

#define HEAD_ROOM 1024

struct health {
    struct stream stream; /* first; of an HTTP check */
    struct dial dial;
    struct endpoint *endpoint;
    struct deadline by;
    struct http1_scan scan;
    double due;
    unsigned good, bad; /* in a row */
    bool open;          /* the stream is */
    bool freed;         /* when the stream has died */
};

static void turn(struct health *health, bool down) {
    struct endpoint *endpoint = health->endpoint;
    struct upstream *upstream = endpoint->upstream;
    if (endpoint->down == down)
        return;
    endpoint->down = down;
    log_warn(upstream->loop->log, down ? "server down" : "server up",
             log_text("upstream", upstream->settings->name), log_text("server", endpoint->text));
    if (down)
        endpoint_empty(endpoint);
    else
        endpoint_returned(endpoint);
}

static void judge(struct health *health, bool good) {
    const struct upstream_settings *settings = health->endpoint->upstream->settings;
    deadline_clear(&health->by);
    if (good) {
        health->bad = 0;
        if ((long)++health->good >= settings->check_rise)
            turn(health, false);
        if (!health->endpoint->down)
            endpoint_readmit(health->endpoint);
    } else {
        health->good = 0;
        health->endpoint->stats.checks_failed++;
        if ((long)++health->bad >= settings->check_fall)
            turn(health, true);
    }
}

static void close_stream(struct health *health, bool good) {
    if (health->stream.dying)
        return;
    judge(health, good);
    stream_drop(&health->stream);
}

static void input(struct stream *stream) {
    struct health *health = (struct health *)(void *)stream;
    struct upstream *upstream = health->endpoint->upstream;
    struct http1_response response;
    struct http1_verdict verdict;
    do {
        struct span pending = stream_pending(stream);
        response.fields = gateway_fields(upstream->gateway);
        verdict = http1_response_decode(&health->scan, pending.p, pending.n, &HTTP1_LIMITS, HTTP1_GET, false,
                                        &response);
        if (verdict.kind == VERDICT_FRAME)
            iobuf_parsed(stream->in, verdict.n);
        iobuf_settle(&stream->loop->inputs, &stream->in);
    } while (verdict.kind == VERDICT_FRAME &&
             response.status < 200); /* RFC 9110, 15.2: the final one follows */
    if (verdict.kind == VERDICT_MORE && !stream->eof)
        return;
    bool good = verdict.kind == VERDICT_FRAME && response.status >= upstream->check_from &&
                response.status <= upstream->check_to;
    close_stream(health, good);
}

static void drained(struct stream *stream) {
    (void)stream;
}

static void died(struct stream *stream) {
    struct health *health = (struct health *)(void *)stream;
    health->open = false;
    if (health->by.class) /* it broke before there was an answer */
        judge(health, false);
    if (health->freed)
        free(health);
}

static const struct stream_class check_class = {
    .kind = FD_UPSTREAM, .input = input, .drained = drained, .died = died};

static bool send_get(struct health *health) {
    struct endpoint *endpoint = health->endpoint;
    const struct upstream_settings *settings = endpoint->upstream->settings;
    const char *host = *settings->check_host ? settings->check_host : endpoint_host(endpoint);
    char room[HEAD_ROOM];
    struct http1_writer writer;
    http1_writer_init(&writer, room, sizeof(room));
    http1_writer_request(&writer, span_text("GET"), span_text(settings->check_path));
    http1_writer_field(&writer, span_text("Host"), span_text(host));
    http1_writer_field(&writer, span_text("User-Agent"), span_text("sluiced-check"));
    http1_writer_field(&writer, span_text("Connection"), span_text("close"));
    return http1_writer_end(&writer) == 0 &&
           stream_send(&health->stream, span_of(room, writer.n), span_of(NULL, 0), -1, NULL) == 0;
}

static void connected(struct dial *dial, int result) {
    struct health *health = CONTAINER_OF(dial, struct health, dial);
    struct endpoint *endpoint = health->endpoint;
    struct loop *loop = endpoint->upstream->loop;
    if (dial_is_shortage(result)) { /* nothing was learned */
        deadline_clear(&health->by);
        return;
    }
    if (result < 0) {
        judge(health, false);
        return;
    }
    health->stream = (struct stream){0};
    health->scan = (struct http1_scan){0};
    stream_init(&health->stream, loop, &check_class, result, endpoint->name.address.ss_family == AF_UNIX);
    health->open = true;
    if (endpoint->upstream->settings->check == CHECK_TCP)
        close_stream(health, true);
    else if (!send_get(health))
        close_stream(health, false);
}

static void too_late(struct deadline *deadline) {
    struct health *health = CONTAINER_OF(deadline, struct health, by);
    if (dial_active(&health->dial))
        dial_cancel(&health->dial);
    judge(health, false);
    if (health->open)
        stream_drop(&health->stream);
}

void health_tick(struct health *health, double now) {
    struct upstream *upstream = health->endpoint->upstream;
    double interval = upstream->settings->check_interval;
    if (now < health->due || health->open || dial_active(&health->dial))
        return;
    double jitter = (double)(uint32_t)gateway_random(upstream->gateway) / UINT32_MAX;
    health->due = now + interval * (0.9 + 0.2 * jitter);
    if (!upstream->check.deadlines)
        deadlines_add(&upstream->loop->deadlines, &upstream->check, upstream->settings->check_timeout,
                      too_late);
    deadline_set(&health->by, &upstream->check);
    dial_begin(&health->dial, upstream->loop, &health->endpoint->name,
               upstream_source(upstream, health->endpoint->name.address.ss_family), &upstream->connect,
               connected);
}

struct health *health_new(struct endpoint *endpoint) {
    struct health *health = calloc(1, sizeof(*health));
    if (health)
        health->endpoint = endpoint;
    return health;
}

void health_free(struct health *health) {
    if (!health)
        return;
    deadline_clear(&health->by);
    dial_cancel(&health->dial);
    if (health->open) {
        health->freed = true;
        stream_drop(&health->stream);
    } else {
        free(health);
    }
}
