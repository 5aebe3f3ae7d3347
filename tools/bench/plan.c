#include "tools/bench/plan.h"

#include "proto/address.h"
#include "tools/bench/dialect.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BODY_MAX (64L * 1024 * 1024)

static bool takes_connections(const struct addrinfo *found) {
    const struct timeval patience = {.tv_sec = 1};
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool takes = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
                 connect(fd, found->ai_addr, found->ai_addrlen) == 0;
    if (fd >= 0)
        close(fd);
    return takes;
}

/* The one of a host's addresses that other clients would find: the first that takes a connection, or else the first. */
static const struct addrinfo *choose(const struct addrinfo *found) {
    for (const struct addrinfo *one = found; found->ai_next && one; one = one->ai_next)
        if (takes_connections(one))
            return one;
    return found;
}

/* The address of a host that only getaddrinfo(3) can tell. */
static int resolve(const struct address *address, struct dial_name *out, const char **why) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char port[8];
    snprintf(port, sizeof(port), "%u", address->port);
    int error = getaddrinfo(address->host, port, &hints, &found);
    if (error) {
        *why = gai_strerror(error);
        return -EHOSTUNREACH;
    }
    const struct addrinfo *chosen = choose(found);
    memcpy(&out->address, chosen->ai_addr, chosen->ai_addrlen);
    out->length = chosen->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

static int read_server(struct span text, struct dial_name *out, const char **why) {
    struct address address;
    *why = address_parse(text, &address);
    if (*why)
        return -EINVAL;
    if (address.kind != ADDRESS_UNIX && address.kind != ADDRESS_TCP) {
        *why = "not a stream's address";
        return -EINVAL;
    }
    if (address_socket(&address, &out->address, &out->length) != 0)
        return resolve(&address, out, why);
    return 0;
}

/* An IP address without a port. */
static int read_source(struct span text, struct dial_name *out, const char **why) {
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found = NULL;
    char host[ADDRESS_HOST];
    *why = "not an IP address";
    snprintf(host, sizeof(host), "%.*s", (int)text.n, text.p);
    if (getaddrinfo(host, NULL, &hints, &found) != 0)
        return -EINVAL;
    memcpy(&out->address, found->ai_addr, found->ai_addrlen);
    out->length = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

/* One endpoint for each word of a list joined by commas. */
static int read_endpoints(const char *list, int (*read_one)(struct span, struct dial_name *, const char **),
                          struct dial_name **out, unsigned *count, char *why, size_t why_size) {
    size_t room = 1;
    for (const char *p = list; *p; p++)
        room += *p == ',';
    *out = calloc(room, sizeof(**out));
    if (!*out)
        return -ENOMEM;
    for (const char *at = list; *at;) {
        size_t n = strcspn(at, ",");
        const char *reason = NULL;
        int error = read_one(span_of(at, n), &(*out)[*count], &reason);
        if (error) {
            snprintf(why, why_size, "%.*s: %s", (int)n, at, reason);
            return error;
        }
        ++*count;
        at += n + (at[n] == ',');
    }
    return 0;
}

/* The whole file, which may be a pipe; malloc'ed. 0 or -errno. */
static int read_whole(const char *path, struct span *out) {
    FILE *file = fopen(path, "r"), *memory;
    char *bytes = NULL, piece[65536];
    size_t n;
    int error = 0;
    if (!file)
        return -errno;
    if (!(memory = open_memstream(&bytes, &n))) {
        fclose(file);
        return -ENOMEM;
    }
    for (size_t got; !error && (got = fread(piece, 1, sizeof(piece), file)) > 0;)
        if (fwrite(piece, 1, got, memory) != got)
            error = -ENOMEM;
        else if (ftell(memory) > BODY_MAX)
            error = -EFBIG;
    if (ferror(file))
        error = -errno;
    fclose(file);
    if (fclose(memory) != 0)
        error = -ENOMEM;
    if (error)
        free(bytes);
    else
        *out = span_of(bytes, n);
    return error;
}

static int load_body(struct plan *plan, char *why, size_t why_size) {
    const char *path = plan->settings->body;
    if (plan->settings->mode != MODE_HTTP || !*path)
        return 0;
    int error = read_whole(path, &plan->body);
    if (error)
        snprintf(why, why_size, "%s: %s", path, strerrordesc_np(-error));
    return error;
}

static int write_requests(struct plan *plan, char *why, size_t why_size) {
    int error = 0;
    plan->requests = calloc(plan->keys.count, sizeof(*plan->requests));
    if (!plan->requests)
        return -ENOMEM;
    for (size_t i = 0; !error && i < plan->keys.count; i++)
        error = plan->dialect->write(plan, plan->keys.list[i], &plan->requests[i], why, why_size);
    return error;
}

int plan_make(struct plan *plan, const struct bench_settings *settings, char *why, size_t why_size) {
    *plan = (struct plan){.settings = settings};
    bool rpc = settings->mode == MODE_RPC || settings->mode == MODE_MCP;
    plan->dialect = settings->mode == MODE_HTTP ? &dialect_http : rpc ? &dialect_rpc : &dialect_slc;
    snprintf(why, why_size, "out of memory");
    int error =
        read_endpoints(settings->server, read_server, &plan->servers, &plan->servers_count, why, why_size);
    if (!error)
        error = read_endpoints(settings->source, read_source, &plan->sources, &plan->sources_count, why,
                               why_size);
    if (!error)
        error = keys_load(&plan->keys, settings, why, why_size);
    if (!error)
        error = load_body(plan, why, why_size);
    return error ? error : write_requests(plan, why, why_size);
}

void plan_free(struct plan *plan) {
    for (size_t i = 0; plan->requests && i < plan->keys.count; i++)
        free((void *)(uintptr_t)plan->requests[i].p);
    free(plan->requests);
    free((void *)(uintptr_t)plan->body.p);
    keys_free(&plan->keys);
    free(plan->servers);
    free(plan->sources);
    *plan = (struct plan){0};
}
