/* Outcomes of requests and their faces on the wire (status.def). */
#ifndef SLUICE_PROTO_STATUS_H
#define SLUICE_PROTO_STATUS_H

enum status {
#define STATUS(number, name, http, rpc, meaning) STATUS_##name = (number),
#include "proto/status.def"
#undef STATUS
    STATUS_COUNT
};

/* Name as on the wire and in logs ("NOT_FOUND"); "UNKNOWN" for a number that is none. */
const char *status_name(unsigned status);
/* One clause in English; "unknown status" for a number that is none. */
const char *status_meaning(unsigned status);
/* HTTP status code; 500 for a number that is none. */
int status_http(unsigned status);
/* JSON-RPC error code; -32603 for a number that is none. */
int status_rpc(unsigned status);
/* The status for a negative or positive errno; 0 is OK, an unlisted one IO. */
enum status status_of_errno(int error);

#endif
