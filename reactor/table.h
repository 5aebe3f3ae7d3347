/* Hash tables: uthash, without its exit(3) when there is no memory. */
#ifndef SLUICE_REACTOR_TABLE_H
#define SLUICE_REACTOR_TABLE_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* After HASH_ADD() of an element, whose handle is hh: is it in the table? If not, there was no memory. */
#define TABLE_HAS(element) ((element)->hh.tbl != NULL)

#endif
