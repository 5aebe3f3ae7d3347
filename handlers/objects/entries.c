#include "handlers/objects/entries.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool entries_fits(struct entries *entries, const char *name) {
    if (entries->count < entries->most || strcmp(name, entries->list[0]->name) < 0)
        return true;
    entries->dropped = true;
    return false;
}

static bool is_before(const struct entries *entries, size_t a, size_t b) {
    return strcmp(entries->list[a]->name, entries->list[b]->name) < 0;
}

static void swap(struct entries *entries, size_t a, size_t b) {
    struct entry *entry = entries->list[a];
    entries->list[a] = entries->list[b];
    entries->list[b] = entry;
}

static void sift_up(struct entries *entries, size_t at) {
    for (size_t parent; at > 0 && is_before(entries, parent = (at - 1) / 2, at); at = parent)
        swap(entries, parent, at);
}

static void sift_down(struct entries *entries) {
    for (size_t at = 0, child; (child = 2 * at + 1) < entries->count; at = child) {
        if (child + 1 < entries->count && is_before(entries, child, child + 1))
            child++;
        if (!is_before(entries, at, child))
            return;
        swap(entries, at, child);
    }
}

static int grow(struct entries *entries) {
    size_t size = entries->size ? entries->size * 2 : 64;
    struct entry **list = realloc(entries->list, size * sizeof(struct entry *));
    if (!list)
        return -ENOMEM;
    entries->list = list;
    entries->size = size;
    return 0;
}

int entries_add(struct entries *entries, const char *name, const struct root *root) {
    size_t n = strlen(name) + 1;
    if (entries->count == entries->size && entries->count < entries->most && grow(entries) != 0)
        return -ENOMEM;
    struct entry *entry = malloc(sizeof(*entry) + n);
    if (!entry)
        return -ENOMEM;
    entry->root = root;
    memcpy(entry->name, name, n);
    if (entries->count < entries->most) {
        entries->list[entries->count++] = entry;
        sift_up(entries, entries->count - 1);
        return 0;
    }
    free(entries->list[0]);
    entries->list[0] = entry;
    entries->dropped = true;
    sift_down(entries);
    return 0;
}

static int compare(const void *a, const void *b) {
    const struct entry *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

void entries_sort(struct entries *entries) {
    if (entries->count)
        qsort(entries->list, entries->count, sizeof(struct entry *), compare);
}

void entries_clear(struct entries *entries) {
    for (size_t i = 0; i < entries->count; i++)
        free(entries->list[i]);
    free(entries->list);
    *entries = (struct entries){.most = entries->most};
}
