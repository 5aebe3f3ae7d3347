/* F: a name becomes an open descriptor at the client, whatever the object's size. */
#ifndef SLUICE_HANDLERS_OBJECTS_FDPASS_H
#define SLUICE_HANDLERS_OBJECTS_FDPASS_H

#include "handlers/objects/objects.h"

/* The operation F. */
void fdpass_run(struct request *request, struct span payload);
/* Makes a descriptor that was opened for our own reading fit for a client: no O_NONBLOCK. Returns fd. */
int fdpass_prepare(int fd);
/* May a descriptor be passed to this request's client now? */
bool fdpass_available(const struct request *request);

#endif
