#include "handlers/http/methods.h"

#include "reactor/http1_reply.h"

#include <stdio.h>

#define METHODS_TEXT 80 /* room for all of them */

static const char *const names[HTTP1_METHODS] = {
#define HTTP1_METHOD(name, property) [HTTP1_##name] = #name,
#include "proto/http1_method.def"
#undef HTTP1_METHOD
};

/* The methods as in Allow, always including OPTIONS. */
static void methods_text(unsigned methods, char text[static METHODS_TEXT]) {
    size_t n = 0;
    methods |= 1u << HTTP1_OPTIONS;
    for (int i = 0; i < HTTP1_METHODS; i++)
        if (names[i] && methods & 1u << i)
            n += (size_t)snprintf(text + n, METHODS_TEXT - n, "%s%s", n ? ", " : "", names[i]);
}

void methods_answer(struct request *request, unsigned methods) {
    static const char body[] =
        "{\"error\":\"METHOD_NOT_ALLOWED\",\"message\":\"this path has other methods: see Allow\"}\n";
    enum http1_method method = request->exchange->head.method;
    bool options = method == HTTP1_OPTIONS;
    struct http1_reply reply;
    char text[METHODS_TEXT];
    if (method == HTTP1_OTHER) {
        request_fail(request, STATUS_UNSUPPORTED, "this method is not known here");
        return;
    }
    methods_text(methods | request->exchange->methods, text);
    http1_reply_begin(&reply, request, options ? 204 : 405);
    http1_reply_field(&reply, "Allow", span_text(text));
    if (options) {
        http1_reply_empty(&reply, UINT64_MAX);
        return;
    }
    http1_reply_field(&reply, "Content-Type", span_text("application/json"));
    http1_reply_bytes(&reply, span_of(body, sizeof(body) - 1));
}
