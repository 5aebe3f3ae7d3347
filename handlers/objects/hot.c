#include "handlers/objects/hot.h"

#include "handlers/objects/objects.h"
#include "handlers/objects/short_read.h"

const struct cached *hot_find(struct objects *objects, struct span key) {
    struct span path;
    struct stat st;
    if (objects->hot.count == 0)
        return NULL;
    const struct root *root = roots_find(&objects->roots, key, &path);
    if (!root)
        return NULL;
    struct cached *entry = cache_find(&objects->hot, (uint32_t)root->fd, path, loop_now(objects->loop));
    if (!entry)
        return NULL;
    struct object_fields now;
    if (fstat(entry->object.fd, &st) == 0) {
        objects_describe(&st, &now);
        if (now.version == entry->object.fields.version) {
            objects->stats.hot_hits++;
            return entry;
        }
    }
    cache_forget(&objects->hot, entry);
    return NULL;
}

/* True from the second time on, until another name with the same place is seen. */
static bool seen_before(struct objects *objects, uint64_t version) {
    uint32_t *place = &objects->seen[version % HOT_SEEN], mark = (uint32_t)(version >> 32) | 1;
    bool seen = *place == mark;
    *place = mark;
    return seen;
}

void hot_offer(struct objects *objects, const struct short_read *read) {
    const struct object_fields *fields = &read->object.fields;
    if (objects->settings.hot_max == 0 || fields->count != fields->size ||
        !seen_before(objects, fields->version))
        return;
    ledger_retag(&objects->loop->ledger, read->object.fd, FD_HOT);
    cache_put(&objects->hot, (uint32_t)read->object.root, span_text(read->object.path), &read->object,
              short_read_bytes(read), loop_now(objects->loop));
}
