#include "handlers/objects/walk.h"

#include "proto/object.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct entry {
    const struct root *root; /* of a named root at the top; NULL: within the directory's own */
    bool directory;
    char name[]; /* of a directory with '/' behind it: so that it sorts as its keys do */
};

struct entries {
    struct entry **list;
    size_t count, size;
};

/* Where the walk is: key = what clients see; key + skip = the path below root. */
struct place {
    const struct root *root;
    size_t skip;
    size_t n;
    char key[OBJECT_KEY_MAX + 2];
};

static int walk_directory(struct walk *walk, struct place *place, bool top);

static int open_beneath(int root, const char *path, uint64_t flags, uint64_t resolve) {
    struct open_how how = {.flags = flags | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve};
    return (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));
}

static int add_entry(struct entries *entries, const char *name, bool directory, const struct root *root) {
    if (entries->count == entries->size) {
        size_t size = entries->size ? entries->size * 2 : 64;
        struct entry **list = realloc(entries->list, size * sizeof(struct entry *));
        if (!list)
            return -ENOMEM;
        entries->list = list;
        entries->size = size;
    }
    size_t n = strlen(name);
    struct entry *entry = malloc(sizeof(*entry) + n + 2);
    if (!entry)
        return -ENOMEM;
    entry->root = root;
    entry->directory = directory;
    memcpy(entry->name, name, n);
    memcpy(entry->name + n, directory ? "/" : "", directory ? 2 : 1);
    entries->list[entries->count++] = entry;
    return 0;
}

static void free_entries(struct entries *entries) {
    for (size_t i = 0; i < entries->count; i++)
        free(entries->list[i]);
    free(entries->list);
}

/* What a name is for us: 0 nothing, 'f' an object, 'd' a directory to walk. Links to files inside are
 * objects. */
static char kind_of(const struct walk *walk, const struct place *place, int directory,
                    const struct dirent *found) {
    struct stat st;
    unsigned char type = found->d_type;
    if (type == DT_UNKNOWN) {
        if (fstatat(directory, found->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            return 0;
        type = S_ISREG(st.st_mode)   ? DT_REG
               : S_ISDIR(st.st_mode) ? DT_DIR
               : S_ISLNK(st.st_mode) ? DT_LNK
                                     : DT_SOCK;
    }
    if (walk->directory)
        return type == DT_DIR ? 'd' : 0;
    if (type != DT_LNK)
        return type == DT_REG ? 'f' : type == DT_DIR ? 'd' : 0;
    char path[OBJECT_KEY_MAX + NAME_MAX + 2];
    snprintf(path, sizeof(path), "%.*s%s", (int)(place->n - place->skip), place->key + place->skip,
             found->d_name);
    int fd = open_beneath(place->root->fd, path, O_PATH, 0);
    if (fd < 0)
        return 0;
    char kind = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? 'f' : 0;
    close(fd);
    return kind;
}

static bool is_named_root(const struct roots *roots, const char *name) {
    for (unsigned i = 0; i < roots->count; i++)
        if (roots->list[i].name[0] && strcmp(roots->list[i].name, name) == 0)
            return true;
    return false;
}

static int read_directory(struct walk *walk, const struct place *place, bool top, struct entries *entries) {
    char path[OBJECT_KEY_MAX + 2];
    snprintf(path, sizeof(path), "%.*s", (int)(place->n - place->skip), place->key + place->skip);
    int fd = open_beneath(place->root->fd, path, O_RDONLY | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    int error = 0;
    if (walk->directory)
        walk->more = !walk->directory(walk, fd, span_of(place->key, place->n));
    for (struct dirent *found; !error && !walk->more && (found = readdir(dir));) {
        if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
            continue;
        if (top && is_named_root(walk->roots, found->d_name))
            continue;
        char kind = kind_of(walk, place, dirfd(dir), found);
        if (kind)
            error = add_entry(entries, found->d_name, kind == 'd', NULL);
        if (atomic_load_explicit(walk->cancelled, memory_order_relaxed))
            error = -ECANCELED;
    }
    closedir(dir);
    return error;
}

static int compare_entries(const void *a, const void *b) {
    const struct entry *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

static int compare_keys(struct span a, struct span b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static bool starts_with(struct span text, struct span prefix) {
    return text.n >= prefix.n && (prefix.n == 0 || memcmp(text.p, prefix.p, prefix.n) == 0);
}

static int emit(struct walk *walk, struct span key) {
    if (walk->used + key.n + 1 > walk->size) {
        size_t size = walk->size ? walk->size * 2 : 8192;
        char *keys = realloc(walk->keys, size);
        if (!keys)
            return -ENOMEM;
        walk->keys = keys;
        walk->size = size;
    }
    memcpy(walk->keys + walk->used, key.p, key.n);
    walk->keys[walk->used + key.n] = '\n';
    walk->used += key.n + 1;
    walk->count++;
    return 0;
}

static int visit_file(struct walk *walk, struct span key) {
    if (!starts_with(key, walk->prefix) || (walk->after.n && compare_keys(key, walk->after) <= 0))
        return 0;
    if (object_key_check(key)) {
        walk->skipped++;
        return 0;
    }
    if (walk->count == walk->limit) {
        walk->more = true;
        return 0;
    }
    return emit(walk, key);
}

/* Can the keys that start with directory ("a/b/") be wanted? */
static bool may_hold(const struct walk *walk, struct span directory) {
    if (!starts_with(walk->prefix, directory) && (walk->way || !starts_with(directory, walk->prefix)))
        return false;
    return walk->after.n == 0 || starts_with(walk->after, directory) ||
           compare_keys(directory, walk->after) > 0;
}

static int visit(struct walk *walk, struct place *place, const struct entry *entry) {
    struct place below = *place;
    size_t n = strlen(entry->name);
    if (below.n + n > OBJECT_KEY_MAX) {
        walk->skipped++;
        return 0;
    }
    memcpy(below.key + below.n, entry->name, n + 1);
    below.n += n;
    if (!entry->directory)
        return visit_file(walk, span_of(below.key, below.n));
    if (!may_hold(walk, span_of(below.key, below.n)))
        return 0;
    if (entry->root) {
        below.root = entry->root;
        below.skip = below.n;
    }
    return walk_directory(walk, &below, false);
}

static int add_named_roots(struct walk *walk, struct entries *entries) {
    int error = 0;
    for (unsigned i = 0; i < walk->roots->count && !error; i++)
        if (walk->roots->list[i].name[0])
            error = add_entry(entries, walk->roots->list[i].name, true, &walk->roots->list[i]);
    return error;
}

static int walk_directory(struct walk *walk, struct place *place, bool top) {
    struct entries entries = {0};
    int error = top ? add_named_roots(walk, &entries) : 0;
    if (!error && place->root)
        error = read_directory(walk, place, top, &entries);
    if (!error && entries.count)
        qsort(entries.list, entries.count, sizeof(struct entry *), compare_entries);
    for (size_t i = 0; i < entries.count && !error && !walk->more; i++)
        error = visit(walk, place, entries.list[i]);
    free_entries(&entries);
    return error;
}

int walk_keys(struct walk *walk) {
    struct place top = {0};
    for (unsigned i = 0; i < walk->roots->count; i++)
        if (!walk->roots->list[i].name[0])
            top.root = &walk->roots->list[i];
    return walk_directory(walk, &top, true);
}
