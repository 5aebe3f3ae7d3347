/* JSON as text (RFC 8259): checked and cut into spans, without building a document.
 *
 *     bytes -> jsontext_check() -> jsontext_member() | jsontext_element()         spans of the same bytes
 *
 * Values that are only passed on, like the id of a JSON-RPC call, thus stay the same byte for byte. Stricter than the
 * RFC where it leaves a choice: UTF-8 must be valid, escaped surrogates come in pairs, \u0000 is refused, and the
 * caller bounds the nesting. */
#ifndef SLUICE_PROTO_JSONTEXT_H
#define SLUICE_PROTO_JSONTEXT_H

#include "proto/span.h"

#include <sys/types.h>

enum jsontext_kind {
    JSONTEXT_OBJECT,
    JSONTEXT_ARRAY,
    JSONTEXT_STRING,
    JSONTEXT_NUMBER,
    JSONTEXT_TRUE,
    JSONTEXT_FALSE,
    JSONTEXT_NULL,
};

/* Checks that text is one value, with optional white space around it. Returns NULL if so, and *value is the value
 * without the white space; else a constant string that says why not, and *value is an empty span at the place of the
 * error. depth: the deepest nesting allowed. */
const char *jsontext_check(struct span text, unsigned depth, struct span *value);

/* True if there is nothing but white space. */
bool jsontext_is_blank(struct span text);

/* The functions below take values that jsontext_check() has accepted, or parts of them. */
enum jsontext_kind jsontext_kind(struct span value);
/* Starts walking an object or array: returns the rest for jsontext_member() or jsontext_element(). */
struct span jsontext_inside(struct span value);
/* The next member: name with its quotes, as written. False at the end. */
bool jsontext_member(struct span *rest, struct span *name, struct span *value);
/* The next element. False at the end. */
bool jsontext_element(struct span *rest, struct span *value);
/* The value of the member with this name, the last of several; p is NULL without one, or if value is not an object. */
struct span jsontext_find(struct span object, const char *name);
/* True if the string, given with its quotes and escapes, is this text. */
bool jsontext_is(struct span string, const char *text);
/* Writes the string without quotes and escapes to out. Returns its length, at most string.n - 2; -1 if size is too
 * small. */
ssize_t jsontext_string(struct span string, char *out, size_t size);

#endif
