#include "proto/http1_method.h"

enum http1_method http1_method_of(struct span token) {
#define HTTP1_METHOD(name)                                                                                   \
    if (token.n == sizeof(#name) - 1 && memcmp(token.p, #name, sizeof(#name) - 1) == 0)                      \
        return HTTP1_##name;
#include "proto/http1_method.def"
#undef HTTP1_METHOD
    return HTTP1_OTHER;
}
