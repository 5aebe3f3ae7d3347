/* The connections as JSON, for T "conns" and /_/conns: some of them each turn, as there may be many thousands. */
#ifndef SLUICE_HANDLERS_OBJECTS_CONNECTIONS_H
#define SLUICE_HANDLERS_OBJECTS_CONNECTIONS_H

#include <stddef.h>

struct request;

/* text: n bytes and a NUL, malloc'ed, the callee's; NULL: no memory. Answers the request. */
typedef void connections_done(struct request *request, char *text, size_t n);

/* Puts the list together, then calls done(), unless the client has left. A connection that comes or ends meanwhile may
 * be in it or not. */
void connections_list(struct request *request, connections_done *done);

#endif
