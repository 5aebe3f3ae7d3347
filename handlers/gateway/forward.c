#include "handlers/gateway/forward.h"

#include "handlers/gateway/route.h"
#include "proto/chars.h"

#include <errno.h>
#include <stdio.h>

#define VALUE_MAX 4096

enum fate {
    FATE_PASS,
    FATE_DROP,      /* of this hop only, or written by the gateway itself */
    FATE_FORWARDED, /* what proxies tell of the client: written by the gateway itself */
    FATE_CLAIMED,   /* the rest of X-Forwarded-*: passed on if proxies in front are trusted */
    FATE_DATE,
};

/* What becomes of a field on the way. */
static enum fate fate_of(struct span name, bool request) {
    static const struct {
        const char *name;
        enum fate fate;
        bool request, response;
    } table[] = {
        {"connection", FATE_DROP, true, true},
        {"keep-alive", FATE_DROP, true, true},
        {"proxy-connection", FATE_DROP, true, true},
        {"transfer-encoding", FATE_DROP, true, true},
        {"content-length", FATE_DROP, true, true},
        {"trailer", FATE_DROP, true, true},
        {"te", FATE_DROP, true, true},
        {"upgrade", FATE_DROP, true, true},
        {"http2-settings", FATE_DROP, true, false},
        {"proxy-authorization", FATE_DROP, true, false},
        {"proxy-authenticate", FATE_DROP, false, true},
        {"expect", FATE_DROP, true, false},
        {"host", FATE_DROP, true, false},
        {"via", FATE_DROP, true, false},
        {"max-forwards", FATE_DROP, true, false},
        {"x-forwarded-for", FATE_FORWARDED, true, false},
        {"x-forwarded-proto", FATE_FORWARDED, true, false},
        {"x-forwarded-host", FATE_FORWARDED, true, false},
        {"forwarded", FATE_FORWARDED, true, false},
        {"date", FATE_DATE, false, true},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if ((request ? table[i].request : table[i].response) && char_lower(name.p[0]) == table[i].name[0] &&
            span_equal_nocase(name, span_text(table[i].name)))
            return table[i].fate;
    struct span claim = span_text("x-forwarded-");
    if (request && name.n > claim.n && span_equal_nocase(span_of(name.p, claim.n), claim))
        return FATE_CLAIMED;
    return FATE_PASS;
}

bool forward_is_ours(struct span name) {
    return fate_of(name, true) == FATE_DROP || fate_of(name, false) == FATE_DROP;
}

/* Does a Connection field name this one? RFC 9110, 7.6.1. */
static bool is_named(const struct http1_fields *fields, struct span name) {
    const struct http1_field *field;
    unsigned i = 0;
    while ((field = http1_fields_next(fields, span_text("Connection"), &i)))
        for (struct span rest = field->value, option; http1_list_next(&rest, &option);)
            if (span_equal_nocase(option, name))
                return true;
    return false;
}

static bool has_connection(const struct http1_fields *fields) {
    struct span value;
    return http1_fields_find(fields, span_text("Connection"), &value) > 0;
}

/* ---- requests ---------------------------------------------------------------------------------- */

/* Writes all values of the fields of this name and one more as one list, or only its last `keep` members, under the
 * name `as` (as.p NULL: not at all). */
static void write_list(struct http1_writer *writer, const struct http1_fields *fields, const char *name,
                       long keep, struct span more, struct span as) {
    char room[VALUE_MAX];
    size_t n = 0;
    const struct http1_field *field;
    unsigned i = 0, members = 0, skip;
    struct span rest, member;
    while ((field = http1_fields_next(fields, span_text(name), &i)))
        for (rest = field->value; http1_list_next(&rest, &member);)
            members += member.n > 0;
    skip = keep >= 0 && members > (unsigned)keep ? members - (unsigned)keep : 0;
    i = 0;
    while ((field = http1_fields_next(fields, span_text(name), &i)))
        for (rest = field->value; http1_list_next(&rest, &member);) {
            if (member.n == 0 || (skip > 0 && skip--))
                continue;
            if (n + member.n + more.n + 4 > sizeof(room))
                continue;
            memcpy(room + n, member.p, member.n);
            n += member.n;
            memcpy(room + n, ", ", 2);
            n += 2;
        }
    memcpy(room + n, more.p, more.n); /* never without an address */
    n += more.n;
    if (more.n == 0 && n > 0)
        n -= 2;
    if (n > 0 && as.p)
        http1_writer_field(writer, as, span_of(room, n));
}

static struct span first_of(const struct exchange *exchange, const char *name, struct span otherwise) {
    struct span value = exchange_field(exchange, name);
    return value.p ? value : otherwise;
}

static void write_rfc7239(struct http1_writer *writer, const struct route *route,
                          const struct exchange *exchange, const struct forward_client *client,
                          struct span host) {
    char text[512];
    bool v6 = strchr(client->address, ':') != NULL;
    const char *open = v6 ? "\"[" : "", *close = v6 ? "]\"" : "";
    int told = host.n < 256 ? (int)host.n : 0;
    int n = snprintf(text, sizeof(text), "for=%s%s%s%s%.*s%s;proto=http", open,
                     *client->address ? client->address : "unknown", close, told ? ";host=\"" : "", told,
                     told ? host.p : "", told ? "\"" : "");
    write_list(writer, &exchange->head.fields, "Forwarded", route->settings->trusted_hops,
               span_of(text, (size_t)n), transforms_name(&route->request, span_text("Forwarded")));
}

/* Writes a field of ours, which the route's transforms may remove, rename or replace. */
static void write_own(struct http1_writer *writer, const struct route *route, const char *name,
                      struct span value) {
    struct span as = transforms_name(&route->request, span_text(name));
    if (as.p && value.n > 0)
        http1_writer_field(writer, as, value);
}

static void write_forwarded(struct http1_writer *writer, const struct route *route,
                            const struct exchange *exchange, const struct forward_client *client,
                            struct span host) {
    long hops = route->settings->trusted_hops;
    int how = route->settings->forwarded;
    if (how == FORWARDED_X || how == FORWARDED_BOTH) {
        write_list(writer, &exchange->head.fields, "X-Forwarded-For", hops, span_text(client->address),
                   transforms_name(&route->request, span_text("X-Forwarded-For")));
        struct span proto = span_text("http"), named = host;
        if (hops > 0) {
            proto = first_of(exchange, "X-Forwarded-Proto", proto);
            named = first_of(exchange, "X-Forwarded-Host", named);
        }
        write_own(writer, route, "X-Forwarded-Proto", proto);
        write_own(writer, route, "X-Forwarded-Host", named);
    }
    if (how == FORWARDED_RFC7239 || how == FORWARDED_BOTH)
        write_rfc7239(writer, route, exchange, client, host);
}

/* Writes the request line. The upstream sees the matched path without strip_prefix, after add_prefix. */
static void write_line(struct http1_writer *writer, const struct route *route,
                       const struct exchange *exchange) {
    char room[2 * HTTP1_TARGET_MAX + 8];
    struct span path = exchange->path, strip = route->strip, add = route->add, query = exchange->head.query;
    size_t n = 0;
    if (strip.n > 0 && path.n >= strip.n && memcmp(path.p, strip.p, strip.n) == 0 &&
        (path.n == strip.n || path.p[strip.n] == '/'))
        path = span_of(path.p + strip.n, path.n - strip.n);
    if (add.n + path.n + query.n + 2 > sizeof(room)) {
        writer->error = -ENOBUFS;
        return;
    }
    if (add.n > 0) /* an empty span may have no address */
        memcpy(room, add.p, add.n);
    n = add.n;
    if (n == 0 && (path.n == 0 || path.p[0] != '/'))
        room[n++] = '/';
    memcpy(room + n, path.p, path.n);
    n += path.n;
    if (query.p) {
        room[n++] = '?';
        memcpy(room + n, query.p, query.n);
        n += query.n;
    }
    http1_writer_request(writer, exchange->head.method_name, span_of(room, n));
}

/* Writes the fields of a message that are passed on. trusted: claims about the client are, too. *dated: there is a
 * Date. */
static void write_fields(struct http1_writer *writer, const struct transforms *transforms,
                         const struct http1_fields *fields, bool request, bool trusted, bool *dated) {
    bool connection = has_connection(fields);
    for (unsigned i = 0; i < fields->n; i++) {
        struct span name = fields->list[i].name;
        enum fate fate = fate_of(name, request);
        if (fate == FATE_DATE)
            *dated = true;
        if (fate == FATE_DROP || fate == FATE_FORWARDED || (fate == FATE_CLAIMED && !trusted) ||
            (connection && is_named(fields, name)))
            continue;
        name = transforms_name(transforms, name);
        if (name.p)
            http1_writer_field(writer, name, fields->list[i].value);
    }
    transforms_write(transforms, writer);
}

static void write_framing(struct http1_writer *writer, const struct exchange *exchange,
                          const struct forward_framing *framing) {
    if (framing->body == HTTP1_BODY_CHUNKED)
        http1_writer_field(writer, span_text("Transfer-Encoding"), span_text("chunked"));
    else if (framing->body == HTTP1_BODY_LENGTH || exchange_field(exchange, "Content-Length").p)
        http1_writer_number(writer, span_text("Content-Length"), framing->length);
    if (framing->upgrade) {
        http1_writer_field(writer, span_text("Connection"), span_text("upgrade"));
        http1_writer_field(writer, span_text("Upgrade"), exchange_field(exchange, "Upgrade"));
    }
}

int forward_request(struct http1_writer *writer, const struct route *route, const struct exchange *exchange,
                    const struct forward_client *client, const struct forward_framing *framing) {
    struct span sent = exchange_field(exchange, "Host");
    const struct uri_authority *authority = &exchange->head.host;
    char room[300];
    bool dated;
    if (exchange->head.form == HTTP1_ABSOLUTE) { /* RFC 9112, 3.2.2: the target's host counts */
        int n = authority->port >= 0
                    ? snprintf(room, sizeof(room), "%.*s:%d", (int)authority->host.n, authority->host.p,
                               authority->port)
                    : snprintf(room, sizeof(room), "%.*s", (int)authority->host.n, authority->host.p);
        sent = span_of(room, (size_t)n);
    }
    struct span host = *route->settings->host ? span_text(route->settings->host)
                       : sent.n > 0           ? sent
                                              : span_text(client->server);
    write_line(writer, route, exchange);
    http1_writer_field(writer, span_text("Host"), host);
    write_fields(writer, &route->request, &exchange->head.fields, true, route->settings->trusted_hops > 0,
                 &dated);
    write_forwarded(writer, route, exchange, client, sent);
    write_list(writer, &exchange->head.fields, "Via", -1,
               span_text(exchange->head.minor ? "1.1 sluice" : "1.0 sluice"), span_text("Via"));
    if (framing->max_forwards >= 0)
        http1_writer_number(writer, span_text("Max-Forwards"), (uint64_t)framing->max_forwards);
    write_framing(writer, exchange, framing);
    return http1_writer_end(writer);
}

void forward_response(struct http1_writer *writer, const struct transforms *transforms,
                      const struct http1_fields *fields, bool *dated) {
    *dated = false;
    write_fields(writer, transforms, fields, false, true, dated);
}

bool forward_upgrades(const struct exchange *exchange) {
    const struct http1_field *field;
    unsigned i = 0;
    if (!exchange->head.framing.upgrade || exchange->head.framing.body != HTTP1_BODY_NONE)
        return false;
    while ((field = http1_fields_next(&exchange->head.fields, span_text("Upgrade"), &i)))
        for (struct span rest = field->value, protocol; http1_list_next(&rest, &protocol);)
            if (span_equal_nocase(protocol, span_text("h2c")) ||
                (protocol.n >= 6 && span_equal_nocase(span_of(protocol.p, 6), span_text("HTTP/2"))))
                return false;
    return true;
}

int64_t forward_max(const struct exchange *exchange) {
    struct span value = exchange_field(exchange, "Max-Forwards");
    uint64_t number;
    return value.p && span_number(value, INT32_MAX, &number) == 0 ? (int64_t)number : -1;
}
