/* JSON as text (RFC 8259): judged and cut into spans, without building anything.
 *
 *     bytes -> jsontext_check() -> jsontext_member() | jsontext_element()         spans of the same bytes
 *
 * So what is only passed on, like the id of a JSON-RPC call, is passed on byte for byte. Stricter than the
 * RFC where the RFC leaves a choice: UTF-8 must be valid, escaped surrogates come in pairs, \u0000 is
 * refused, and arrays and objects nest as deep as the caller allows. */
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

/* Judges a text that must be one value with white space around it. NULL if it is, and *value is the value
 * without the space; else why not (a constant), and *value is the empty span where it ceases to be one. depth: of
 * nesting, at most. */
const char *jsontext_check(struct span text, unsigned depth, struct span *value);

/* Nothing but white space? */
bool jsontext_is_blank(struct span text);

/* What follows takes values that jsontext_check() has passed, or parts of them. */
enum jsontext_kind jsontext_kind(struct span value);
/* Starts on an object or array: *rest is what jsontext_member() or jsontext_element() then take from. */
struct span jsontext_inside(struct span value);
/* The next member: name with its quotes, as written. False at the end. */
bool jsontext_member(struct span *rest, struct span *name, struct span *value);
/* The next element. False at the end. */
bool jsontext_element(struct span *rest, struct span *value);
/* The value of the member with this name, the last one of several; p is NULL without one, or if it is no object. */
struct span jsontext_find(struct span object, const char *name);
/* Is the string, with its quotes and escapes, this text? */
bool jsontext_is(struct span string, const char *text);
/* Writes the string without quotes and escapes to out. Its length, at most string.n - 2; -1 if size is too
 * small. */
ssize_t jsontext_string(struct span string, char *out, size_t size);

#endif
