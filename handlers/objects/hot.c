#include "handlers/objects/hot.h"

#include "handlers/objects/objects.h"

/* Seconds within which two changes may have the same timestamp: before Linux 6.13 file systems use the time of the last
 * timer tick, and some store coarser times. */
#define STAMP_GRAIN 0.05

/* Does the name still lead to this file, unchanged? It is looked up once a turn; writes to the file within the turn
 * show in its descriptor. */
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
    struct cached *entry = cache_find(&objects->hot, (uint32_t)root->fd, path);
    if (!entry)
        return NULL;
    if (!is_current(objects->loop, entry, root->fd, path)) {
        cache_forget(&objects->hot, entry);
        return NULL;
    }
    objects->stats.hot_hits++;
    return entry;
}

void hot_take(struct objects *objects, const struct cached *hot, struct object *object) {
    *object = hot->object;
    ledger_hold(&objects->loop->ledger, object->fd);
}

/* True from the second time on, until another version with the same place in the table is seen. */
static bool seen_before(struct objects *objects, uint64_t version) {
    uint32_t *place = &objects->seen[version % HOT_SEEN], mark = (uint32_t)(version >> 32) | 1;
    bool seen = *place == mark;
    *place = mark;
    return seen;
}

/* Could the file be changed again without getting a new version? A time in the future proves nothing, so perhaps. */
static bool just_changed(const struct loop *loop, const struct object_fields *fields) {
    return (double)fields->mtime_ns * 1e-9 > ev_now(loop->ev) - STAMP_GRAIN;
}

void hot_offer(struct objects *objects, const struct object *object, struct span bytes) {
    struct object whole = *object;
    whole.fields.offset = 0;
    whole.fields.count = whole.fields.size;
    whole.path = NULL;
    if (objects->offload->offload != OFFLOAD_AUTO || objects->hot.limit == 0 || !object->path ||
        just_changed(objects->loop, &whole.fields) || !seen_before(objects, whole.fields.version))
        return;
    cache_put(&objects->hot, (uint32_t)object->root, span_text(object->path), &whole, bytes);
}
