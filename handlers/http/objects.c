#include "handlers/http/objects.h"

#include "handlers/http/http.h"
#include "handlers/http/metadata.h"
#include "handlers/http/methods.h"
#include "handlers/http/multipart.h"
#include "handlers/http/sibling.h"
#include "handlers/objects/fdpass.h"
#include "handlers/objects/objects.h"
#include "handlers/objects/short_read.h"
#include "handlers/objects/transfer.h"
#include "proto/conditional.h"
#include "reactor/conn.h"

#include <errno.h>
#include <stdio.h>

#define PREFIX "/objects/"

/* Which part of an object to send, and the metadata to send with it. */
struct selection {
    struct metadata metadata;
    struct range list[MULTIPART_RANGES];
    unsigned n; /* 0: all of it */
};

static struct http *http_of_request(const struct request *request) {
    return http_of(request_loop(request)->http);
}

static void no_memory(struct request *request) {
    request_fail(request, STATUS_BUSY, "no memory; try again");
}

/* Begins the head of 200, or of 206 with one range: everything except the length. */
static void begin_reply(struct http1_reply *reply, struct request *request,
                        const struct object_fields *fields, const struct metadata *metadata, bool partial) {
    metadata_begin_reply(reply, request, partial ? 206 : 200, metadata, NULL);
    if (partial) {
        char text[RANGE_TEXT];
        size_t n = range_print(&(struct range){fields->offset, fields->count}, fields->size, text);
        http1_reply_field(reply, "Content-Range", span_of(text, n));
    }
}

static void reply_range_error(struct request *request, const struct object_fields *fields) {
    struct http1_reply reply;
    char text[RANGE_TEXT];
    size_t n = range_print(NULL, fields->size, text);
    http1_reply_begin(&reply, request, 416);
    http1_reply_field(&reply, "Content-Range", span_of(text, n));
    http1_reply_bytes(&reply, span_of(NULL, 0));
}

static void reply_condition(struct request *request, int status, const struct metadata *metadata) {
    struct http1_reply reply;
    http1_reply_begin(&reply, request, status);
    metadata_add_validators(&reply, metadata);
    if (status == 304)
        http1_reply_empty(&reply, UINT64_MAX);
    else
        http1_reply_bytes(&reply, span_of(NULL, 0));
}

/* Makes the metadata, then evaluates preconditions and ranges. True: selection says what to send, and so do
 * fields->offset and count for a single range. False: the request was answered. */
static bool judge(struct request *request, struct object_fields *fields, struct selection *selection) {
    const struct exchange *exchange = request->exchange;
    metadata_make(&selection->metadata, exchange, fields);
    struct representation current = {.exists = true,
                                     .etag = span_text(selection->metadata.etag),
                                     .dated = true,
                                     .modified = selection->metadata.modified};
    struct span range = {0};
    selection->n = 0;
    enum conditional outcome = conditional_judge(&exchange->head.fields, exchange->head.method, &current,
                                                 loop_date(request_loop(request)), &range);
    if (outcome != CONDITIONAL_PROCEED) {
        reply_condition(request, outcome == CONDITIONAL_NOT_MODIFIED ? 304 : 412, &selection->metadata);
        return false;
    }
    if (range.n == 0)
        return true;
    enum range_result result =
        range_decode(range, fields->size, selection->list, MULTIPART_RANGES, &selection->n);
    if (result == RANGE_NONE) {
        reply_range_error(request, fields);
        return false;
    }
    if (result == RANGE_WHOLE)
        selection->n = 0;
    if (selection->n > 0) {
        fields->offset = selection->list[0].offset;
        fields->count = selection->list[0].count;
    }
    return true;
}

/* A descriptor is content: HEAD gets none (RFC 9110, 9.3.2). */
static bool wants_fd(const struct exchange *exchange) {
    struct span delivery = exchange_field(exchange, "Sluice-Delivery");
    return span_equal(delivery, span_text("fd")) && !http1_reply_is_head(exchange);
}

static void fd_refused(struct request *request, struct span message, int fd) {
    struct http *http = http_of_request(request);
    (void)message;
    http->objects->stats.served_fd--;
    request->exchange->delivery = NULL;
    ledger_release(&http->loop->ledger, fd);
    request_fail(request, STATUS_FD_LIMIT, "too many descriptors in flight; receive some first");
}

/* The descriptor rides on the head. */
static void reply_fd(struct objects *objects, struct request *request, const struct object *object,
                     const struct metadata *metadata) {
    struct http1_reply reply;
    bool is_unix = request->conn->stream.is_unix;
    if (!is_unix || !fdpass_available(request)) {
        objects_release(objects, object);
        request_fail(request, is_unix ? STATUS_FD_LIMIT : STATUS_UNSUPPORTED,
                     is_unix ? "too many descriptors in flight; receive some first"
                             : "descriptors pass over Unix sockets only");
        return;
    }
    objects->stats.served_fd++;
    histogram_add(&objects->stats.object_size, object->fields.size);
    request->exchange->delivery = "fd";
    begin_reply(&reply, request, &object->fields, metadata, false);
    http1_reply_number(&reply, "Sluice-Size", object->fields.size);
    request->refused = fd_refused;
    http1_reply_fd(&reply, fdpass_prepare(object->fd));
}

/* Replies to HEAD, and for an empty object. */
static void reply_head(struct objects *objects, struct request *request, const struct object *object,
                       const struct metadata *metadata, bool partial) {
    struct http1_reply reply;
    objects->stats.served_copy += !http1_reply_is_head(request->exchange);
    objects_release(objects, object);
    begin_reply(&reply, request, &object->fields, metadata, partial);
    http1_reply_empty(&reply, object->fields.count);
}

/* A transfer of the object's range; NULL: the request was answered. */
static struct body *start_transfer(struct objects *objects, struct request *request,
                                   const struct object *object) {
    bool kernel = objects->settings.sendfile && object->fields.count >= objects->settings.sendfile_min;
    struct body *body = transfer_new(objects, request, kernel ? TRANSFER_SENDFILE : TRANSFER_COPY, object);
    request->exchange->delivery = kernel ? "sendfile" : "copy";
    if (!body) {
        objects_release(objects, object);
        no_memory(request);
    }
    return body;
}

static void reply_body(struct objects *objects, struct request *request, const struct object *object,
                       const struct metadata *metadata, bool partial) {
    struct http1_reply reply;
    struct body *body = start_transfer(objects, request, object);
    if (!body)
        return;
    begin_reply(&reply, request, &object->fields, metadata, partial);
    http1_reply_body(&reply, object->fields.count, body);
}

static void reply_parts(struct objects *objects, struct request *request, const struct object *object,
                        const struct selection *selection) {
    struct http1_reply reply;
    char type[MULTIPART_TYPE];
    uint64_t length;
    struct body *parts =
        multipart_new(selection->list, selection->n, object->fields.size, selection->metadata.type, &length);
    if (!parts) {
        objects_release(objects, object);
        no_memory(request);
        return;
    }
    struct body *transfer = start_transfer(objects, request, object);
    if (!transfer) {
        parts->class->end(parts, false);
        return;
    }
    multipart_read(parts, transfer);
    multipart_type(parts, type);
    metadata_begin_reply(&reply, request, 206, &selection->metadata, type);
    http1_reply_body(&reply, length, parts);
}

static void short_done(struct request *request, const struct short_read *read) {
    struct http1_reply reply;
    struct metadata metadata;
    metadata_make(&metadata, request->exchange, &read->object.fields);
    begin_reply(&reply, request, &read->object.fields, &metadata, read->mark);
    http1_reply_bytes(&reply, short_read_bytes(read));
}

static void answer(struct objects *objects, struct request *request, struct object *object) {
    struct selection selection;
    if (!judge(request, &object->fields, &selection)) {
        objects_release(objects, object);
        return;
    }
    bool partial = selection.n == 1, head = http1_reply_is_head(request->exchange);
    bool fd = wants_fd(request->exchange);
    if (!head && !fd)
        histogram_add(&objects->stats.object_size, object->fields.size);
    if (fd) {
        reply_fd(objects, request, object, &selection.metadata);
    } else if (selection.n > 1 && !head) {
        reply_parts(objects, request, object, &selection);
    } else if (head || object->fields.count == 0) {
        reply_head(objects, request, object, &selection.metadata, partial);
    } else if (object->fields.count > SHORT_READ_MAX) {
        reply_body(objects, request, object, &selection.metadata, partial);
    } else if (short_read_start(objects, request, object, partial, short_done) != 0) {
        objects_release(objects, object);
        request_fail(request, STATUS_BUSY, "too much work in hand; try again");
    }
}

static bool ends_with_slash(struct span path) {
    return path.p[path.n - 1] == '/';
}

/* Redirects a directory that may have an index to its name with a slash, so that relative links in the index work.
 * False: no redirect. */
static bool reply_directory(struct request *request) {
    const struct exchange *exchange = request->exchange;
    struct span path = exchange->path, query = exchange->head.query;
    struct http1_reply reply;
    char location[HTTP1_REPLY_ROOM / 2];
    if (!*http_of_request(request)->settings.index || ends_with_slash(path))
        return false;
    int n = snprintf(location, sizeof(location), "%.*s/%s%.*s", (int)path.n, path.p, query.p ? "?" : "",
                     (int)query.n, query.p ? query.p : "");
    if (n >= (int)sizeof(location))
        return false;
    http1_reply_begin(&reply, request, 301);
    http1_reply_field(&reply, "Location", span_of(location, (size_t)n));
    http1_reply_bytes(&reply, span_of(NULL, 0));
    return true;
}

static void opened(struct job *job) {
    struct objects *objects = job->context;
    struct object object;
    bool directory = job->error == -EISDIR && S_ISDIR(job->open.st.st_mode);
    struct request *asked = directory ? request_of_job(objects->loop, job) : NULL;
    if (asked && reply_directory(asked))
        return;
    struct request *request = objects_opened(objects, job, &object);
    if (request)
        answer(objects, request, &object);
}

/* A short object from memory, with the same metadata as from its file. */
static void reply_short(struct objects *objects, struct request *request, const struct cached *hot) {
    struct object_fields fields = hot->object.fields;
    struct http1_reply reply;
    struct selection selection;
    if (!judge(request, &fields, &selection))
        return;
    histogram_add(&objects->stats.object_size, fields.size);
    objects->stats.served_copy++;
    objects->stats.bytes_copy += fields.count;
    begin_reply(&reply, request, &fields, &selection.metadata, false);
    http1_reply_bytes(&reply, cached_bytes(hot));
}

/* Replies from an object that is kept open. False: the client gets a descriptor, which must be a fresh one. */
static bool reply_hot(struct objects *objects, struct request *request, const struct cached *hot) {
    struct object object;
    if (wants_fd(request->exchange))
        return false;
    bool whole = !http1_reply_is_head(request->exchange) && !exchange_field(request->exchange, "Range").p;
    if (hot_is_short(hot) && whole) {
        reply_short(objects, request, hot);
        return true;
    }
    hot_take(objects, hot, &object);
    answer(objects, request, &object);
    return true;
}

/* Writes the key that a path stands for to room and returns its length; 0, with a reason, if it is not a valid key. */
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

static void sibling_opened(struct job *job);

/* Opens the best sibling that was not tried yet, or the object itself. */
static void serve(struct http *http, struct request *request, char *key, size_t n) {
    bool plain = !*http->settings.precompressed || wants_fd(request->exchange);
    size_t length = plain ? n : sibling_next(http, request->exchange, key, n, OBJECT_KEY_MAX);
    if (length > n) {
        objects_open(http->objects, request, span_of(key, length), false, sibling_opened);
        return;
    }
    const struct cached *hot = hot_find(http->objects, span_of(key, n));
    if (!hot || !reply_hot(http->objects, request, hot))
        objects_open(http->objects, request, span_of(key, n), false, opened);
}

/* It is not an error if a sibling does not exist. */
static void sibling_opened(struct job *job) {
    char key[OBJECT_KEY_MAX];
    const char *reason;
    if (job->error == 0) {
        opened(job);
        return;
    }
    struct objects *objects = job->context;
    struct request *request = request_of_job(objects->loop, job);
    if (!request)
        return;
    struct http *http = http_of_request(request);
    serve(http, request, key, key_of(http, request->exchange->path, key, sizeof(key), &reason));
}

static void run(struct request *request, struct exchange *exchange) {
    struct http *http = http_of_request(request);
    char key[OBJECT_KEY_MAX];
    const char *reason;
    if (!(METHODS_READ & 1u << exchange->head.method)) {
        methods_answer(request, METHODS_READ);
        return;
    }
    size_t n = key_of(http, exchange->path, key, sizeof(key), &reason);
    if (n == 0 && ends_with_slash(exchange->path))
        request_fail(request, STATUS_NOT_FOUND, "a directory is no object");
    else if (n == 0)
        request_fail(request, STATUS_BAD_REQUEST, reason);
    else
        serve(http, request, key, n);
}

const struct http_handler *http_objects_route(const struct http *http, const struct exchange *exchange) {
    static const struct http_handler handler = {.early = true, .run = run};
    size_t n = sizeof(PREFIX) - 1;
    bool below = exchange->path.n >= n && memcmp(exchange->path.p, PREFIX, n) == 0;
    return http->settings.http_objects && below ? &handler : NULL;
}
