#include "handlers/http/builtin.h"

#include "handlers/http/describe.h"

#include <stdlib.h>
#include <string.h>

#define FIB_MAX     45 /* some seconds */
#define FIB_UNASKED 30 /* below this it takes milliseconds, and does not check whether the client has left */

static void hello(struct sluice_request *request, void *user) {
    static const char body[] = "{\"message\":\"Hello, World!\"}";
    (void)user;
    sluice_reply_bytes(request, "application/json", body, sizeof(body) - 1);
}

static uint64_t fibonacci(unsigned n) {
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static uint64_t fibonacci_asking(struct sluice_request *request, unsigned n) {
    if (n < FIB_UNASKED)
        return fibonacci(n);
    if (sluice_cancelled(request))
        return 0;
    return fibonacci_asking(request, n - 1) + fibonacci_asking(request, n - 2);
}

static void fib(struct sluice_request *request, void *user) {
    (void)user;
    const char *text = sluice_param(request, "n");
    size_t digits = text ? strspn(text, "0123456789") : 0;
    unsigned n = digits > 0 && digits <= 2 && !text[digits] ? (unsigned)atoi(text) : FIB_MAX + 1;
    if (n > FIB_MAX) {
        sluice_reply_error(request, 400, "n is a number from 0 to 45");
        return;
    }
    uint64_t value = fibonacci_asking(request, n);
    sluice_reply_json(request, "{\"n\":%u,\"fib\":%llu}", n, (unsigned long long)value);
}

static void echo(struct sluice_request *request, void *user) {
    (void)user;
    const char *describe = sluice_query(request, "describe");
    if (describe && strcmp(describe, "1") == 0) {
        describe_request(request);
        return;
    }
    const char *type = sluice_header(request, "Content-Type");
    size_t size;
    const void *body = sluice_body(request, &size);
    sluice_reply_bytes(request, type ? type : "application/octet-stream", body, size);
}

const struct sluice_route builtin_handlers[] = {
    {.name = "hello", .handler = hello, .run = SLUICE_RUN_INLINE},
    {.name = "fib", .handler = fib, .run = SLUICE_RUN_WORKER},
    {.name = "echo", .handler = echo, .run = SLUICE_RUN_INLINE},
    {.name = NULL},
};

const struct sluice_route builtin_demo_routes[] = {
    {.title = "GET /hello", .handler = hello, .run = SLUICE_RUN_INLINE},
    {.title = "GET /fib/:n", .handler = fib, .run = SLUICE_RUN_WORKER},
    {.title = "* /echo", .handler = echo, .run = SLUICE_RUN_INLINE},
    {.title = NULL},
};
