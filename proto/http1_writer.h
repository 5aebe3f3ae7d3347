/* Writes the head of a message into a buffer of the caller's.
 *
 *     init -> status or request -> field, number ... -> end: 0 and writer.n bytes, or the first error
 *
 * An error sticks until the end, so only the last call needs to be checked. Bytes that could end a line or start
 * another one are refused (response splitting). */
#ifndef SLUICE_PROTO_HTTP1_WRITER_H
#define SLUICE_PROTO_HTTP1_WRITER_H

#include "proto/span.h"

#include <stdint.h>

struct http1_writer {
    char *at; /* the caller's */
    size_t n, max;
    int error; /* 0, -ENOBUFS: no room, -EINVAL: a byte that has no place there */
};

void http1_writer_init(struct http1_writer *writer, void *at, size_t max);

/* Status line, always HTTP/1.1 (RFC 9110, 2.5), for a status of 100 to 599. */
void http1_writer_status(struct http1_writer *writer, int status);
/* Request line, HTTP/1.1. */
void http1_writer_request(struct http1_writer *writer, struct span method, struct span target);
void http1_writer_field(struct http1_writer *writer, struct span name, struct span value);
void http1_writer_number(struct http1_writer *writer, struct span name, uint64_t value);
/* Whole field lines that another writer wrote. */
void http1_writer_lines(struct http1_writer *writer, struct span lines);
/* The empty line. Returns 0 or the first error. */
int http1_writer_end(struct http1_writer *writer);

#define HTTP1_NAME_MAX 32

/* The name of an error for the body of its reply, made from the reason phrase: "NOT_FOUND"; "ERROR" for a status
 * without one. */
void http1_error_name(int status, char out[static HTTP1_NAME_MAX]);

#endif
