#include "handlers/http/request_id.h"

#include <ctype.h>
#include <stdio.h>
#include <sys/random.h>

#define REQUEST_ID_MAX 64

/* The client's, if it is harmless; p is NULL otherwise. */
static struct span sent_id(const struct exchange *exchange) {
    struct span id = exchange_field(exchange, "X-Request-ID");
    if (id.n == 0 || id.n > REQUEST_ID_MAX)
        return span_of(NULL, 0);
    for (size_t i = 0; i < id.n; i++)
        if (!isalnum((unsigned char)id.p[i]) && !memchr("-._", id.p[i], 3))
            return span_of(NULL, 0);
    return id;
}

struct span request_id_of(const struct exchange *exchange) {
    struct span sent = sent_id(exchange);
    if (sent.p)
        return sent;
    return exchange->request_id[0] ? span_text(exchange->request_id) : span_of(NULL, 0);
}

struct span request_id_ensure(struct exchange *exchange) {
    struct span id = request_id_of(exchange);
    if (id.p)
        return id;
    unsigned char random[16] = {0};
    if (getrandom(random, sizeof(random), GRND_NONBLOCK) < 0)
        memcpy(random, &exchange->started_ns, sizeof(exchange->started_ns));
    for (size_t i = 0; i < sizeof(random); i++)
        sprintf(exchange->request_id + 2 * i, "%02x", random[i]);
    return span_text(exchange->request_id);
}
