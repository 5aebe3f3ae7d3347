#include "proto/http1_method.h"

enum property { PLAIN, IDEMPOTENT, SAFE };

static const enum property properties[HTTP1_METHODS] = {
#define HTTP1_METHOD(name, property) [HTTP1_##name] = property,
#include "proto/http1_method.def"
#undef HTTP1_METHOD
};

enum http1_method http1_method_of(struct span token) {
#define HTTP1_METHOD(name, property)                                                                         \
    if (token.n == sizeof(#name) - 1 && memcmp(token.p, #name, sizeof(#name) - 1) == 0)                      \
        return HTTP1_##name;
#include "proto/http1_method.def"
#undef HTTP1_METHOD
    return HTTP1_OTHER;
}

bool http1_method_is_safe(enum http1_method method) {
    return properties[method] == SAFE;
}

bool http1_method_is_idempotent(enum http1_method method) {
    return properties[method] >= IDEMPOTENT;
}
