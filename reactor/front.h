/* A front end: one protocol's way from bytes to requests, and from replies to bytes. */
#ifndef SLUICE_REACTOR_FRONT_H
#define SLUICE_REACTOR_FRONT_H

#include "proto/detect.h"
#include "proto/status.h"

struct conn;
struct request;

struct front {
    enum protocol protocol;
    const char *name; /* as in `protocols` */
    /* Parses what is pending while conn_may_parse(). */
    void (*parse)(struct conn *conn);
    /* Answers a request with an error. text is copied. */
    void (*fail)(struct request *request, enum status status, const char *text);
    /* A message did not arrive in time: answers with an error, or just ends the connection by conn_finish(). */
    void (*late)(struct conn *conn);
    /* The client ended its side while conn->receiving. */
    void (*stopped)(struct conn *conn);
    /* A request that has an exchange ends: frees it. */
    void (*ended)(struct request *request);
    /* The connection ends: frees conn->state. May be NULL. */
    void (*closed)(struct conn *conn);
};

#endif
