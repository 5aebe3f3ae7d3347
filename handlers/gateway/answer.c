#include "handlers/gateway/answer.h"

#include "handlers/gateway/gateway.h"
#include "handlers/gateway/proxy.h"
#include "handlers/gateway/proxy_failure.h"
#include "handlers/gateway/upconn.h"
#include "handlers/gateway/upstream.h"
#include "offload/clock.h"
#include "proto/http1_response.h"
#include "reactor/conn.h"
#include "reactor/container.h"
#include "reactor/http1_reply.h"
#include "reactor/loop.h"

#define SMALL_BODY   2048u        /* an answer up to this size leaves in one send with its head */
#define INTERIM_MARK (16u * 1024) /* bytes queued for a client, above which it gets no interim answers */

/* The whole answer has come: gives the connection back. */
static void give_back(struct proxy *proxy) {
    struct upconn *conn = proxy->conn;
    proxy->conn = NULL;
    if (conn)
        endpoint_give(conn->endpoint, conn,
                      proxy->keep_alive && proxy->body_over && outq_is_empty(&conn->stream.out));
}

static void relayed(struct relay *relay, bool whole) {
    struct proxy *proxy = CONTAINER_OF(relay, struct proxy, relay);
    struct request *request = proxy->request;
    struct endpoint *endpoint = proxy->checkout.endpoint;
    if (whole) {
        proxy_book(proxy, proxy->status >= 500 ? ENDPOINT_BAD : ENDPOINT_GOOD);
        if (proxy->conn)
            proxy->conn->unread = true; /* it ended by its length: further bytes may wait in the socket */
        give_back(proxy);
        proxy_finish(proxy, true);
    } else if (relay->broken) {
        endpoint->stats.failures++;
        gateway_of(proxy)->stats.cut++;
        proxy_log(proxy, "answer cut", "the server stopped inside its body, or framed it wrongly");
        proxy_book(proxy, ENDPOINT_BAD);
        proxy_finish(proxy, false);
    } else {
        proxy_abandon(proxy);
    }
    request_body_ended(request, whole);
}

/* The Content-Length of an answer without a body, as to HEAD; UINT64_MAX: it has none. */
static uint64_t told_length(const struct http1_response *response) {
    struct span value;
    if (response->status == 204 ||
        http1_fields_find(&response->fields, span_text("Content-Length"), &value) == 0)
        return UINT64_MAX;
    return response->framing.length;
}

static void reply_whole(struct proxy *proxy, struct http1_reply *reply,
                        const struct http1_response *response) {
    uint64_t length = told_length(response);
    char body[SMALL_BODY];
    size_t n = response->framing.body == HTTP1_BODY_LENGTH ? (size_t)response->framing.length : 0;
    if (n > 0) {
        struct iobuf *in = proxy->conn->stream.in;
        memcpy(body, iobuf_pending(in).p, n);
        iobuf_parsed(in, n);
    }
    iobuf_settle(&proxy->conn->stream.loop->inputs, &proxy->conn->stream.in);
    proxy_book(proxy, proxy->status >= 500 ? ENDPOINT_BAD : ENDPOINT_GOOD);
    give_back(proxy);
    proxy_finish(proxy, true);
    if (n > 0)
        http1_reply_bytes(reply, span_of(body, n));
    else
        http1_reply_empty(reply, length);
}

static void reply_relayed(struct proxy *proxy, struct http1_reply *reply,
                          const struct http1_framing *framing) {
    struct stream *from = &proxy->conn->stream;
    struct chunked *chunked = framing->body == HTTP1_BODY_CHUNKED ? &proxy->chunked : NULL;
    bool length = framing->body == HTTP1_BODY_LENGTH;
    relay_init(&proxy->relay, from, length ? framing->length : RELAY_REST, chunked, relayed);
    proxy->relay.queued = true;
    proxy_rearm(proxy);
    if (length)
        http1_reply_body(reply, framing->length, &proxy->relay.body);
    else
        http1_reply_stream(reply, &proxy->relay.body);
    if (from->in)
        stream_read(from, false); /* until the client has taken what is there */
}

/* RFC 9110, 15.5.22: an answer that asks for another protocol says for which one. */
static void pass_upgrade(struct http1_reply *reply, const struct http1_response *response) {
    struct span protocols;
    if (response->status != 426 ||
        http1_fields_find(&response->fields, span_text("Upgrade"), &protocols) == 0)
        return;
    http1_reply_field(reply, "Upgrade", protocols);
    http1_reply_field(reply, "Connection", span_text("upgrade")); /* 7.8 */
}

static void switch_protocols(struct proxy *proxy, struct http1_reply *reply,
                             const struct http1_response *response) {
    struct request *request = proxy->request;
    struct span protocol;
    http1_fields_find(&response->fields, span_text("Upgrade"), &protocol);
    http1_reply_field(reply, "Upgrade", protocol);
    proxy->state = PROXY_UPGRADED;
    gateway_of(proxy)->stats.upgrades++;
    relay_init(&proxy->relay, &proxy->conn->stream, RELAY_REST, NULL, relayed);
    proxy->relay.queued = true;
    deadline_clear(&proxy->total_by);
    proxy_rearm(proxy);
    struct stream *client = &request->conn->stream;
    client->no_send_timeout = true;
    http1_reply_upgrade(reply, &proxy->relay.body);
    if (!http1_switch(request, &proxy_sink))
        stream_abort(client);
}

/* Takes the head of the final answer, n bytes long. */
static void take_answer(struct proxy *proxy, const struct http1_response *response, size_t n) {
    struct upconn *conn = proxy->conn;
    struct endpoint *endpoint = conn->endpoint;
    struct http1_reply reply;
    struct span said;
    bool dated;
    endpoint_answered(endpoint, proxy->checkout.epoch, response->status, clock_ns() - proxy->sent_ns);
    route_answered(proxy->route, proxy->epoch, response->status);
    replay_drop(&proxy->replay, proxy->request->exchange);
    deadline_clear(&proxy->phase_by);
    proxy->status = response->status;
    proxy->keep_alive = response->framing.keep_alive;
    proxy->state = PROXY_ANSWERED;
    if (http1_fields_find(&response->fields, span_text("Keep-Alive"), &said) > 0) {
        int more = keepalive_said(&endpoint->keepalive, said);
        conn->most = more >= 0 ? conn->requests + (unsigned)more : 0;
    }
    http1_reply_forward(&reply, proxy->request, response->status, gateway_of(proxy)->answer, FORWARD_ROOM);
    proxy->request->exchange->delivery = "upstream";
    forward_response(&reply.writer, &proxy->route->response, &response->fields, &dated);
    if (!dated)
        http1_reply_date(&reply);
    pass_upgrade(&reply, response);
    iobuf_parsed(conn->stream.in, n);
    const struct http1_framing *framing = &response->framing;
    bool small = framing->body == HTTP1_BODY_LENGTH && framing->length <= SMALL_BODY &&
                 iobuf_pending(conn->stream.in).n >= framing->length;
    if (framing->body == HTTP1_BODY_TUNNEL)
        switch_protocols(proxy, &reply, response);
    else if (framing->body == HTTP1_BODY_NONE || small)
        reply_whole(proxy, &reply, response);
    else
        reply_relayed(proxy, &reply, framing);
}

/* An interim answer (RFC 9110, 15.2) goes on to clients of HTTP/1.1 that read, if it is their request's turn. 100 is
 * dropped: the gateway has answered Expect itself. */
static void take_interim(struct proxy *proxy, const struct http1_response *response) {
    struct request *request = proxy->request;
    struct conn *client = request->conn;
    struct http1_writer writer;
    bool dated;
    if (response->status == 100 || request->exchange->head.minor == 0 ||
        client->stream.out.bytes > INTERIM_MARK || STAILQ_FIRST(&client->requests) != request)
        return;
    http1_writer_init(&writer, gateway_of(proxy)->answer, FORWARD_ROOM);
    http1_writer_status(&writer, response->status);
    forward_response(&writer, &proxy->route->response, &response->fields, &dated);
    if (http1_writer_end(&writer) == 0)
        stream_send(&client->stream, span_of(writer.at, writer.n), span_of(NULL, 0), -1, NULL);
}

/* Takes heads, until the final one or the end of the input. */
static void take_heads(struct proxy *proxy) {
    struct stream *stream = &proxy->conn->stream;
    struct http1_response response;
    while (stream->in) {
        struct span pending = iobuf_pending(stream->in);
        response.fields = gateway_fields(gateway_of(proxy));
        struct http1_verdict verdict =
            http1_response_decode(&proxy->scan, pending.p, pending.n, &HTTP1_LIMITS, proxy->method,
                                  proxy->framing.upgrade, &response);
        if (verdict.kind == VERDICT_BAD) {
            proxy_malformed(proxy, verdict.reason);
            return;
        }
        if (verdict.kind == VERDICT_MORE)
            break;
        if (response.status >= 200 || response.status == 101) {
            take_answer(proxy, &response, verdict.n);
            return;
        }
        take_interim(proxy, &response);
        iobuf_parsed(stream->in, verdict.n);
        iobuf_settle(&stream->loop->inputs, &stream->in);
    }
    if (stream->eof)
        proxy_cut_short(proxy);
    else
        iobuf_settle(&stream->loop->inputs, &stream->in);
}

void answer_input(struct proxy *proxy) {
    struct upconn *conn = proxy->conn;
    if (!proxy_has_sent(proxy)) { /* nobody asked yet: the connection was at rest for the server */
        conn->endpoint->stats.stray_bytes += stream_pending(&conn->stream).n > 0;
        proxy_cut_short(proxy);
        return;
    }
    if (!proxy_has_replied(proxy)) {
        take_heads(proxy);
        return;
    }
    proxy_rearm(proxy);
    relay_input(&proxy->relay, &proxy->request->conn->stream);
}
