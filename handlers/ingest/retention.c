#include "handlers/ingest/retention.h"

#include "handlers/ingest/segment.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int look(int directory, uint64_t number, struct stat *st) {
    char name[SEGMENT_NAME_SIZE];
    segment_name(number, name);
    return fstatat(directory, name, st, 0) != 0 ? -errno : 0;
}

static int drop(int directory, uint64_t number) {
    char name[SEGMENT_NAME_SIZE];
    segment_name(number, name);
    return unlinkat(directory, name, 0) != 0 ? -errno : 0;
}

static bool has_records(int directory, uint64_t number) {
    struct segment_reader reader;
    struct record record;
    if (segment_open(&reader, directory, number) != 0)
        return false;
    bool any = segment_next(&reader, &record) == 1;
    segment_close(&reader);
    return any;
}

/* How many of the segments may be removed at all: those before the newest one with records. */
static size_t removable(int directory, const uint64_t *numbers, size_t count, uint64_t number) {
    size_t last = count;
    while (last > 0 && !has_records(directory, numbers[last - 1]))
        last--;
    size_t most = last > 0 ? last - 1 : 0;
    while (most > 0 && numbers[most - 1] >= number)
        most--;
    return most;
}

/* Blocks that the files occupy: a preallocated one counts in full. */
static uint64_t all_bytes(int directory, const uint64_t *numbers, size_t count) {
    uint64_t bytes = 0;
    struct stat st;
    for (size_t i = 0; i < count; i++)
        if (look(directory, numbers[i], &st) == 0)
            bytes += (uint64_t)st.st_size;
    return bytes;
}

int retention_apply(int directory, uint64_t number, uint64_t most_bytes, int64_t oldest_ms,
                    struct retention_result *out) {
    uint64_t *numbers;
    size_t count;
    struct stat st;
    *out = (struct retention_result){0};
    int error = segment_list(directory, &numbers, &count);
    uint64_t bytes = error ? 0 : all_bytes(directory, numbers, count);
    size_t most = error ? 0 : removable(directory, numbers, count, number);
    for (size_t i = 0; !error && i < most; i++) {
        error = look(directory, numbers[i], &st);
        if (error)
            break;
        bool big = most_bytes > 0 && bytes > most_bytes;
        bool old = oldest_ms > 0 && (int64_t)st.st_mtim.tv_sec * 1000 < oldest_ms;
        if (!big && !old)
            break;
        error = drop(directory, numbers[i]);
        if (!error) {
            bytes -= (uint64_t)st.st_size;
            out->removed++;
        }
    }
    out->kept = count - out->removed;
    out->bytes = bytes;
    free(numbers);
    return error;
}
