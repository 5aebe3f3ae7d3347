#include "tools/bench/inspect.h"

#include "tools/bench/dialect.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

int inspector_init(struct inspector *inspector, const struct plan *plan) {
    *inspector = (struct inspector){.plan = plan};
    if (!plan->settings->verify)
        return 0;
    inspector->known = calloc(plan->keys.count, sizeof(*inspector->known));
    return inspector->known ? 0 : -ENOMEM;
}

void inspector_free(struct inspector *inspector) {
    free(inspector->known);
    inspector->known = NULL;
}

/* A word of each cache line: what a reader costs at least. */
static void touch_all(struct inspector *inspector, struct span bytes) {
    for (size_t i = 0; i < bytes.n; i += 64)
        inspector->sum += (unsigned char)bytes.p[i];
}

void inspect_bytes(struct inspector *inspector, struct inspection *inspection, struct span bytes) {
    inspection->count += bytes.n;
    if (inspector->plan->settings->touch == TOUCH_ALL)
        touch_all(inspector, bytes);
    if (inspector->known)
        inspection->hash = (uint32_t)crc32_z(inspection->hash, (const unsigned char *)bytes.p, bytes.n);
}

/* Hashes the size bytes behind fd. NULL or what is wrong. */
static const char *hash_mapped(struct inspector *inspector, struct inspection *inspection, int fd,
                               uint64_t size) {
    if (size == 0)
        return NULL;
    char *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return "the object cannot be mapped";
    if (inspector->plan->settings->touch == TOUCH_FIRST)
        inspector->sum += (unsigned char)*map;
    if (inspector->plan->settings->touch == TOUCH_ALL || inspector->known)
        inspect_bytes(inspector, inspection, span_of(map, size));
    munmap(map, size);
    return NULL;
}

const char *inspect_descriptor(struct inspector *inspector, int fd, uint64_t size, uint32_t key,
                               uint64_t version) {
    struct inspection inspection = {0};
    struct stat object;
    if (inspector->known && (fstat(fd, &object) != 0 || !S_ISREG(object.st_mode)))
        return "the descriptor is not a regular file's";
    if (inspector->known && (uint64_t)object.st_size != size)
        return "the descriptor's object has another size than the reply says";
    const char *wrong = hash_mapped(inspector, &inspection, fd, size);
    return wrong ? wrong : inspect_end(inspector, &inspection, key, version);
}

static bool has_files(const struct bench_settings *settings) {
    return *settings->root && settings->mode < MODE_HTTP;
}

/* What the file of this name below --root holds. False: it cannot be read. */
static bool hash_file(struct inspector *inspector, uint32_t key, struct inspection *inspection) {
    const struct span *name = &inspector->plan->keys.list[key];
    char path[PATH_MAX];
    struct stat object;
    snprintf(path, sizeof(path), "%s/%.*s", inspector->plan->settings->root, (int)name->n, name->p);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && fstat(fd, &object) == 0 &&
                !hash_mapped(inspector, inspection, fd, (uint64_t)object.st_size);
    if (fd >= 0)
        close(fd);
    return good;
}

const char *inspect_end(struct inspector *inspector, const struct inspection *inspection, uint32_t key,
                        uint64_t version) {
    if (!inspector->known)
        return NULL;
    struct known *known = &inspector->known[key];
    if (!known->is || known->version != version) {
        struct inspection file = {0};
        bool has_file = has_files(inspector->plan->settings);
        if (has_file && !hash_file(inspector, key, &file))
            return "the file to compare with cannot be read";
        const struct inspection *truth = has_file ? &file : inspection;
        *known = (struct known){version, truth->count, truth->hash, true};
    }
    if (known->count != inspection->count)
        return "another number of bytes than before for the same key";
    return known->hash == inspection->hash ? NULL : "other bytes than before for the same key";
}
