/* The connections as JSON, for T "conns" and /_/conns. */
#ifndef SLUICE_HANDLERS_OBJECTS_CONNECTIONS_H
#define SLUICE_HANDLERS_OBJECTS_CONNECTIONS_H

#include "handlers/objects/rows.h"

/* See rows_start(). A connection that is opened or ends meanwhile may or may not be listed. */
void connections_list(struct request *request, rows_done *done);

#endif
