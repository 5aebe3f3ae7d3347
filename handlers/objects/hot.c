#include "handlers/objects/hot.h"

#include "handlers/objects/objects.h"
#include "handlers/objects/short_read.h"

/* Seconds within which two changes may carry the same time: before Linux 6.13 file systems stamp them with the last
 * timer tick, and some store coarser times. */
#define STAMP_GRAIN 0.05

/* Does the name still stand for this file, unchanged? It is looked up once a turn; what is written to the file within
 * the turn, its descriptor shows. */
static bool is_current(const struct loop *loop, struct cached *entry, int root, struct span path) {
    struct stat st;
    struct object_fields now;
    char name[OBJECT_KEY_MAX + 1];
    int error;
    if (entry->looked_ns == loop->now_ns) {
        error = fstat(entry->object.fd, &st);
    } else {
        memcpy(name, path.p, path.n);
        name[path.n] = '\0';
        error = offload_look(loop->offload, root, name, &st);
        entry->looked_ns = loop->now_ns;
    }
    if (error)
        return false;
    objects_describe(&st, &now);
    return now.version == entry->object.fields.version;
}

const struct cached *hot_find(struct objects *objects, struct span key) {
    struct span path;
    if (objects->hot.count == 0)
        return NULL;
    const struct root *root = roots_find(&objects->roots, key, &path);
    if (!root)
        return NULL;
    struct cached *entry = cache_find(&objects->hot, (uint32_t)root->fd, path, loop_now(objects->loop));
    if (!entry)
        return NULL;
    if (!is_current(objects->loop, entry, root->fd, path)) {
        cache_forget(&objects->hot, entry);
        return NULL;
    }
    objects->stats.hot_hits++;
    return entry;
}

/* True from the second time on, until another name with the same place is seen. */
static bool seen_before(struct objects *objects, uint64_t version) {
    uint32_t *place = &objects->seen[version % HOT_SEEN], mark = (uint32_t)(version >> 32) | 1;
    bool seen = *place == mark;
    *place = mark;
    return seen;
}

/* Could the file be changed once more without a new version? A time in the future proves nothing: perhaps. */
static bool just_changed(const struct loop *loop, const struct object_fields *fields) {
    return (double)fields->mtime_ns * 1e-9 > ev_now(loop->ev) - STAMP_GRAIN;
}

void hot_offer(struct objects *objects, const struct short_read *read) {
    const struct object_fields *fields = &read->object.fields;
    if (objects->settings.hot_max == 0 || fields->count != fields->size ||
        just_changed(objects->loop, fields) || !seen_before(objects, fields->version))
        return;
    ledger_retag(&objects->loop->ledger, read->object.fd, FD_HOT);
    cache_put(&objects->hot, (uint32_t)read->object.root, span_text(read->object.path), &read->object,
              short_read_bytes(read), loop_now(objects->loop));
}
