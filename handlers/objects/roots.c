#include "handlers/objects/roots.h"

#include "reactor/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int append(struct roots *roots, const struct root *root) {
    struct root *list = realloc(roots->list, (roots->count + 1) * sizeof(*list));
    if (!list)
        return -ENOMEM;
    roots->list = list;
    unsigned at = roots->count++;
    for (; at > 0 && strcmp(list[at - 1].name, root->name) > 0; at--)
        list[at] = list[at - 1];
    list[at] = *root;
    return 0;
}

int roots_add(struct roots *roots, struct ledger *ledger, const char *name, const char *path) {
    for (unsigned i = 0; i < roots->count; i++)
        if (strcmp(roots->list[i].name, name) == 0)
            return -EEXIST;
    struct root root = {.name = strdup(name), .path = strdup(path)};
    int error = root.name && root.path ? 0 : -ENOMEM;
    root.fd = error ? -1 : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (!error && root.fd < 0)
        error = -errno;
    if (!error)
        error = append(roots, &root);
    if (error) {
        if (root.fd >= 0)
            close(root.fd);
        free(root.name);
        free(root.path);
        return error;
    }
    ledger_enter(ledger, root.fd, FD_ROOT, 0, 0);
    return 0;
}

void roots_free(struct roots *roots, struct ledger *ledger) {
    for (unsigned i = 0; i < roots->count; i++) {
        ledger_close(ledger, roots->list[i].fd);
        free(roots->list[i].name);
        free(roots->list[i].path);
    }
    free(roots->list);
    *roots = (struct roots){0};
}

const struct root *roots_find(const struct roots *roots, struct span key, struct span *path) {
    const char *slash = memchr(key.p, '/', key.n);
    size_t first = slash ? (size_t)(slash - key.p) : key.n;
    const struct root *unnamed = NULL;
    for (unsigned i = 0; i < roots->count; i++) {
        const struct root *root = &roots->list[i];
        if (!root->name[0])
            unnamed = root;
        else if (span_equal(span_text(root->name), span_of(key.p, first))) {
            *path = slash ? span_of(slash + 1, key.n - first - 1) : span_text(".");
            return root;
        }
    }
    *path = key;
    return unnamed;
}
