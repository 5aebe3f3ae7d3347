#include "handlers/mcp/pages.h"

#include <stdlib.h>

#define AGE 2.0 /* seconds */

void pages_clear(struct pages *pages) {
    free((char *)(uintptr_t)pages->kept.keys);
    *pages = (struct pages){0};
}

void pages_expire(struct pages *pages, double now) {
    if (pages->since + AGE < now)
        pages_clear(pages);
}

/* The first of the keys. */
static struct object_keys cut(struct span keys, uint64_t size, bool more) {
    struct span rest = keys, key;
    uint64_t count = 0;
    while (count < size && object_keys_next(&rest, &key))
        count++;
    return (struct object_keys){
        .keys = keys.p, .n = keys.n - rest.n, .count = count, .more = more || rest.n > 0};
}

bool pages_take(struct pages *pages, struct span after, uint64_t size, double now, struct object_keys *page) {
    bool found = false;
    pages_expire(pages, now);
    struct span rest = span_of(pages->kept.keys, pages->kept.n), key;
    while (!found && object_keys_next(&rest, &key))
        found = span_equal(key, after);
    if (!found)
        return false;
    *page = cut(rest, size, pages->kept.more);
    return page->count == size || !pages->kept.more;
}

void pages_keep(struct pages *pages, uint64_t size, double now, struct object_keys *found) {
    char *keys = found->n ? malloc(found->n) : NULL;
    pages_clear(pages);
    if (keys) {
        memcpy(keys, found->keys, found->n);
        pages->kept = (struct object_keys){keys, found->n, found->count, found->more};
        pages->since = now;
    }
    *found = cut(span_of(found->keys, found->n), size, found->more);
}
