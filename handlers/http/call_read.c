#include "handlers/http/call_read.h"

#include "handlers/http/call.h"
#include "handlers/http/json_text.h"
#include "handlers/http/request_id.h"
#include "proto/uri.h"
#include "reactor/conn.h"

typedef ssize_t decoder(struct span in, char *out, size_t size);

static ssize_t copy(struct span in, char *out, size_t size) {
    (void)size; /* in.n bytes are there */
    if (in.n > 0)
        memcpy(out, in.p, in.n);
    return (ssize_t)in.n;
}

/* The span, decoded, as a text in the call's memory; NULL if it cannot be decoded. */
static const char *text_of(struct call *call, struct span span, decoder *decode) {
    char *text = arena_take(&call->texts, span.n + 1);
    ssize_t n = text ? decode(span, text, span.n) : -1;
    if (text)
        arena_shrink(&call->texts, text, span.n + 1, n < 0 ? 0 : (size_t)n + 1);
    if (n < 0)
        return NULL;
    text[n] = '\0';
    return text;
}

const char *call_method(struct sluice_request *request) {
    return text_of(call_of(request), call_of(request)->exchange->head.method_name, copy);
}

const char *call_target(struct sluice_request *request) {
    return text_of(call_of(request), call_of(request)->exchange->head.target, copy);
}

const char *call_path(struct sluice_request *request) {
    return text_of(call_of(request), call_of(request)->exchange->path, copy);
}

const char *call_param(struct sluice_request *request, const char *name) {
    struct span value = exchange_param(call_of(request)->exchange, name);
    return value.p ? text_of(call_of(request), value, uri_decode) : NULL;
}

/* ---- pairs: queries and forms -------------------------------------------------------------------- */

static bool is_name(struct call *call, struct span encoded, const char *name) {
    const char *text = text_of(call, encoded, uri_form_decode);
    if (!text)
        return false;
    bool equal = strcmp(text, name) == 0;
    arena_shrink(&call->texts, text, strlen(text) + 1, 0);
    return equal;
}

static const char *find_pair(struct call *call, struct span rest, const char *name) {
    struct uri_pair pair;
    while (uri_query_next(&rest, &pair))
        if (is_name(call, pair.name, name))
            return text_of(call, pair.value, uri_form_decode);
    return NULL;
}

static int next_pair(struct call *call, struct span whole, size_t *at, const char **name,
                     const char **value) {
    struct uri_pair pair;
    if (*at >= whole.n)
        return 0;
    struct span rest = span_of(whole.p + *at, whole.n - *at);
    if (!uri_query_next(&rest, &pair))
        return 0;
    *at = whole.n - rest.n;
    *name = text_of(call, pair.name, uri_form_decode);
    *value = text_of(call, pair.value, uri_form_decode);
    return 1;
}

/* The body if it is a form, else nothing. */
static struct span form_of(const struct exchange *exchange) {
    static const char form[] = "application/x-www-form-urlencoded";
    struct span type = exchange_field(exchange, "Content-Type");
    const char *parameters = memchr(type.p ? type.p : "", ';', type.n);
    if (parameters)
        type.n = (size_t)(parameters - type.p);
    bool is_form = span_equal_nocase(span_trim(type), span_of(form, sizeof(form) - 1));
    return is_form ? span_of(exchange->body, exchange->body_n) : span_of(NULL, 0);
}

const char *call_query(struct sluice_request *request, const char *name) {
    return find_pair(call_of(request), call_of(request)->exchange->head.query, name);
}

const char *call_form(struct sluice_request *request, const char *name) {
    return find_pair(call_of(request), form_of(call_of(request)->exchange), name);
}

int call_next_query(struct sluice_request *request, size_t *at, const char **name, const char **value) {
    return next_pair(call_of(request), call_of(request)->exchange->head.query, at, name, value);
}

int call_next_form(struct sluice_request *request, size_t *at, const char **name, const char **value) {
    return next_pair(call_of(request), form_of(call_of(request)->exchange), at, name, value);
}

/* ---- the rest of the head, and the body ---------------------------------------------------------- */

const char *call_header(struct sluice_request *request, const char *name) {
    struct span value = exchange_field(call_of(request)->exchange, name);
    return value.p ? text_of(call_of(request), value, copy) : NULL;
}

int call_next_header(struct sluice_request *request, size_t *at, const char **name, const char **value) {
    struct call *call = call_of(request);
    const struct http1_fields *fields = &call->exchange->head.fields;
    if (*at >= fields->n)
        return 0;
    *name = text_of(call, fields->list[*at].name, copy);
    *value = text_of(call, fields->list[*at].value, copy);
    ++*at;
    return 1;
}

const void *call_body(struct sluice_request *request, size_t *size) {
    const struct exchange *exchange = call_of(request)->exchange;
    *size = exchange->body_n;
    return exchange->body ? exchange->body : "";
}

const char *call_peer(struct sluice_request *request) {
    struct call *call = call_of(request);
    if (!call->request)
        return call->peer;
    char *text = arena_take(&call->texts, CALL_PEER);
    if (text)
        conn_peer_text(call->request->conn, text, CALL_PEER);
    return text;
}

const char *call_id(struct sluice_request *request) {
    struct call *call = call_of(request);
    return text_of(call, call->request ? request_id_ensure(call->exchange) : request_id_of(call->exchange),
                   copy);
}

int call_minor_version(struct sluice_request *request) {
    return (int)call_of(request)->exchange->head.minor;
}

int call_cancelled(struct sluice_request *request) {
    struct call *call = call_of(request);
    return !call->request && atomic_load_explicit(&call->left, memory_order_relaxed);
}

void *call_memory(struct sluice_request *request, size_t size) {
    return arena_take(&call_of(request)->texts, size);
}

const char *call_json_quote(struct sluice_request *request, const char *text) {
    struct call *call = call_of(request);
    if (!text)
        return "null";
    size_t room = json_text_room(strlen(text)) + 1;
    char *quoted = arena_take(&call->texts, room);
    if (!quoted)
        return NULL;
    size_t n = json_text_quote(span_text(text), quoted);
    quoted[n] = '\0';
    arena_shrink(&call->texts, quoted, room, n + 1);
    return quoted;
}
