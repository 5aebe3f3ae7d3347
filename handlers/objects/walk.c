#include "handlers/objects/walk.h"

#include "handlers/objects/entries.h"
#include "offload/files.h"
#include "proto/object.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HELD       10001 /* entries in memory over all levels: a reply's keys and one more */
#define HELD_LEAST 256   /* but at least so many on each level */
#define HELD_USUAL 1024  /* even for a short page: empty directories yield no keys */
#define LINK_TRIES 1000

/* Where the walk is: key is what clients see, key + skip the path below root. */
struct place {
    const struct root *root;
    size_t skip;
    size_t n;
    char key[OBJECT_KEY_MAX + 2];
};

static int walk_directory(struct walk *walk, struct place *place, bool top);

/* Errors that do not tell what is there, so that a list without it would be wrong. */
static bool is_failure(int error) {
    return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -EIO || error == -EAGAIN;
}

/* Opens what a symbolic link leads to. -EAGAIN: it contains "..", which does not resolve while anything anywhere is
 * being renamed (openat2(2), RESOLVE_BENEATH). */
static int follow(int root, const char *path) {
    int fd = -EAGAIN;
    for (int i = 0; i < LINK_TRIES && fd == -EAGAIN; i++)
        fd = files_open_beneath(root, path, O_PATH, 0);
    return fd;
}

/* What a name is to us: 0 nothing, 'f' an object, 'd' a directory to walk, or -errno. Symbolic links to files within
 * the root are objects. */
static int kind_of(const struct walk *walk, const struct place *place, int directory,
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
    int fd = follow(place->root->fd, path);
    if (fd < 0)
        return is_failure(fd) ? fd : 0;
    bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    close(fd);
    return regular ? 'f' : 0;
}

static bool is_named_root(const struct roots *roots, const char *name) {
    for (unsigned i = 0; i < roots->count; i++)
        if (roots->list[i].name[0] && strcmp(roots->list[i].name, name) == 0)
            return true;
    return false;
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

static bool is_asked_for(const struct walk *walk, struct span key) {
    return starts_with(key, walk->prefix) && (walk->after.n == 0 || compare_keys(key, walk->after) > 0);
}

static int visit_file(struct walk *walk, struct span key) {
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

/* Can any keys that start with directory ("a/b/") be wanted? */
static bool may_hold(const struct walk *walk, struct span directory) {
    if (!starts_with(walk->prefix, directory) && (walk->ancestors || !starts_with(directory, walk->prefix)))
        return false;
    return walk->after.n == 0 || starts_with(walk->after, directory) ||
           compare_keys(directory, walk->after) > 0;
}

/* ---- one directory ----------------------------------------------------------------------------- */

/* One level of the walk: the entries of its directory, pass by pass. */
struct level {
    struct place *place;
    const struct entry *from; /* the last entry of the previous pass; NULL: the first pass */
    struct entries entries;
};

/* Can this entry of the level be wanted? below: its key, out. */
static bool is_wanted(struct walk *walk, const struct level *level, struct place *below, const char *name,
                      bool directory) {
    size_t n = strlen(name);
    *below = *level->place;
    if (below->n + n + directory > OBJECT_KEY_MAX) {
        walk->skipped += !level->from;
        return false;
    }
    memcpy(below->key + below->n, name, n);
    memcpy(below->key + below->n + n, directory ? "/" : "", directory ? 2 : 1);
    if (level->from && strcmp(below->key + below->n, level->from->name) <= 0)
        return false;
    struct span key = span_of(below->key, below->n + n + directory);
    return directory ? may_hold(walk, key) : is_asked_for(walk, key);
}

static int take(struct walk *walk, struct level *level, int directory, const struct dirent *found) {
    struct place below;
    int kind = found->d_type == DT_DIR ? 'd' : 'f';
    if (found->d_type == DT_UNKNOWN)
        kind = kind_of(walk, level->place, directory, found);
    else if (walk->directory && kind != 'd')
        return 0;
    else if (found->d_type != DT_DIR && found->d_type != DT_REG && found->d_type != DT_LNK)
        return 0;
    if (kind <= 0 || !is_wanted(walk, level, &below, found->d_name, kind == 'd'))
        return kind < 0 ? kind : 0;
    const char *name = below.key + below.n;
    if (!entries_fits(&level->entries, name))
        return 0;
    if (found->d_type == DT_LNK && (kind = kind_of(walk, level->place, directory, found)) <= 0)
        return kind;
    return entries_add(&level->entries, name, NULL);
}

/* The directory of a level; NULL with *error 0 if there is none that we may read. */
static DIR *open_directory(const struct place *place, int *error) {
    char path[OBJECT_KEY_MAX + 2];
    snprintf(path, sizeof(path), "%.*s", (int)(place->n - place->skip), place->key + place->skip);
    int fd =
        files_open_beneath(place->root->fd, *path ? path : ".", O_RDONLY | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
    *error = is_failure(fd) ? fd : 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (fd >= 0 && !dir) {
        *error = -errno;
        close(fd);
    }
    return dir;
}

static int read_directory(struct walk *walk, struct level *level, bool top) {
    const struct place *place = level->place;
    int error;
    DIR *dir = open_directory(place, &error);
    if (!dir)
        return error;
    if (walk->directory && !level->from)
        walk->more = !walk->directory(walk, dirfd(dir), span_of(place->key, place->n));
    errno = 0;
    for (struct dirent *found; !error && !walk->more && (found = readdir(dir)); errno = 0) {
        if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
            continue;
        if (top && is_named_root(walk->roots, found->d_name))
            continue;
        error = take(walk, level, dirfd(dir), found);
        if (atomic_load_explicit(walk->cancelled, memory_order_relaxed))
            error = -ECANCELED;
    }
    if (!error && is_failure(-errno))
        error = -errno;
    closedir(dir);
    return error;
}

static int take_named_roots(struct walk *walk, struct level *level) {
    struct place below;
    int error = 0;
    for (unsigned i = 0; i < walk->roots->count && !error; i++) {
        const struct root *root = &walk->roots->list[i];
        if (root->name[0] && is_wanted(walk, level, &below, root->name, true) &&
            entries_fits(&level->entries, below.key + below.n))
            error = entries_add(&level->entries, below.key + below.n, root);
    }
    return error;
}

static int visit(struct walk *walk, const struct place *place, const struct entry *entry) {
    struct place below = *place;
    size_t n = strlen(entry->name);
    memcpy(below.key + below.n, entry->name, n + 1);
    below.n += n;
    if (entry->name[n - 1] != '/')
        return visit_file(walk, span_of(below.key, below.n));
    if (entry->root) {
        below.root = entry->root;
        below.skip = below.n;
    }
    return walk_directory(walk, &below, false);
}

static size_t room(const struct walk *walk) {
    size_t wanted = (size_t)(walk->limit - walk->count) + 1;
    size_t most = wanted > HELD_USUAL ? wanted : HELD_USUAL;
    size_t left = walk->held < HELD ? HELD - walk->held : 0;
    most = most < left ? most : left;
    return most > HELD_LEAST ? most : HELD_LEAST;
}

/* Visits the first entries after level->from. */
static int pass(struct walk *walk, struct level *level, bool top) {
    struct entries *entries = &level->entries;
    int error = top ? take_named_roots(walk, level) : 0;
    if (!error && level->place->root)
        error = read_directory(walk, level, top);
    entries_sort(entries);
    walk->held += entries->count;
    for (size_t i = 0; i < entries->count && !error && !walk->more; i++)
        error = visit(walk, level->place, entries->list[i]);
    walk->held -= entries->count;
    return error;
}

static int walk_directory(struct walk *walk, struct place *place, bool top) {
    struct level level = {.place = place};
    struct entry *last = NULL;
    bool again;
    int error;
    do {
        level.entries.most = room(walk);
        error = pass(walk, &level, top);
        again = level.entries.dropped && !error && !walk->more;
        free(last);
        level.from = last = again ? level.entries.list[--level.entries.count] : NULL;
        entries_clear(&level.entries);
    } while (again);
    return error;
}

int walk_keys(struct walk *walk) {
    struct place top = {0};
    for (unsigned i = 0; i < walk->roots->count; i++)
        if (!walk->roots->list[i].name[0])
            top.root = &walk->roots->list[i];
    return walk_directory(walk, &top, true);
}
