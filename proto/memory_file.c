#include "proto/memory_file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 1024u

struct memory_file {
    char **text;
    size_t *n;
    size_t size; /* of *text */
    bool failed;
};

/* Room for n bytes more and a NUL. */
static bool reserve(struct memory_file *file, size_t n) {
    size_t need = *file->n + n + 1, size = file->size ? file->size : FIRST;
    if (file->failed || need <= file->size)
        return !file->failed;
    while (size < need)
        size *= 2;
    char *text = realloc(*file->text, size);
    file->failed = !text;
    if (file->failed)
        return false;
    *file->text = text;
    file->size = size;
    return true;
}

static ssize_t put(void *cookie, const char *bytes, size_t n) {
    struct memory_file *file = cookie;
    if (!reserve(file, n))
        return 0; /* an error, fopencookie(3) */
    memcpy(*file->text + *file->n, bytes, n);
    *file->n += n;
    return (ssize_t)n;
}

static int end(void *cookie) {
    struct memory_file *file = cookie;
    bool good = reserve(file, 0);
    if (good) {
        (*file->text)[*file->n] = '\0';
    } else {
        free(*file->text);
        *file->text = NULL;
        *file->n = 0;
    }
    free(file);
    return good ? 0 : EOF;
}

FILE *memory_file_open(char **text, size_t *n) {
    struct memory_file *file = calloc(1, sizeof(*file));
    *text = NULL;
    *n = 0;
    if (!file)
        return NULL;
    file->text = text;
    file->n = n;
    FILE *out = fopencookie(file, "w", (cookie_io_functions_t){.write = put, .close = end});
    if (!out)
        free(file);
    return out;
}
