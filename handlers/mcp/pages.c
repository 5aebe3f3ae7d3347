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

/* The key at the start of the rest, without its newline. */
static struct span key_at(const char *p, const char *end) {
    return span_of(p, (size_t)((const char *)memchr(p, '\n', (size_t)(end - p)) - p));
}

/* The first keys of those from p to end. */
static struct object_keys cut(const char *p, const char *end, uint64_t size, bool more) {
    const char *at = p;
    uint64_t count = 0;
    for (; at < end && count < size; count++)
        at += key_at(at, end).n + 1;
    return (struct object_keys){.keys = p, .n = (size_t)(at - p), .count = count, .more = more || at < end};
}

bool pages_take(struct pages *pages, struct span after, uint64_t size, double now, struct object_keys *page) {
    pages_expire(pages, now);
    const char *p = pages->kept.keys, *end = p ? p + pages->kept.n : NULL;
    struct span key = {0};
    while (p < end && !span_equal(key, after)) {
        key = key_at(p, end);
        p += key.n + 1;
    }
    if (!key.p || !span_equal(key, after))
        return false;
    *page = cut(p, end, size, pages->kept.more);
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
    *found = cut(found->keys, found->keys + found->n, size, found->more);
}
