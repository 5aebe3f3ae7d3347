/* Text that is printed into memory, as with open_memstream(3), which leaves out what finds no memory, and does not
 * tell. */
#ifndef SLUICE_PROTO_MEMORY_FILE_H
#define SLUICE_PROTO_MEMORY_FILE_H

#include <stdio.h>

/* A file to print to; NULL without memory. fclose(3) returns 0, and *text is *n bytes and a NUL, malloc'ed, the
 * caller's; or EOF, and *text is NULL: some of it found no memory. Both pointers must stay until then. */
FILE *memory_file_open(char **text, size_t *n);

#endif
