#include "handlers/ingest/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PIECE         ((size_t)64 << 10)
#define LOCK_TRIES    20 /* for a directory whose last daemon is just ending */
#define LOCK_PAUSE_NS 50000000

/* ---- directory --------------------------------------------------------------------------------- */

/* Locks the directory, since two daemons would cut off and overwrite what the other has acknowledged. False: another
 * one has it. A file system without locks is no obstacle. */
static bool take_directory(int fd) {
    static const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
    int result = flock(fd, LOCK_EX | LOCK_NB);
    for (int i = 0; result != 0 && errno == EWOULDBLOCK && i < LOCK_TRIES; i++) {
        nanosleep(&pause, NULL);
        result = flock(fd, LOCK_EX | LOCK_NB);
    }
    return result == 0 || errno != EWOULDBLOCK;
}

/* Syncs the parent of a directory that was made, so that its name is on the disk; a parent that we may not read cannot
 * be synced. 0 or -errno. */
static int sync_parent(int directory) {
    int parent = openat(directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return errno == EACCES ? 0 : -errno;
    int error = fsync(parent) != 0 ? -errno : 0;
    close(parent);
    return error;
}

int recover_directory(const char *path) {
    bool made = mkdir(path, 0750) == 0;
    if (!made && errno != EEXIST)
        return -errno;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = made ? sync_parent(fd) : 0;
    if (!error && !take_directory(fd))
        error = -EBUSY;
    if (!error)
        return fd;
    close(fd);
    return error;
}

/* ---- segments ---------------------------------------------------------------------------------- */

/* Where the good part of a segment ends, and what comes next in sequence. */
struct good_part {
    uint64_t end; /* 0: not even its head is whole */
    uint64_t records, next_sequence;
    bool more; /* records behind it, which count for the sequence */
};

/* The next record that continues the sequence; returns as segment_next(). Others are left from an earlier use of the
 * same blocks. */
static int next_record(struct segment_reader *reader, struct good_part *out) {
    struct record record;
    int result = segment_next(reader, &record);
    if (result == 1 && record.sequence < out->next_sequence)
        return -EBADMSG;
    if (result == 1)
        out->next_sequence = record.sequence + record.count;
    return result;
}

static int find_good_part(int directory, uint64_t number, struct good_part *out) {
    struct segment_reader reader;
    *out = (struct good_part){0};
    int result = segment_open(&reader, directory, number);
    if (result)
        return result == -EBADMSG ? 0 : result;
    for (out->end = reader.offset; (result = next_record(&reader, out)) == 1; out->end = reader.offset)
        out->records++;
    while (result == -EBADMSG && segment_skip(&reader) == 0)
        while ((result = next_record(&reader, out)) == 1)
            out->more = true;
    segment_close(&reader);
    return result == -EBADMSG ? 0 : result;
}

/* Bytes from offset up to the last one that is not 0, or -errno. */
static int64_t rest_of(int fd, uint64_t offset) {
    char piece[PIECE];
    int64_t rest = 0;
    ssize_t n;
    for (uint64_t at = offset; (n = pread(fd, piece, sizeof(piece), (off_t)at)) > 0; at += (uint64_t)n)
        for (ssize_t i = 0; i < n; i++)
            if (piece[i])
                rest = (int64_t)(at - offset) + i + 1;
    return n < 0 ? -errno : rest;
}

#define BAD_NAME_SIZE (SEGMENT_NAME_SIZE + sizeof(".bad"))

static void bad_name(const char *name, char bad[BAD_NAME_SIZE]) {
    snprintf(bad, BAD_NAME_SIZE, "%s.bad", name);
}

/* Sets a file without any readable record aside, as it was: it may be of another version, or damaged by its disk. 0 or
 * -errno. */
static int set_aside(int directory, const char *name, int fd, uint64_t size) {
    char bad[BAD_NAME_SIZE];
    bad_name(name, bad);
    return ftruncate(fd, (off_t)size) != 0 || renameat(directory, name, directory, bad) != 0 ? -errno : 0;
}

/* Copies a file with readable records after the damage, durably, before it is cut. 0 or -errno. */
static int copy_aside(int directory, const char *name, int fd, uint64_t size) {
    char bad[BAD_NAME_SIZE];
    off_t at = 0;
    bad_name(name, bad);
    int copy = openat(directory, bad, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640), error = 0;
    if (copy < 0)
        return -errno;
    while (!error && (uint64_t)at < size) {
        ssize_t n = sendfile(copy, fd, &at, (size_t)(size - (uint64_t)at));
        error = n < 0 ? -errno : n == 0 ? -EIO : 0;
    }
    if (!error && (fsync(copy) != 0 || fsync(directory) != 0))
        error = -errno;
    close(copy);
    return error;
}

/* Cuts a segment after its good part; one without records is removed. 0 or -errno. */
static int cut(int directory, uint64_t number, const struct good_part *good, struct recovery *out) {
    char name[SEGMENT_NAME_SIZE];
    segment_name(number, name);
    int fd = openat(directory, name, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int64_t rest = rest_of(fd, good->end);
    int error = rest < 0 ? (int)rest : 0;
    if (rest > 0) {
        out->cut_bytes += (uint64_t)rest;
        out->cut_number = number;
        out->cut_offset = good->end;
        out->set_aside |= good->records == 0 || good->more;
    }
    if (!error && good->records && good->more)
        error = copy_aside(directory, name, fd, good->end + (uint64_t)rest);
    if (!error && good->records)
        error = segment_end(fd, good->end);
    else if (!error && rest > 0)
        error = set_aside(directory, name, fd, good->end + (uint64_t)rest);
    else if (!error && unlinkat(directory, name, 0) != 0)
        error = -errno;
    close(fd);
    return error;
}

static bool changed_since(int directory, uint64_t number, int64_t since_ms) {
    char name[SEGMENT_NAME_SIZE];
    struct stat st;
    segment_name(number, name);
    return fstatat(directory, name, &st, 0) != 0 || (int64_t)st.st_mtim.tv_sec * 1000 + 999 >= since_ms;
}

static int show(int directory, uint64_t number, recover_visit *visit, void *context, struct recovery *out) {
    struct segment_reader reader;
    struct record record;
    int result = segment_open(&reader, directory, number);
    if (result == 0) {
        do {
            while ((result = segment_next(&reader, &record)) == 1) {
                visit(context, &record);
                out->records++;
                if (record.sequence + record.count > out->next_sequence) /* the newest file is a copy */
                    out->next_sequence = record.sequence + record.count;
            }
            out->damaged += result == -EBADMSG;
        } while (result == -EBADMSG && segment_skip(&reader) == 0);
        segment_close(&reader);
    } else {
        out->damaged += result == -EBADMSG;
    }
    return result == -EBADMSG ? 0 : result;
}

int recover_log(int directory, int64_t since_ms, recover_visit *visit, void *context, struct recovery *out) {
    uint64_t *numbers;
    size_t count, first;
    struct good_part good = {0};
    *out = (struct recovery){.next_number = 1, .next_sequence = 1};
    int error = segment_list(directory, &numbers, &count);
    if (!error && count)
        out->next_number = numbers[count - 1] + 1;
    while (!error && count > 0 && good.records == 0) {
        error = find_good_part(directory, numbers[count - 1], &good);
        if (!error)
            error = cut(directory, numbers[count - 1], &good, out);
        if (good.next_sequence > out->next_sequence)
            out->next_sequence = good.next_sequence;
        if (!error && good.records == 0)
            count--;
    }
    if (!error && fsync(directory) != 0)
        error = -errno;
    out->segments = count;
    for (first = count; first > 0 && changed_since(directory, numbers[first - 1], since_ms);)
        first--;
    for (; !error && first < count; first++)
        error = show(directory, numbers[first], visit, context, out);
    free(numbers);
    return error;
}
