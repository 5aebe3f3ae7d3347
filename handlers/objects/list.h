/* L: the keys that start with a prefix, in bytewise order, a page at a time. */
#ifndef SLUICE_HANDLERS_OBJECTS_LIST_H
#define SLUICE_HANDLERS_OBJECTS_LIST_H

#include "handlers/objects/objects.h"

/* The operation L. */
void list_run(struct request *request, struct span payload);

#endif
