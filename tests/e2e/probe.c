/* The module of test_http_handlers.py: one handler for each thing that a handler can do. What must wait,
 * waits for a FIFO (?gate=PATH) that the test opens when it likes. */
#include <sluice/handler.h>
#include <sluice/json.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LISTENERS 64

static atomic_ulong pulled, dropped, cancelled;

static unsigned long number(struct sluice_request *request, const char *name) {
    const char *text = sluice_query(request, name);
    return text ? strtoul(text, NULL, 10) : 0;
}

/* Waits until somebody opens the other end. */
static void wait_for_gate(const char *path) {
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    char byte;
    while (fd >= 0 && read(fd, &byte, 1) == 1)
        continue;
    close(fd);
}

static void gate(struct sluice_request *request, void *user) {
    (void)user;
    wait_for_gate(sluice_query(request, "gate"));
    sluice_reply_text(request, "open");
}

/* Works until its client leaves. */
static void endless(struct sluice_request *request, void *user) {
    (void)user;
    while (!sluice_cancelled(request))
        usleep(1000);
    cancelled++;
}

/* ---- late replies -------------------------------------------------------------------------------- */

static void *reply_late(void *argument) {
    struct sluice_request *request = argument;
    wait_for_gate(sluice_query(request, "gate"));
    sluice_reply_field(request, "X-Cancelled", sluice_cancelled(request) ? "yes" : "no");
    sluice_reply_text(request, "late %s %s", sluice_param(request, "word"), sluice_peer(request));
    sluice_finish(request);
    return NULL;
}

static void late(struct sluice_request *request, void *user) {
    (void)user;
    pthread_t thread;
    sluice_reply_status(request, 203);
    sluice_reply_field(request, "X-Early", "yes");
    struct sluice_request *deferred = sluice_defer(request);
    if (!deferred) {
        sluice_reply_error(request, 503, "no deferring");
        return;
    }
    if (pthread_create(&thread, NULL, reply_late, deferred) == 0) {
        pthread_detach(thread);
        return;
    }
    sluice_reply_error(deferred, 503, "no thread");
    sluice_finish(deferred);
}

/* Finishes at once, while its handler still runs. */
static void soon(struct sluice_request *request, void *user) {
    (void)user;
    struct sluice_request *deferred = sluice_defer(request);
    if (sluice_defer(deferred) || sluice_defer(request)) {
        sluice_reply_error(deferred, 500, "deferred twice");
    } else {
        sluice_reply_text(deferred, "soon");
    }
    sluice_finish(deferred);
}

/* ---- streams ------------------------------------------------------------------------------------- */

struct stream {
    unsigned long at, size, fail_at;
    bool hesitant, hesitated;
};

static long pull(void *state, char *room, size_t size) {
    struct stream *stream = state;
    if (stream->fail_at && stream->at >= stream->fail_at)
        return SLUICE_FAIL;
    if (stream->hesitant && (stream->hesitated = !stream->hesitated))
        return SLUICE_LATER;
    unsigned long left = stream->size - stream->at;
    size_t n = size < left ? size : left;
    if (stream->hesitant && n > 1000)
        n = 1000;
    for (size_t i = 0; i < n; i++)
        room[i] = (char)('a' + (stream->at + i) % 26);
    stream->at += n;
    pulled += n;
    return (long)n;
}

static void drop(void *state) {
    dropped++;
    free(state);
}

static void stream(struct sluice_request *request, void *user) {
    (void)user;
    struct stream *made = malloc(sizeof *made);
    *made = (struct stream){.size = number(request, "size"),
                            .fail_at = number(request, "fail"),
                            .hesitant = number(request, "hesitant") > 0};
    struct sluice_source source = {.pull = pull, .drop = drop, .state = made};
    sluice_reply_stream(request, "text/plain", &source);
    if (sluice_query(request, "instead"))
        sluice_reply_text(request, "instead");
}

/* ---- channels ------------------------------------------------------------------------------------ */

static struct {
    pthread_mutex_t lock;
    struct sluice_channel *channels[LISTENERS];
    size_t count;
    unsigned long next;
} listeners = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void listen_to(struct sluice_request *request, void *user) {
    (void)user;
    struct sluice_channel *channel = sluice_reply_events(request, number(request, "room"));
    pthread_mutex_lock(&listeners.lock);
    if (channel && listeners.count < LISTENERS)
        listeners.channels[listeners.count++] = channel;
    pthread_mutex_unlock(&listeners.lock);
}

/* ?count events of ?size bytes for all listeners; says how many were taken, full and gone. */
static void publish(struct sluice_request *request, void *user) {
    (void)user;
    unsigned long results[3] = {0}, size = number(request, "size");
    char *data = malloc(size + 1), id[32];
    memset(data, 'd', size);
    data[size] = '\0';
    pthread_mutex_lock(&listeners.lock);
    for (unsigned long n = number(request, "count"); n > 0; n--) {
        snprintf(id, sizeof id, "%lu", ++listeners.next);
        for (size_t i = 0; i < listeners.count; i++)
            results[-sluice_channel_event(listeners.channels[i], id, "news", data)]++;
    }
    pthread_mutex_unlock(&listeners.lock);
    free(data);
    sluice_reply_json(request, "{\"taken\":%lu,\"full\":%lu,\"gone\":%lu}", results[0], results[1],
                      results[2]);
}

static void close_listeners(void) {
    pthread_mutex_lock(&listeners.lock);
    while (listeners.count > 0)
        sluice_channel_close(listeners.channels[--listeners.count]);
    pthread_mutex_unlock(&listeners.lock);
}

static void hang_up(struct sluice_request *request, void *user) {
    (void)user;
    close_listeners();
    sluice_reply_status(request, 204);
}

/* ---- what is said and read ------------------------------------------------------------------------- */

static int before(struct sluice_request *request, void *user) {
    sluice_reply_field(request, "X-Before", user);
    if (!sluice_header(request, "X-Deny"))
        return 0;
    sluice_reply_error(request, 403, "denied by the hook");
    return 1;
}

static void after(struct sluice_request *request, void *user) {
    char text[64];
    snprintf(text, sizeof text, "%s %d", (const char *)user, sluice_replied(request));
    sluice_reply_field(request, "X-After", text);
}

static void say(struct sluice_request *request, void *user) {
    (void)user;
    const char *name, *value;
    size_t at = 0;
    unsigned long status = number(request, "status"), size = number(request, "size");
    if (status)
        sluice_reply_status(request, (int)status);
    while (sluice_next_form(request, &at, &name, &value))
        if (!name || !value || sluice_reply_field(request, name, value) != 0)
            sluice_reply_field(request, "X-Refused", "yes");
    if (sluice_query(request, "error"))
        sluice_reply_error(request, (int)number(request, "error"), "asked for");
    if (!sluice_query(request, "size"))
        return;
    char *bytes = malloc(size + 1);
    for (unsigned long i = 0; i < size; i++)
        bytes[i] = (char)('a' + i % 26);
    if (sluice_query(request, "copy")) {
        sluice_reply_bytes(request, "text/plain", bytes, size);
        free(bytes);
    } else {
        sluice_reply_owned(request, "text/plain", bytes, size);
    }
}

static void silent(struct sluice_request *request, void *user) {
    (void)request, (void)user;
}

static void read_form(struct sluice_request *request, void *user) {
    (void)user;
    json_t *document = json_object();
    const char *first = sluice_form(request, "a"), *query = sluice_query(request, "a");
    json_object_set_new(document, "form", first ? json_string(first) : json_null());
    json_object_set_new(document, "query", query ? json_string(query) : json_null());
    json_object_set_new(document, "id", json_string(sluice_request_id(request)));
    json_object_set_new(document, "param", json_string(sluice_param(request, "*")));
    sluice_reply_document(request, document);
}

static void sum(struct sluice_request *request, void *user) {
    (void)user;
    json_error_t error;
    json_t *document = sluice_json_body(request, &error), *item;
    size_t i;
    double total = 0;
    if (!json_is_array(document)) {
        sluice_reply_error(request, 400, document ? "not an array" : error.text);
        json_decref(document);
        return;
    }
    json_array_foreach (document, i, item)
        total += json_number_value(item);
    json_decref(document);
    sluice_reply_document(request, json_pack("{sf}", "sum", total));
}

/* Holds its thread for ?us microseconds. */
static void spin(struct sluice_request *request, void *user) {
    (void)user;
    struct timespec start, now;
    long us = (long)number(request, "us");
    clock_gettime(CLOCK_MONOTONIC, &start);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - start.tv_sec) * 1000000 + (now.tv_nsec - start.tv_nsec) / 1000 < us);
    sluice_reply_text(request, "spun");
}

static void counters(struct sluice_request *request, void *user) {
    (void)user;
    sluice_reply_json(request, "{\"pulled\":%lu,\"dropped\":%lu,\"cancelled\":%lu}", pulled, dropped,
                      cancelled);
}

/* ---- the module ---------------------------------------------------------------------------------- */

SLUICE_MODULE;

static char hook_name[] = "hook";

int sluice_module_init(struct sluice_module *module) {
    const struct sluice_route routes[] = {
        {.name = "gate", .title = "GET /gate", .handler = gate, .run = SLUICE_RUN_WORKER},
        {.name = "endless", .title = "GET /endless", .handler = endless, .run = SLUICE_RUN_WORKER},
        {.name = "late", .title = "GET /late/:word", .handler = late},
        {.name = "soon", .title = "GET /soon", .handler = soon},
        {.name = "stream", .title = "GET /stream", .handler = stream},
        {.name = "listen", .title = "GET /listen", .handler = listen_to},
        {.name = "publish", .title = "POST /publish", .handler = publish, .run = SLUICE_RUN_WORKER},
        {.name = "hang-up", .title = "POST /hang-up", .handler = hang_up},
        {.name = "say", .title = "/say", .handler = say},
        {.name = "silent", .title = "GET /silent", .handler = silent},
        {.name = "form", .title = "/form/*", .handler = read_form},
        {.name = "sum", .title = "POST /sum", .handler = sum, .run = SLUICE_RUN_WORKER, .body_limit = 100},
        {.name = "spin", .title = "GET /spin", .handler = spin},
        {.name = "auto", .title = "GET /auto", .handler = spin, .run = SLUICE_RUN_AUTO},
        {.name = "counters", .title = "GET /counters", .handler = counters},
        {.name = "hooked",
         .title = "GET /hooked",
         .handler = gate,
         .before = before,
         .after = after,
         .user = hook_name},
        {.name = "late-hooked",
         .title = "GET /late-hooked",
         .handler = soon,
         .after = after,
         .user = hook_name},
    };
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (sluice_module_add(module, &routes[i]) != 0)
            return -1;
    return 0;
}

void sluice_module_exit(void) {
    close_listeners();
    fprintf(stderr, "probe: exit\n");
}
