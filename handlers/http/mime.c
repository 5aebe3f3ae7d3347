#include "handlers/http/mime.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENDING_MAX 32

static const char *const usual[][2] = {
    {"bin", "application/octet-stream"},
    {"css", "text/css"},
    {"csv", "text/csv"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"html", "text/html"},
    {"ico", "image/vnd.microsoft.icon"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript"},
    {"json", "application/json"},
    {"md", "text/markdown"},
    {"mp4", "video/mp4"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"txt", "text/plain"},
    {"wasm", "application/wasm"},
    {"webp", "image/webp"},
    {"xml", "application/xml"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
};

static int add(struct mime *mime, const char *ending, const char *type) {
    if (mime->count == mime->size) {
        size_t size = mime->size ? mime->size * 2 : 64;
        struct mime_type *list = realloc(mime->list, size * sizeof(*list));
        if (!list)
            return -ENOMEM;
        mime->list = list;
        mime->size = size;
    }
    struct mime_type entry = {strdup(ending), strdup(type)};
    if (!entry.ending || !entry.type) {
        free(entry.ending);
        free(entry.type);
        return -ENOMEM;
    }
    for (char *c = entry.ending; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    mime->list[mime->count++] = entry;
    return 0;
}

/* A line is "type ending ending ..."; # starts a comment. */
static int add_line(struct mime *mime, char *line) {
    char *rest, *type = strtok_r(line, " \t\n", &rest);
    if (!type || *type == '#')
        return 0;
    int error = 0;
    for (char *ending; !error && (ending = strtok_r(NULL, " \t\n", &rest));)
        error = add(mime, ending, type);
    return error;
}

static int compare(const void *a, const void *b) {
    return strcmp(((const struct mime_type *)a)->ending, ((const struct mime_type *)b)->ending);
}

int mime_load(struct mime *mime, const char *path) {
    char line[1024];
    int error = 0;
    *mime = (struct mime){0};
    FILE *file = fopen(path ? path : "/etc/mime.types", "re");
    while (file && !error && fgets(line, sizeof(line), file))
        error = add_line(mime, line);
    if (file)
        fclose(file);
    size_t wanted = mime->count > 0 ? 0 : sizeof(usual) / sizeof(usual[0]);
    for (size_t i = 0; !error && i < wanted; i++)
        error = add(mime, usual[i][0], usual[i][1]);
    if (error)
        mime_free(mime);
    else
        qsort(mime->list, mime->count, sizeof(*mime->list), compare);
    return error;
}

void mime_free(struct mime *mime) {
    for (size_t i = 0; i < mime->count; i++) {
        free(mime->list[i].ending);
        free(mime->list[i].type);
    }
    free(mime->list);
    *mime = (struct mime){0};
}

const char *mime_type_of(const struct mime *mime, struct span name) {
    char ending[ENDING_MAX];
    const char *dot = memrchr(name.p, '.', name.n);
    size_t n = dot ? (size_t)(name.p + name.n - dot) - 1 : 0;
    if (n > 0 && n < sizeof(ending)) {
        for (size_t i = 0; i < n; i++)
            ending[i] = (char)tolower((unsigned char)dot[1 + i]);
        ending[n] = '\0';
        struct mime_type key = {.ending = ending};
        const struct mime_type *found = bsearch(&key, mime->list, mime->count, sizeof(key), compare);
        if (found)
            return found->type;
    }
    return "application/octet-stream";
}
