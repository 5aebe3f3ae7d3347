/* C, S and A: the bytes of an object, or, for A over a Unix socket, its descriptor. */
#ifndef SLUICE_HANDLERS_OBJECTS_DELIVER_H
#define SLUICE_HANDLERS_OBJECTS_DELIVER_H

#include "handlers/objects/objects.h"

/* The operations C, S and A. */
void deliver_run(struct request *request, struct span payload);

#endif
