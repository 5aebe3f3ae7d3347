#include "handlers/gateway/server.h"

#include "proto/chars.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

static int refuse(struct span word, const char *reason, char *why, size_t why_size) {
    snprintf(why, why_size, "'%.*s': %s", (int)word.n, word.p, reason);
    return -EINVAL;
}

static struct span next_part(struct span *rest) {
    *rest = span_trim(*rest);
    size_t n = 0;
    while (n < rest->n && !char_is(rest->p[n], CHAR_SPACE))
        n++;
    struct span part = span_of(rest->p, n);
    *rest = span_of(rest->p + n, rest->n - n);
    return part;
}

int server_parse(struct span word, struct server *out, char *why, size_t why_size) {
    static const char weight[] = "weight=";
    size_t skip = sizeof(weight) - 1;
    struct span rest = word, part = next_part(&rest);
    *out = (struct server){.weight = 1};
    const char *reason = address_parse(part, &out->address);
    if (!reason && out->address.kind != ADDRESS_TCP && out->address.kind != ADDRESS_UNIX)
        reason = "servers are tcp: or unix:";
    if (!reason && out->address.kind == ADDRESS_TCP &&
        (out->address.port == 0 || strcmp(out->address.host, "*") == 0))
        reason = "no host and port to connect to";
    if (reason)
        return refuse(word, reason, why, why_size);
    while ((part = next_part(&rest)).n > 0) {
        uint64_t number = 0;
        if (span_equal(part, span_text("backup")))
            out->backup = true;
        else if (part.n > skip && memcmp(part.p, weight, skip) == 0 &&
                 span_number(span_of(part.p + skip, part.n - skip), SERVER_WEIGHT_MAX, &number) == 0)
            out->weight = (long)number;
        else
            return refuse(word, "behind an address comes weight=0..1000 or backup", why, why_size);
    }
    out->named = address_socket(&out->address, &out->name.address, &out->name.length) != 0;
    return 0;
}

int server_parse_source(struct span word, struct dial_name *out, char *why, size_t why_size) {
    char text[INET6_ADDRSTRLEN];
    struct sockaddr_in *v4 = (void *)&out->address;
    struct sockaddr_in6 *v6 = (void *)&out->address;
    *out = (struct dial_name){0};
    if (word.n < sizeof(text)) {
        memcpy(text, word.p, word.n);
        text[word.n] = '\0';
        if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
            v4->sin_family = AF_INET;
            out->length = sizeof(*v4);
            return 0;
        }
        if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
            v6->sin6_family = AF_INET6;
            out->length = sizeof(*v6);
            return 0;
        }
    }
    return refuse(word, "not an IPv4 or IPv6 address", why, why_size);
}
