/* From a member to the struct that it is in: how a callback that gets its watcher, deadline or body finds its owner. */
#ifndef SLUICE_REACTOR_CONTAINER_H
#define SLUICE_REACTOR_CONTAINER_H

#include <stddef.h>

#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
