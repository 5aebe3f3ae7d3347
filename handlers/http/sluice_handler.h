/* sluice/handler.h: C functions that answer HTTP requests inside sluiced.
 *
 *     static void greet(struct sluice_request *request, void *user) {
 *         const char *name = sluice_param(request, "name");
 *         sluice_reply_json(request, "{\"hello\":%s}", sluice_json_quote(request, name));
 *     }
 *
 *     SLUICE_MODULE;
 *     int sluice_module_init(struct sluice_module *module) {
 *         struct sluice_route route = {.name = "greet", .title = "GET /greet/:name", .handler = greet};
 *         return sluice_module_add(module, &route);
 *     }
 *
 * Built with: cc -shared -fPIC $(pkg-config --cflags sluice-handler) -o greet.so greet.c
 * Loaded by the configuration file: modules = { "greet.so" }
 *
 * The route says where a handler runs:
 *     inline   on the loop, between other clients' requests: for a few microseconds at most, and never waiting
 *     worker   on a thread of the handlers pool, several at once: may compute and wait
 *     auto     inline until it is found to be slow, then on workers until it is fast again
 * In each case it does the same: it reads the request, composes the reply, and returns; then the reply is sent.
 *
 * A request is used by one thread at a time, during the handler's call or from sluice_defer() to sluice_finish(). Texts
 * are NUL-terminated, belong to the request, and are valid as long as it is. NULL means that there is none, that it is
 * malformed, or that there is no memory.
 *
 * A module needs no library: the daemon passes it a table of functions, which the functions below call. */
#ifndef SLUICE_HANDLERS_HTTP_SLUICE_HANDLER_H
#define SLUICE_HANDLERS_HTTP_SLUICE_HANDLER_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this interface. It grows with every addition; a daemon accepts modules that were built with its own
 * version or an older one. */
#define SLUICE_HANDLER_VERSION 1

struct sluice_api;

/* The rest of these structs is private to the daemon. */
struct sluice_request {
    const struct sluice_api *api;
};
struct sluice_channel {
    const struct sluice_api *api;
};

/* ---- routes ------------------------------------------------------------------------------------ */

typedef void sluice_handler(struct sluice_request *request, void *user);
/* Runs before the handler, on the same thread. Not 0: it has replied, and the handler is not called. */
typedef int sluice_before(struct sluice_request *request, void *user);
/* Runs when the reply is composed and not yet sent: it may add fields to it. */
typedef void sluice_after(struct sluice_request *request, void *user);

enum sluice_run { SLUICE_RUN_INLINE, SLUICE_RUN_WORKER, SLUICE_RUN_AUTO };

/* Leave unused members zero. The texts must stay valid while the module is loaded. */
struct sluice_route {
    const char *name;  /* by which the configuration refers to it: route "..." { handler = "NAME" } */
    const char *title; /* [METHOD or *] [HOST]/PATH: "GET /fib/:n"; NULL: only the configuration gives one */
    sluice_handler *handler;
    sluice_before *before;
    sluice_after *after;
    void *user;          /* for all three of them */
    enum sluice_run run; /* where */
    uint64_t body_limit; /* of request bodies, in bytes; 0: the setting body_limit */
    int admin;           /* not 0: only on listeners with administration, under the same rules as its pages */
};

/* ---- modules ----------------------------------------------------------------------------------- */

struct sluice_offer; /* rpc.h */

struct sluice_module {
    unsigned version; /* the daemon's SLUICE_HANDLER_VERSION */
    int (*add)(struct sluice_module *module, const struct sluice_route *route, size_t size);
    void (*fail)(struct sluice_module *module, const char *reason);
    int (*offer)(struct sluice_module *module, const struct sluice_offer *offer, size_t size);
};

#define SLUICE_EXPORT __attribute__((visibility("default")))

/* Must appear once in each module: says for which version it was built. */
#define SLUICE_MODULE const unsigned sluice_module_version = SLUICE_HANDLER_VERSION
SLUICE_EXPORT extern const unsigned sluice_module_version;
/* Defined by the module: adds its routes. Called once, before there are clients and threads; also by sluiced --check.
 * 0; or anything else for failure, and the daemon does not start. */
SLUICE_EXPORT int sluice_module_init(struct sluice_module *module);
/* Defined by the module, optionally: called once after the last request. When it returns, the module's own threads must
 * have ended; whatever they finish, write or close until then is dropped harmlessly. */
SLUICE_EXPORT void sluice_module_exit(void);

/* Adds a route (copied). 0; or -1, with the reason recorded, and sluice_module_init() should return it. */
static inline int sluice_module_add(struct sluice_module *module, const struct sluice_route *route) {
    return module->add(module, route, sizeof *route);
}

/* Records why sluice_module_init() is about to fail. Returns -1. */
static inline int sluice_module_fail(struct sluice_module *module, const char *reason) {
    module->fail(module, reason);
    return -1;
}

/* ---- streaming replies ------------------------------------------------------------------------- */

#define SLUICE_END   0  /* the body is complete */
#define SLUICE_LATER -1 /* nothing yet: ask again in a moment (50 ms) */
#define SLUICE_FAIL  -2 /* it cannot be completed: the client sees a broken connection, never a short body */

/* A body that is produced piece by piece, as fast as the client takes it. */
struct sluice_source {
    /* Writes at most size bytes to room and returns their number, or one of the above. Always called on the loop, so it
     * must not wait. */
    long (*pull)(void *state, char *room, size_t size);
    void (*drop)(void *state); /* called once when it is no longer needed, sent or not; may be NULL */
    void *state;
};

/* ---- the daemon's functions: each is described with the function of its name below --------------- */

struct sluice_api {
    unsigned version;
    const char *(*method)(struct sluice_request *request);
    const char *(*target)(struct sluice_request *request);
    const char *(*path)(struct sluice_request *request);
    const char *(*param)(struct sluice_request *request, const char *name);
    const char *(*query)(struct sluice_request *request, const char *name);
    const char *(*form)(struct sluice_request *request, const char *name);
    const char *(*header)(struct sluice_request *request, const char *name);
    int (*next_query)(struct sluice_request *request, size_t *at, const char **name, const char **value);
    int (*next_form)(struct sluice_request *request, size_t *at, const char **name, const char **value);
    int (*next_header)(struct sluice_request *request, size_t *at, const char **name, const char **value);
    const void *(*body)(struct sluice_request *request, size_t *size);
    const char *(*peer)(struct sluice_request *request);
    const char *(*id)(struct sluice_request *request);
    int (*minor_version)(struct sluice_request *request);
    int (*cancelled)(struct sluice_request *request);
    void *(*memory)(struct sluice_request *request, size_t size);
    const char *(*json_quote)(struct sluice_request *request, const char *text);

    void (*reply_status)(struct sluice_request *request, int status);
    int (*replied)(struct sluice_request *request);
    int (*reply_field)(struct sluice_request *request, const char *name, const char *value);
    int (*reply_bytes)(struct sluice_request *request, const char *type, const void *bytes, size_t size);
    int (*reply_owned)(struct sluice_request *request, const char *type, void *bytes, size_t size);
    int (*reply_format)(struct sluice_request *request, const char *type, const char *format, va_list values);
    void (*reply_error)(struct sluice_request *request, int status, const char *message);
    void (*reply_stream)(struct sluice_request *request, const char *type,
                         const struct sluice_source *source);
    struct sluice_channel *(*reply_channel)(struct sluice_request *request, const char *type, size_t room);
    int (*channel_write)(struct sluice_channel *channel, const void *bytes, size_t size);
    int (*channel_event)(struct sluice_channel *channel, const char *id, const char *event, const char *data);
    void (*channel_close)(struct sluice_channel *channel);

    struct sluice_request *(*defer)(struct sluice_request *request);
    void (*finish)(struct sluice_request *request);
};

/* ---- reading the request ----------------------------------------------------------------------- */

static inline const char *sluice_method(struct sluice_request *request) {
    return request->api->method(request);
}

/* The request target as it was sent: path and query, or an absolute URI. */
static inline const char *sluice_target(struct sluice_request *request) {
    return request->api->target(request);
}

/* The path without its query, normalised (RFC 3986, 6.2.2), still percent-encoded. */
static inline const char *sluice_path(struct sluice_request *request) {
    return request->api->path(request);
}

/* A parameter of the route's title, decoded; "*" is what the star stands for. */
static inline const char *sluice_param(struct sluice_request *request, const char *name) {
    return request->api->param(request, name);
}

/* The first value of this name in the query, decoded; "" where there is no =. */
static inline const char *sluice_query(struct sluice_request *request, const char *name) {
    return request->api->query(request, name);
}

/* The same in a body of type application/x-www-form-urlencoded. */
static inline const char *sluice_form(struct sluice_request *request, const char *name) {
    return request->api->form(request, name);
}

/* The first field of this name in the head, without white space around it. */
static inline const char *sluice_header(struct sluice_request *request, const char *name) {
    return request->api->header(request, name);
}

/* Iterates over the pairs, in order: set *at to 0 to begin with, and leave it alone afterwards. Returns 0 at the end.
 * If a name or value is malformed, it is NULL. */
static inline int sluice_next_query(struct sluice_request *request, size_t *at, const char **name,
                                    const char **value) {
    return request->api->next_query(request, at, name, value);
}

static inline int sluice_next_form(struct sluice_request *request, size_t *at, const char **name,
                                   const char **value) {
    return request->api->next_form(request, at, name, value);
}

static inline int sluice_next_header(struct sluice_request *request, size_t *at, const char **name,
                                     const char **value) {
    return request->api->next_header(request, at, name, value);
}

/* The body, whole and without its transfer coding; never NULL. */
static inline const void *sluice_body(struct sluice_request *request, size_t *size) {
    return request->api->body(request, size);
}

/* Who asks: "127.0.0.1:5000", "[::1]:5000", "uid:1000". */
static inline const char *sluice_peer(struct sluice_request *request) {
    return request->api->peer(request);
}

/* The client's X-Request-ID, or one that was made for it. */
static inline const char *sluice_request_id(struct sluice_request *request) {
    return request->api->id(request);
}

/* 0 or 1: HTTP/1.0 or HTTP/1.1. */
static inline int sluice_minor_version(struct sluice_request *request) {
    return request->api->minor_version(request);
}

/* Not 0: the client has left, and nobody will read the reply. For long work on threads other than the loop. It reports
 * only what is known: a TCP client that closed without a reset is noticed when the next bytes are sent to it, because
 * it could also have ended only its sending side. */
static inline int sluice_cancelled(struct sluice_request *request) {
    return request->api->cancelled(request);
}

/* Allocates memory that is freed with the request; NULL if there is none. */
static inline void *sluice_memory(struct sluice_request *request, size_t size) {
    return request->api->memory(request, size);
}

/* The text as a JSON string in quotes; NULL becomes null. Bytes that are not UTF-8 are taken for Latin-1. */
static inline const char *sluice_json_quote(struct sluice_request *request, const char *text) {
    return request->api->json_quote(request, text);
}

/* ---- the reply: calls in any order; the last one for status and for body counts --------------------- */

/* Sets the status: 200 to 599, by default 200. With 204, 205 and 304 there is no body. */
static inline void sluice_reply_status(struct sluice_request *request, int status) {
    request->api->reply_status(request, status);
}

/* The status set so far, for hooks; 0: none. */
static inline int sluice_replied(struct sluice_request *request) {
    return request->api->replied(request);
}

/* Adds a field. 0; or -1, and it was not added: name or value is malformed or NULL, there are more than 2 KiB of
 * fields, or it is one of those that only the daemon writes (Content-Length, Transfer-Encoding, Connection, Date
 * ...). */
static inline int sluice_reply_field(struct sluice_request *request, const char *name, const char *value) {
    return request->api->reply_field(request, name, value);
}

/* Sets a body with this Content-Type (NULL: as set by a field, or none), which is copied. 0; or -1: the type is
 * malformed, and is left out; or there is no memory, and the reply is 503. */
static inline int sluice_reply_bytes(struct sluice_request *request, const char *type, const void *bytes,
                                     size_t size) {
    return request->api->reply_bytes(request, type, bytes, size);
}

/* The same without the copy: bytes are from malloc() and belong to the daemon from now on, whatever is returned. */
static inline int sluice_reply_owned(struct sluice_request *request, const char *type, void *bytes,
                                     size_t size) {
    return request->api->reply_owned(request, type, bytes, size);
}

/* A body of type text/plain in UTF-8, formatted as by printf. */
__attribute__((format(printf, 2, 3))) static inline int sluice_reply_text(struct sluice_request *request,
                                                                          const char *format, ...) {
    va_list values;
    va_start(values, format);
    int result = request->api->reply_format(request, "text/plain; charset=utf-8", format, values);
    va_end(values);
    return result;
}

/* A body of type application/json, formatted as by printf: texts in it by sluice_json_quote(). See json.h for
 * documents. */
__attribute__((format(printf, 2, 3))) static inline int sluice_reply_json(struct sluice_request *request,
                                                                          const char *format, ...) {
    va_list values;
    va_start(values, format);
    int result = request->api->reply_format(request, "application/json", format, values);
    va_end(values);
    return result;
}

/* Replies {"error":"NOT_FOUND","message":message}; 503 and 429 get Retry-After: 1, unless you add your own. */
static inline void sluice_reply_error(struct sluice_request *request, int status, const char *message) {
    request->api->reply_error(request, status, message);
}

/* A body of unknown length (chunked), pulled from source, which is copied; its drop() will be called. */
static inline void sluice_reply_stream(struct sluice_request *request, const char *type,
                                       const struct sluice_source *source) {
    request->api->reply_stream(request, type, source);
}

/* A body that other threads write, now or later. At most room bytes wait for the client. NULL without memory, and the
 * reply is 503 then; else sluice_channel_close() must follow eventually. When the daemon shuts down, open channels have
 * drain_timeout for that. */
static inline struct sluice_channel *sluice_reply_channel(struct sluice_request *request, const char *type,
                                                          size_t room) {
    return request->api->reply_channel(request, type, room);
}

/* The same for Server-Sent Events: see sluice_channel_event(). */
static inline struct sluice_channel *sluice_reply_events(struct sluice_request *request, size_t room) {
    sluice_reply_field(request, "Cache-Control", "no-cache");
    return request->api->reply_channel(request, "text/event-stream", room);
}

#define SLUICE_CHANNEL_FULL -1 /* nothing was taken: the client is slow, try again later or leave it out */
#define SLUICE_CHANNEL_GONE -2 /* the client has left, or another reply was sent */

/* Any thread. 0 when everything was taken, or one of the above. More than room at once is always FULL. */
static inline int sluice_channel_write(struct sluice_channel *channel, const void *bytes, size_t size) {
    return channel->api->channel_write(channel, bytes, size);
}

/* Any thread: writes one event. id and event: one line each, NULL for none. data: any lines. */
static inline int sluice_channel_event(struct sluice_channel *channel, const char *id, const char *event,
                                       const char *data) {
    return channel->api->channel_event(channel, id, event, data);
}

/* Any thread, once: the body ends when everything written has been sent. The channel is invalid afterwards. */
static inline void sluice_channel_close(struct sluice_channel *channel) {
    channel->api->channel_close(channel);
}

/* ---- late replies -------------------------------------------------------------------------------- */

/* The reply will come later, from any thread. Returns the request to use from now on instead of the one that the
 * handler was given, whose texts end with the handler's call. NULL: too many are deferred already, or there is no
 * memory; reply now. */
static inline struct sluice_request *sluice_defer(struct sluice_request *request) {
    return request->api->defer(request);
}

/* Any thread, once: sends the reply, or drops it if the client has left. The request is invalid afterwards. */
static inline void sluice_finish(struct sluice_request *request) {
    request->api->finish(request);
}

#ifdef __cplusplus
}
#endif

#endif
