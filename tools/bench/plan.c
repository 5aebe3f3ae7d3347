#include "tools/bench/plan.h"

#include "proto/address.h"
#include "tools/bench/dialect.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

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
    memcpy(&out->address, found->ai_addr, found->ai_addrlen);
    out->length = found->ai_addrlen;
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
    return error ? error : plan->dialect->prepare(plan, why, why_size);
}

void plan_free(struct plan *plan) {
    if (plan->dialect)
        plan->dialect->release(plan);
    keys_free(&plan->keys);
    free(plan->servers);
    free(plan->sources);
    *plan = (struct plan){0};
}
