/* Printing into memory, like open_memstream(3), which however drops output silently when there is no memory. */
#ifndef SLUICE_PROTO_MEMORY_FILE_H
#define SLUICE_PROTO_MEMORY_FILE_H

#include <stdio.h>

/* A file to print to; NULL without memory. When fclose(3) returns 0, *text is *n bytes and a NUL, malloc'ed, the
 * caller's. When it returns EOF, memory ran out and *text is NULL. text and n must stay valid until then. */
FILE *memory_file_open(char **text, size_t *n);

#endif
