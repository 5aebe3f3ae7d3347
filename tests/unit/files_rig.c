#include "tests/unit/files_rig.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

char files_rig_pattern(size_t i) {
    return (char)(i % 251);
}

bool files_rig_is_pattern(const char *bytes, uint64_t offset, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != files_rig_pattern(offset + i))
            return false;
    return true;
}

const char *files_rig_path(struct files_rig *rig, const char *name) {
    snprintf(rig->path, sizeof rig->path, "%s/%s", rig->directory, name);
    return rig->path;
}

void files_rig_make(struct files_rig *rig, const char *name, size_t size) {
    int fd = open(files_rig_path(rig, name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    for (size_t i = 0; i < size; i++)
        rig->buffer[i] = files_rig_pattern(i);
    ck_assert_int_eq(write(fd, rig->buffer, size), (ssize_t)size);
    ck_assert_int_eq(fsync(fd), 0); /* clean pages can be dropped */
    close(fd);
    memset(rig->buffer, 0, sizeof rig->buffer);
}

void files_rig_link(struct files_rig *rig, const char *target, const char *name) {
    ck_assert_int_eq(symlink(target, files_rig_path(rig, name)), 0);
}

void files_rig_setup(struct files_rig *rig) {
    snprintf(rig->directory, sizeof rig->directory, "/tmp/sluice-test-files-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(rig->directory));
    ck_assert_int_eq(chmod(rig->directory, 0755), 0);
    ck_assert_int_eq(mkdir(files_rig_path(rig, "root"), 0755), 0);
    ck_assert_int_eq(mkdir(files_rig_path(rig, "root/dir"), 0755), 0);
    files_rig_make(rig, "secret", 6);
    files_rig_make(rig, "root/file", FILES_RIG_SIZE);
    rig->root = open(files_rig_path(rig, "root"), O_PATH | O_DIRECTORY);
    ck_assert_int_ge(rig->root, 0);
    ck_assert_int_eq(files_init(&rig->files, 16384), 0);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
    (void)st, (void)kind, (void)where;
    return remove(path);
}

void files_rig_teardown(struct files_rig *rig) {
    close(rig->root);
    nftw(rig->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

bool files_rig_on_disk(struct files_rig *rig) {
    struct statfs st;
    ck_assert_int_eq(statfs(rig->directory, &st), 0);
    return st.f_type == EXT4_SUPER_MAGIC || st.f_type == XFS_SUPER_MAGIC;
}

int files_rig_open(struct files_rig *rig, int way, int where, const char *name) {
    struct job *job = &rig->job;
    memset(job, 0, sizeof *job);
    job->kind = JOB_OPEN;
    job->open.root = where;
    job->open.hand_out = true;
    snprintf(job->open.path, sizeof job->open.path, "%s", name);
    if (way == FILES_RIG_THREAD || files_spot(&rig->files, job) != SPOT_DONE)
        files_run(job);
    ck_assert_int_eq(job->error < 0, job->open.fd < 0);
    return job->error;
}
