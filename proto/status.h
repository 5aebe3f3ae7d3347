/* Outcomes of requests and how each protocol expresses them (status.def). */
#ifndef SLUICE_PROTO_STATUS_H
#define SLUICE_PROTO_STATUS_H

enum status {
#define STATUS(number, name, http, rpc, meaning) STATUS_##name = (number),
#include "proto/status.def"
#undef STATUS
    STATUS_COUNT
};

/* Name as on the wire and in logs ("NOT_FOUND"); "UNKNOWN" for a number that is not a status. */
const char *status_name(unsigned status);
/* One clause in English; "unknown status" for a number that is not a status. */
const char *status_meaning(unsigned status);
/* HTTP status code; 500 for a number that is not a status. */
int status_http(unsigned status);
/* JSON-RPC error code; -32603 for a number that is not a status. */
int status_rpc(unsigned status);
/* The status for an errno, negative or positive; OK for 0, IO for one that is not listed. */
enum status status_of_errno(int error);

#endif
