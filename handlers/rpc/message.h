/* The envelope of a JSON-RPC 2.0 message (https://www.jsonrpc.org/specification), as spans of its bytes.
 *
 *     {"jsonrpc":"2.0", "id":7, "method":"x", "params":{...}}   CALL          answered with the id as written
 *     the same without id                                        NOTIFICATION  never answered
 *     {"jsonrpc":"2.0", "id":7, "result"|"error":...}            REPLY         to something the server asked
 *     anything else                                              INVALID       -32600
 *
 * Of members with the same name the last one counts; unknown members are ignored. */
#ifndef SLUICE_HANDLERS_RPC_MESSAGE_H
#define SLUICE_HANDLERS_RPC_MESSAGE_H

#include "handlers/http/text.h"

#define MESSAGE_PARSE_ERROR      (-32700)
#define MESSAGE_INVALID_REQUEST  (-32600)
#define MESSAGE_METHOD_NOT_FOUND (-32601)
#define MESSAGE_INVALID_PARAMS   (-32602)
#define MESSAGE_INTERNAL_ERROR   (-32603)

enum message_kind { MESSAGE_CALL, MESSAGE_NOTIFICATION, MESSAGE_REPLY, MESSAGE_INVALID };

struct message {
    enum message_kind kind;
    struct span id;     /* as written; "null" if it is missing or not an id */
    struct span method; /* a string, with its quotes */
    struct span params; /* an object or array; p is NULL without */
    struct span result, error;
};

/* Decodes a value that jsontext_check() has accepted. */
void message_decode(struct span value, struct message *out);
/* The words of the specification for its own codes; NULL for others. */
const char *message_of_code(int code);
/* Adds an error answer. words NULL: those of the code; data: JSON, n is 0 without. */
void message_add_error(struct text *out, int code, const char *words, struct span data, struct span id);

#endif
