#include "tests/unit/ingest_rig.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[64];

int ingest_rig_setup(void) {
    strcpy(path, "/tmp/sluice-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(directory, 0);
    return directory;
}

void ingest_rig_teardown(int directory) {
    DIR *dir = fdopendir(directory);
    for (struct dirent *entry; (entry = readdir(dir));)
        unlinkat(directory, entry->d_name, 0);
    closedir(dir);
    ck_assert_int_eq(rmdir(path), 0);
}

char *ingest_rig_record(const char *name, uint64_t sequence, size_t *n) {
    struct sample sample = {.name = span_text(name), .value = (double)sequence, .time_ms = 1000};
    struct batch *batch = batch_new(RECORD_JSON);
    ck_assert_int_eq(batch_add(batch, &sample, 0), 0);
    struct record record = {.sequence = sequence,
                            .time_ms = 2000,
                            .format = RECORD_JSON,
                            .count = 1,
                            .payload = span_of(batch->bytes + RECORD_HEAD, batch->n - RECORD_HEAD)};
    record_seal(batch->bytes, &record);
    char *bytes = batch->bytes;
    *n = batch->n;
    batch->bytes = NULL;
    batch_free(batch);
    return bytes;
}

uint64_t ingest_rig_segment(int directory, uint64_t number, uint64_t first, uint64_t last) {
    int fd = segment_create(directory, number, 1 << 16);
    uint64_t offset = SEGMENT_HEAD;
    ck_assert_int_ge(fd, 0);
    for (uint64_t sequence = first; sequence <= last; sequence++) {
        size_t n;
        char name[32];
        snprintf(name, sizeof(name), "name_%d", (int)sequence);
        char *bytes = ingest_rig_record(name, sequence, &n);
        ck_assert_int_eq(pwrite(fd, bytes, n, (off_t)offset), (ssize_t)n);
        offset += n;
        free(bytes);
    }
    close(fd);
    return offset;
}

char *ingest_rig_bytes(int directory, uint64_t number, size_t *n) {
    char name[SEGMENT_NAME_SIZE];
    struct stat st;
    segment_name(number, name);
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &st), 0);
    *n = (size_t)st.st_size;
    char *bytes = malloc(*n + 1);
    ck_assert_int_eq(read(fd, bytes, *n), st.st_size);
    close(fd);
    return bytes;
}

void ingest_rig_write(int directory, uint64_t number, const char *bytes, size_t n) {
    char name[SEGMENT_NAME_SIZE];
    segment_name(number, name);
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
    close(fd);
}
