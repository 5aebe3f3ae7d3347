/* From a member to its struct: how a callback that is given a watcher, deadline or body finds the owner. */
#ifndef SLUICE_REACTOR_CONTAINER_H
#define SLUICE_REACTOR_CONTAINER_H

#include <stddef.h>

#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
