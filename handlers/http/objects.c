#include "handlers/http/objects.h"

#include "handlers/http/http.h"
#include "handlers/http/mime.h"
#include "handlers/objects/fdpass.h"
#include "handlers/objects/objects.h"
#include "handlers/objects/short_read.h"
#include "handlers/objects/transfer.h"
#include "proto/conditional.h"
#include "proto/range.h"
#include "reactor/conn.h"
#include "reactor/http1_reply.h"

#include <stdio.h>
#include <stdlib.h>

#define PREFIX     "/objects/"
#define ETAG_SIZE  24
#define RANGES_MAX 1 /* of several ranges, the whole object is sent: RFC 9110, 14.2 */

/* What the reply says about an object; made twice for short ones, from the same fields. */
struct face {
    char etag[ETAG_SIZE];
    char modified[HTTP1_DATE_SIZE];
    struct range range;
    bool partial;
};

static struct http *http_of_request(const struct request *request) {
    return http_of(request_loop(request)->http);
}

static void make_face(struct face *face, const struct object_fields *fields, bool partial) {
    snprintf(face->etag, sizeof(face->etag), "\"%016llx\"", (unsigned long long)fields->version);
    http1_date((time_t)(fields->mtime_ns / 1000000000), face->modified);
    face->range = (struct range){fields->offset, fields->count};
    face->partial = partial;
}

static void add_validators(struct http1_reply *reply, const struct face *face) {
    http1_reply_field(reply, "ETag", span_text(face->etag));
    http1_reply_field(reply, "Last-Modified", span_text(face->modified));
}

/* By the name of the file: a path that ends with a slash stands for the index below it. */
static const char *content_type(const struct http *http, struct span path) {
    bool directory = path.p[path.n - 1] == '/';
    return mime_type_of(&http->mime, directory ? span_text(http->settings.index) : path);
}

/* The head of 200 or 206, all but the length. */
static void begin_reply(struct http1_reply *reply, struct request *request,
                        const struct object_fields *fields, const struct face *face) {
    const struct http *http = http_of_request(request);
    http1_reply_begin(reply, request, face->partial ? 206 : 200);
    http1_reply_field(reply, "Content-Type", span_text(content_type(http, request->exchange->path)));
    http1_reply_field(reply, "Accept-Ranges", span_text("bytes"));
    add_validators(reply, face);
    if (face->partial) {
        char text[RANGE_TEXT];
        size_t n = range_print(&face->range, fields->size, text);
        http1_reply_field(reply, "Content-Range", span_of(text, n));
    }
}

static void short_done(struct request *request, const struct short_read *read) {
    struct http1_reply reply;
    struct face face;
    make_face(&face, &read->object.fields, read->mark);
    begin_reply(&reply, request, &read->object.fields, &face);
    http1_reply_bytes(&reply, short_read_bytes(read));
}

static void reply_range_error(struct request *request, const struct object_fields *fields) {
    struct http1_reply reply;
    char text[RANGE_TEXT];
    size_t n = range_print(NULL, fields->size, text);
    http1_reply_begin(&reply, request, 416);
    http1_reply_field(&reply, "Content-Range", span_of(text, n));
    http1_reply_bytes(&reply, span_of(NULL, 0));
}

static void reply_condition(struct request *request, int status, const struct object_fields *fields) {
    struct http1_reply reply;
    struct face face;
    make_face(&face, fields, false);
    http1_reply_begin(&reply, request, status);
    add_validators(&reply, &face);
    if (status == 304)
        http1_reply_empty(&reply, UINT64_MAX);
    else
        http1_reply_bytes(&reply, span_of(NULL, 0));
}

/* Preconditions and ranges. True: fields->offset and count are what to send, *partial whether it is a part.
 */
static bool judge(struct request *request, struct object_fields *fields, bool *partial) {
    const struct exchange *exchange = request->exchange;
    struct face face;
    make_face(&face, fields, false);
    struct representation current = {.exists = true,
                                     .etag = span_text(face.etag),
                                     .dated = true,
                                     .modified = (time_t)(fields->mtime_ns / 1000000000)};
    struct span range = {0};
    struct range ranges[RANGES_MAX];
    unsigned n = 0;
    time_t now = (time_t)loop_now(request_loop(request));
    *partial = false;
    enum conditional outcome =
        conditional_judge(&exchange->head.fields, exchange->head.method, &current, now, &range);
    if (outcome != CONDITIONAL_PROCEED) {
        reply_condition(request, outcome == CONDITIONAL_NOT_MODIFIED ? 304 : 412, fields);
        return false;
    }
    enum range_result result =
        range.n ? range_decode(range, fields->size, ranges, RANGES_MAX, &n) : RANGE_WHOLE;
    if (result == RANGE_NONE) {
        reply_range_error(request, fields);
        return false;
    }
    if (result == RANGE_PARTS) {
        fields->offset = ranges[0].offset;
        fields->count = ranges[0].count;
        *partial = true;
    }
    return true;
}

/* A descriptor is content: HEAD gets none (RFC 9110, 9.3.2). */
static bool wants_fd(const struct exchange *exchange) {
    struct span delivery = exchange_field(exchange, "Sluice-Delivery");
    return span_equal(delivery, span_text("fd")) && !http1_reply_is_head(exchange);
}

/* The descriptor rides on the head. */
static void reply_fd(struct objects *objects, struct request *request, const struct object *object) {
    struct http1_reply reply;
    struct face face;
    if (!request->conn->stream.is_unix || !fdpass_available(request)) {
        objects_release(objects, object);
        if (!request->conn->stream.is_unix)
            request_fail(request, STATUS_UNSUPPORTED, "descriptors pass over Unix sockets only");
        else
            request_fail(request, STATUS_FD_LIMIT, "too many descriptors in flight; receive some first");
        return;
    }
    objects->stats.served_fd++;
    request->exchange->delivery = "fd";
    make_face(&face, &object->fields, false);
    begin_reply(&reply, request, &object->fields, &face);
    http1_reply_number(&reply, "Sluice-Size", object->fields.size);
    http1_reply_fd(&reply, fdpass_prepare(object->fd));
}

static void reply_head(struct objects *objects, struct request *request, const struct object *object,
                       bool partial) {
    struct http1_reply reply;
    struct face face;
    objects_release(objects, object);
    make_face(&face, &object->fields, partial);
    begin_reply(&reply, request, &object->fields, &face);
    http1_reply_empty(&reply, object->fields.count);
}

static void reply_body(struct objects *objects, struct request *request, const struct object *object,
                       bool partial) {
    bool kernel = objects->settings.sendfile && object->fields.count >= objects->settings.sendfile_min;
    struct body *body = transfer_new(objects, request, kernel ? TRANSFER_SENDFILE : TRANSFER_COPY, object);
    struct http1_reply reply;
    struct face face;
    if (!body) {
        objects_release(objects, object);
        request_fail(request, STATUS_BUSY, "no memory; try again");
        return;
    }
    request->exchange->delivery = kernel ? "sendfile" : "copy";
    make_face(&face, &object->fields, partial);
    begin_reply(&reply, request, &object->fields, &face);
    http1_reply_body(&reply, object->fields.count, body);
}

static void opened(struct job *job) {
    struct objects *objects = job->context;
    struct object object;
    struct request *request = objects_opened(objects, job, &object);
    bool partial;
    if (!request)
        return;
    if (!judge(request, &object.fields, &partial)) {
        objects_release(objects, &object);
        return;
    }
    histogram_add(&objects->stats.object_size, object.fields.size);
    if (wants_fd(request->exchange)) {
        reply_fd(objects, request, &object);
    } else if (http1_reply_is_head(request->exchange) || object.fields.count == 0) {
        reply_head(objects, request, &object, partial);
    } else if (object.fields.count > SHORT_READ_MAX) {
        reply_body(objects, request, &object, partial);
    } else if (short_read_start(objects, request, &object, partial, short_done) != 0) {
        objects_release(objects, &object);
        request_fail(request, STATUS_BUSY, "too much work in hand; try again");
    }
}

/* A short object from memory, with the same face as from its file. */
static void reply_hot(struct objects *objects, struct request *request, const struct cached *hot) {
    struct object object = hot->object;
    struct http1_reply reply;
    struct face face;
    bool partial;
    if (!judge(request, &object.fields, &partial))
        return;
    histogram_add(&objects->stats.object_size, object.fields.size);
    objects->stats.bytes_copy += object.fields.count;
    make_face(&face, &object.fields, partial);
    begin_reply(&reply, request, &object.fields, &face);
    http1_reply_bytes(&reply,
                      span_of(cached_bytes(hot).p + object.fields.offset, (size_t)object.fields.count));
}

static void serve(struct objects *objects, struct request *request, struct span key) {
    const struct cached *hot = wants_fd(request->exchange) ? NULL : hot_find(objects, key);
    if (hot)
        reply_hot(objects, request, hot);
    else
        objects_open(objects, request, key, false, opened);
}

/* The key that a path stands for, in room; 0 with a reason if it is none. */
static size_t key_of(const struct http *http, struct span path, char *room, size_t size,
                     const char **reason) {
    struct span encoded = span_of(path.p + sizeof(PREFIX) - 1, path.n - (sizeof(PREFIX) - 1));
    ssize_t n = uri_decode(encoded, room, size);
    *reason = "the key is malformed or too long";
    if (n < 0)
        return 0;
    size_t length = (size_t)n, index = strlen(http->settings.index);
    if (index && (length == 0 || room[length - 1] == '/') && length + index <= size) {
        memcpy(room + length, http->settings.index, index);
        length += index;
    }
    *reason = object_key_check(span_of(room, length));
    return *reason ? 0 : length;
}

static void run(struct request *request, struct exchange *exchange) {
    struct http *http = http_of_request(request);
    char key[OBJECT_KEY_MAX];
    const char *reason;
    enum http1_method method = exchange->head.method;
    if (method != HTTP1_GET && method != HTTP1_HEAD) {
        struct http1_reply reply;
        http1_reply_begin(&reply, request, method == HTTP1_OPTIONS ? 204 : 405);
        http1_reply_field(&reply, "Allow", span_text("GET, HEAD, OPTIONS"));
        if (method == HTTP1_OPTIONS)
            http1_reply_empty(&reply, UINT64_MAX);
        else
            http1_reply_bytes(&reply, span_of(NULL, 0));
        return;
    }
    size_t n = key_of(http, exchange->path, key, sizeof(key), &reason);
    bool directory = exchange->path.p[exchange->path.n - 1] == '/';
    if (n == 0 && directory)
        request_fail(request, STATUS_NOT_FOUND, "a directory is no object");
    else if (n == 0)
        request_fail(request, STATUS_BAD_REQUEST, reason);
    else
        serve(http->objects, request, span_of(key, n));
}

const struct http_handler *http_objects_route(struct http *http, const struct exchange *exchange) {
    static const struct http_handler handler = {.early = true, .run = run};
    size_t n = sizeof(PREFIX) - 1;
    if (!http->settings.http_objects || exchange->path.n < n || memcmp(exchange->path.p, PREFIX, n) != 0)
        return NULL;
    return &handler;
}
