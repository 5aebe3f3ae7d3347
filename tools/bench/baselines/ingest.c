#include "tools/bench/baselines/ingest.h"

#include "proto/http1.h"

#include <err.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIELDS 64
#define RATE   1e9 /* of the limiter: it works, and refuses nobody */

/* One bucket for all clients, under a lock. */
static bool may_pass(void) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static double tokens, last;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double seconds = (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
    pthread_mutex_lock(&lock);
    tokens += (seconds - last) * RATE;
    if (tokens > RATE)
        tokens = RATE;
    last = seconds;
    bool good = tokens >= 1;
    tokens -= good;
    pthread_mutex_unlock(&lock);
    return good;
}

static bool is_valid(struct span body) {
    json_t *record = json_loadb(body.p, body.n, 0, NULL);
    const char *name = json_string_value(json_object_get(record, "name"));
    bool good = name && *name && json_is_number(json_object_get(record, "value"));
    json_decref(record);
    return good;
}

static bool answer(const struct service *service, const struct session *session, struct span body) {
    static const char accepted[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n{\"accepted\":1,\"rejected\":0}\n";
    static const char refused[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    static const char limited[] = "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n";
    if (!may_pass())
        return service_send(session->fd, limited, sizeof(limited) - 1);
    if (!is_valid(body) || write(service->log, body.p, body.n) != (ssize_t)body.n)
        return service_send(session->fd, refused, sizeof(refused) - 1);
    return service_send(session->fd, accepted, sizeof(accepted) - 1);
}

void ingest_open(struct service *service) {
    service->log = openat(service->root, "ingest.jsonl", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (service->log < 0)
        err(1, "ingest.jsonl");
}

bool ingest_work(struct service *service, struct session *session) {
    const struct http1_limits limits = HTTP1_LIMITS;
    struct http1_field fields[FIELDS];
    size_t at = 0;
    for (;;) {
        struct http1_scan scan = {0};
        struct http1_request request = {.fields = {.list = fields, .max = FIELDS}};
        struct http1_verdict verdict =
            http1_decode(&scan, session->in + at, session->n - at, &limits, &request);
        if (verdict.kind == VERDICT_BAD)
            return false;
        if (verdict.kind == VERDICT_MORE || request.framing.length > session->n - at - verdict.n)
            break;
        if (!answer(service, session, span_of(session->in + at + verdict.n, request.framing.length)) ||
            !request.framing.keep_alive)
            return false;
        at += verdict.n + request.framing.length;
    }
    session->n -= at;
    memmove(session->in, session->in + at, session->n);
    return session->n < sizeof(session->in);
}
