/* Payloads of the object protocol (docs/protocol.md, "Object protocol (SLC1)"): keys, requests, the five fields. */
#ifndef SLUICE_PROTO_OBJECT_H
#define SLUICE_PROTO_OBJECT_H

#include "proto/span.h"

#include <stdint.h>

#define OBJECT_KEY_MAX    1024
#define OBJECT_FIELDS     40 /* bytes of the five fields */
#define OBJECT_SHARED     1  /* request and reply flag of F */
#define OBJECT_MORE       2  /* reply flag of L */
#define OBJECT_LIST_MAX   10000
#define OBJECT_LIST_USUAL 1000
#define OBJECT_PING_MAX   4096

enum object_op {
#define OP(letter, name) OBJECT_OP_##name = (letter),
#include "proto/ops.def"
#undef OP
};

struct object_request {
    uint64_t offset, count; /* count 0: to the end */
    struct span key;        /* points into the payload */
};

struct object_list_request {
    uint64_t limit; /* 1..OBJECT_LIST_MAX, the default filled in */
    struct span prefix;
    struct span after; /* list keys greater than this; n == 0: from the start */
};

struct object_fields {
    uint64_t size, offset, count, version;
    int64_t mtime_ns;
};

/* NULL if key is valid, else a constant sentence that names the rule it breaks. */
const char *object_key_check(struct span key);

/* Decodes the payload of F, C, S, A or I. NULL, or the constant reason why it is malformed. */
const char *object_request_decode(struct span payload, struct object_request *out);
/* Writes a request payload; room must be 16 + key.n bytes. Returns the bytes written. */
size_t object_request_encode(void *out, uint64_t offset, uint64_t count, struct span key);

/* Decodes the payload of L. NULL, or the constant reason. prefix may be empty or end anywhere in a key. */
const char *object_list_decode(struct span payload, struct object_list_request *out);
/* Writes an L payload; room must be 17 + prefix.n + after.n bytes. Returns the bytes written. */
size_t object_list_encode(void *out, const struct object_list_request *list);

void object_fields_encode(void *out40, const struct object_fields *fields);
void object_fields_decode(const void *bytes40, struct object_fields *fields);

/* Version of an object: an unsalted 64-bit hash of what identifies its content (times in ns). */
uint64_t object_version(uint64_t device, uint64_t inode, uint64_t size, int64_t mtime_ns, int64_t ctime_ns);

/* Clips a request to an object of size bytes: *count becomes the bytes to deliver. False: offset > size. */
bool object_clip(uint64_t size, uint64_t offset, uint64_t *count);

#endif
