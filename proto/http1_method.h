/* Request methods (http1_method.def). They are case-sensitive (RFC 9110, 9.1). */
#ifndef SLUICE_PROTO_HTTP1_METHOD_H
#define SLUICE_PROTO_HTTP1_METHOD_H

#include "proto/span.h"

#include <stdbool.h>

enum http1_method {
    HTTP1_OTHER, /* a token that is none of the others */
#define HTTP1_METHOD(name, property) HTTP1_##name,
#include "proto/http1_method.def"
#undef HTTP1_METHOD
    HTTP1_METHODS
};

enum http1_method http1_method_of(struct span token);
/* Safe: it changes nothing on the server (RFC 9110, 9.2.1). */
bool http1_method_is_safe(enum http1_method method);
/* Idempotent: sending it twice has the effect of once (RFC 9110, 9.2.2). */
bool http1_method_is_idempotent(enum http1_method method);

#endif
