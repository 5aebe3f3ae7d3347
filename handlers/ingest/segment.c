#include "handlers/ingest/segment.h"

#include "proto/crc32c.h"
#include "proto/little.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#define VERSION    1
#define SUFFIX     ".log"
#define NUMBER_MAX UINT64_C(9999999999) /* ten digits: behind every number there is another one */
#define READ       ((size_t)256 << 10)  /* smallest buffer of a reader */

static const char magic[8] = {'S', 'L', 'U', 'I', 'C', 'E', 'L', 'G'};

const char *record_format_name(unsigned format) {
    static const char *const names[] = {
#define INGEST_FORMAT(name, word) word,
#include "handlers/ingest/format.def"
#undef INGEST_FORMAT
    };
    return format < RECORD_FORMATS ? names[format] : "unknown";
}

/* ---- records ----------------------------------------------------------------------------------- */

static void put16(char *out, uint16_t value) {
    value = htole16(value);
    memcpy(out, &value, sizeof(value));
}

static uint16_t get16(const char *bytes) {
    uint16_t value;
    memcpy(&value, bytes, sizeof(value));
    return le16toh(value);
}

static uint32_t checksum(const char *bytes, size_t length) {
    return crc32c(crc32c(0, bytes, 4), bytes + 8, RECORD_HEAD - 8 + length);
}

void record_seal(char *bytes, const struct record *record) {
    little_put32(bytes, (uint32_t)record->payload.n);
    little_put64(bytes + 8, record->sequence);
    little_put64(bytes + 16, (uint64_t)record->time_ms);
    put16(bytes + 24, record->format);
    put16(bytes + 26, record->flags);
    little_put32(bytes + 28, record->count);
    little_put32(bytes + 4, checksum(bytes, record->payload.n));
}

ssize_t record_parse(struct span bytes, struct record *out) {
    uint32_t length = bytes.n >= 4 ? little_get32(bytes.p) : 1;
    if (length == 0)
        return 0;
    if (length > RECORD_MAX)
        return -EBADMSG;
    if (bytes.n < RECORD_HEAD + (size_t)length)
        return -EAGAIN;
    if (little_get32(bytes.p + 4) != checksum(bytes.p, length))
        return -EBADMSG;
    *out = (struct record){
        .sequence = little_get64(bytes.p + 8),
        .time_ms = (int64_t)little_get64(bytes.p + 16),
        .format = get16(bytes.p + 24),
        .flags = get16(bytes.p + 26),
        .count = little_get32(bytes.p + 28),
        .payload = span_of(bytes.p + RECORD_HEAD, length),
    };
    return RECORD_HEAD + (ssize_t)length;
}

/* Takes n bytes off *rest. */
static bool take(struct span *rest, size_t n, struct span *out) {
    if (rest->n < n)
        return false;
    *out = span_of(rest->p, n);
    *rest = span_of(rest->p + n, rest->n - n);
    return true;
}

int record_split(const struct record *record, struct span *key, struct span *answer, struct span *samples) {
    struct span length;
    *samples = record->payload;
    *key = *answer = span_of(NULL, 0);
    if (!(record->flags & RECORD_KEYED))
        return 0;
    bool good = take(samples, 2, &length) && take(samples, get16(length.p), key) &&
                take(samples, 4, &length) && take(samples, little_get32(length.p), answer);
    return good ? 0 : -EBADMSG;
}

/* ---- files ------------------------------------------------------------------------------------- */

void segment_name(uint64_t number, char name[SEGMENT_NAME_SIZE]) {
    snprintf(name, SEGMENT_NAME_SIZE, "%010" PRIu64 SUFFIX, number);
}

/* False: no name of a segment. */
static bool number_of(const char *name, uint64_t *number) {
    char *end, again[SEGMENT_NAME_SIZE];
    errno = 0;
    *number = strtoull(name, &end, 10);
    segment_name(*number, again);
    return errno == 0 && *number <= NUMBER_MAX && strcmp(name, again) == 0;
}

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int segment_list(int directory, uint64_t **numbers, size_t *count) {
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    uint64_t number;
    *numbers = NULL;
    *count = 0;
    if (!dir) {
        error = -errno;
        if (fd >= 0)
            close(fd);
        return error;
    }
    for (struct dirent *entry; !error && (entry = readdir(dir));) {
        if (!number_of(entry->d_name, &number))
            continue;
        uint64_t *more = reallocarray(*numbers, *count + 1, sizeof(**numbers));
        if (more) {
            *numbers = more;
            more[(*count)++] = number;
        } else {
            error = -ENOMEM;
        }
    }
    closedir(dir);
    if (*count)
        qsort(*numbers, *count, sizeof(**numbers), ascending);
    return error;
}

/* Gives a segment its size and head, durably. If the file system cannot allocate in advance, the file still gets its
 * full length, so that later writes need not change it. */
static int lay_out(int fd, int directory, uint64_t size) {
    char head[SEGMENT_HEAD] = {0};
    memcpy(head, magic, sizeof(magic));
    little_put32(head + 8, VERSION);
    if (fallocate(fd, 0, 0, (off_t)size) != 0 && (errno != EOPNOTSUPP || ftruncate(fd, (off_t)size) != 0))
        return -errno;
    ssize_t n = pwrite(fd, head, sizeof(head), 0);
    if (n != sizeof(head))
        return n < 0 ? -errno : -ENOSPC;
    return fsync(fd) != 0 || fsync(directory) != 0 ? -errno : 0;
}

int segment_create(int directory, uint64_t number, uint64_t size) {
    char name[SEGMENT_NAME_SIZE];
    if (number > NUMBER_MAX)
        return -EOVERFLOW;
    segment_name(number, name);
    int fd = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return -errno;
    int error = lay_out(fd, directory, size);
    if (error == 0)
        return fd;
    close(fd);
    unlinkat(directory, name, 0);
    return error;
}

bool segment_is_shortage(int error) {
    return error == -ENOMEM || error == -EMFILE || error == -ENFILE;
}

int segment_end(int fd, uint64_t offset) {
    return ftruncate(fd, (off_t)offset) != 0 || fsync(fd) != 0 ? -errno : 0;
}

/* ---- reading ----------------------------------------------------------------------------------- */

/* Brings at least n bytes from the offset on into the buffer, fewer only at the end of the file. Bytes that were read
 * before are read again, as they may have been zeros that the daemon has overwritten since. 0 or -errno. */
static int fill(struct segment_reader *reader, size_t n) {
    if (reader->start + n > reader->room) {
        size_t room = n > READ ? n : READ;
        char *buffer = room > reader->room ? malloc(room) : reader->buffer;
        if (!buffer)
            return -ENOMEM;
        if (buffer != reader->buffer) {
            free(reader->buffer);
            reader->buffer = buffer;
            reader->room = room;
        }
        reader->start = 0;
    }
    ssize_t got = pread(reader->fd, reader->buffer + reader->start, reader->room - reader->start,
                        (off_t)reader->offset);
    if (got < 0)
        return -errno;
    reader->filled = reader->start + (size_t)got;
    return 0;
}

static struct span at_hand(const struct segment_reader *reader) {
    return span_of(reader->buffer + reader->start, reader->filled - reader->start);
}

int segment_open(struct segment_reader *reader, int directory, uint64_t number) {
    char name[SEGMENT_NAME_SIZE], head[SEGMENT_HEAD];
    segment_name(number, name);
    *reader =
        (struct segment_reader){.fd = openat(directory, name, O_RDONLY | O_CLOEXEC), .offset = SEGMENT_HEAD};
    if (reader->fd < 0)
        return -errno;
    ssize_t n = pread(reader->fd, head, sizeof(head), 0);
    int error = n < 0 ? -errno : 0;
    if (!error &&
        (n < SEGMENT_HEAD || memcmp(head, magic, sizeof(magic)) != 0 || little_get32(head + 8) != VERSION))
        error = -EBADMSG;
    if (error)
        segment_close(reader);
    return error;
}

void segment_close(struct segment_reader *reader) {
    if (reader->fd >= 0)
        close(reader->fd);
    free(reader->buffer);
    *reader = (struct segment_reader){.fd = -1};
}

int segment_next(struct segment_reader *reader, struct record *out) {
    ssize_t size = -EAGAIN;
    if (reader->filled > reader->start)
        size = record_parse(at_hand(reader), out);
    if (size <= 0) {
        int error = fill(reader, READ / 2);
        if (error)
            return error;
        size = record_parse(at_hand(reader), out);
    }
    if (size == -EAGAIN && at_hand(reader).n >= RECORD_HEAD) {
        int error = fill(reader, RECORD_HEAD + (size_t)little_get32(at_hand(reader).p));
        if (error)
            return error;
        size = record_parse(at_hand(reader), out);
    }
    if (size == -EAGAIN)
        return at_hand(reader).n == 0 ? 0 : -EBADMSG; /* cut off by the end of the file */
    if (size <= 0)
        return (int)size;
    reader->start += (size_t)size;
    reader->offset += (uint64_t)size;
    return 1;
}

int segment_skip(struct segment_reader *reader) {
    struct record record;
    uint64_t torn = reader->offset, behind = torn;
    char length[4];
    if (pread(reader->fd, length, sizeof(length), (off_t)torn) == sizeof(length))
        behind += RECORD_HEAD + (uint64_t)little_get32(length);
    reader->offset = behind;
    reader->start = reader->filled = 0;
    int result = behind > torn + RECORD_HEAD ? segment_next(reader, &record) : -EBADMSG;
    reader->offset = result == 1 ? behind : torn;
    reader->start = reader->filled = 0;
    return result == 1 ? 0 : result ? result : -EBADMSG;
}
