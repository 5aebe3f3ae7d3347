#include "handlers/ingest/cargo.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- messages ---------------------------------------------------------------------------------- */

/* Begins a message; its text gets its address later, when it no longer moves. */
static int begin_message(struct cargo *cargo, uint64_t sequence) {
    if (cargo->count == cargo->room) {
        size_t room = cargo->room ? 2 * cargo->room : 64;
        struct forward_message *messages = reallocarray(cargo->messages, room, sizeof(*messages));
        if (!messages)
            return -ENOMEM;
        cargo->messages = messages;
        cargo->room = room;
    }
    struct forward_message *message = &cargo->messages[cargo->count++];
    snprintf(message->id, sizeof(message->id), "%s-%" PRIu64, cargo->identity, sequence);
    message->text = span_of(NULL, 0);
    return 0;
}

/* Adds the samples of a record, split where a message would be too long. */
static int add_record(struct cargo *cargo, const struct record *record, size_t most) {
    struct span key, answer, rest;
    struct sample sample;
    bool open = false;
    int error = record_split(record, &key, &answer, &rest);
    uint64_t sequence = record->sequence;
    for (; !error && sample_decode(&rest, &sample) == 0; sequence++) {
        size_t before = cargo->text.n;
        sample_text_add(&cargo->text, record, sequence, &sample);
        error = cargo->text.failed ? -ENOMEM : 0;
        size_t n = cargo->text.n - before;
        if (!error && n > most) {
            cargo->text.n = before;
            cargo->oversized++;
            open =
                false; /* what follows has an id of its own, so that ids never depend on what was left out */
            continue;
        }
        struct forward_message *last = open ? &cargo->messages[cargo->count - 1] : NULL;
        if (!error && (!last || last->text.n + n > cargo->message_wanted))
            error = begin_message(cargo, sequence);
        if (!error) {
            cargo->messages[cargo->count - 1].text.n += n;
            cargo->samples++;
            open = true;
        }
    }
    return error == -EBADMSG ? 0 : error;
}

static void place_texts(struct cargo *cargo) {
    const char *at = cargo->text.p;
    for (size_t i = 0; i < cargo->count; i++) {
        cargo->messages[i].text.p = at;
        at += cargo->messages[i].text.n;
    }
}

/* ---- segments ---------------------------------------------------------------------------------- */

/* The first segment with at least this number; the bound's if there is none. */
static int segment_from(int directory, uint64_t number, const struct log_bound *bound, uint64_t *found) {
    uint64_t *numbers;
    size_t count;
    int error = segment_list(directory, &numbers, &count);
    *found = bound->segment;
    for (size_t i = 0; !error && i < count; i++)
        if (numbers[i] >= number && numbers[i] < *found) {
            *found = numbers[i];
            break;
        }
    free(numbers);
    return error;
}

static int to_next_segment(struct cargo *cargo, const struct log_bound *bound) {
    uint64_t next;
    int error = segment_from(cargo->directory, cargo->after.segment + 1, bound, &next);
    if (!error) {
        cargo->after.segment = next;
        cargo->after.offset = SEGMENT_HEAD;
    }
    return error;
}

static int read_records(struct cargo *cargo, struct segment_reader *reader, const struct log_bound *bound,
                        size_t most) {
    struct record record;
    int result = 1;
    while (result == 1 && cargo->text.n < CARGO_BYTES &&
           (reader->offset < bound->offset || cargo->after.segment < bound->segment)) {
        result = segment_next(reader, &record);
        int error = result == 1 ? add_record(cargo, &record, most) : 0;
        if (error)
            return error;
        if (result == 1) {
            cargo->after.sequence = record.sequence + record.count;
            cargo->after.time_ms = record.time_ms;
        } else if (result == -EBADMSG) {
            cargo->damaged++;
            result = segment_skip(reader) == 0 ? 1 : -EBADMSG;
        }
        if (result == 1)
            cargo->after.offset = reader->offset;
    }
    return result;
}

int cargo_load(struct cargo *cargo, const struct cursor *from, const struct log_bound *bound, size_t most) {
    struct segment_reader reader;
    cargo->text.n = cargo->count = 0;
    cargo->text.failed = false;
    cargo->samples = cargo->oversized = cargo->damaged = 0;
    cargo->after = *from;
    int result = segment_open(&reader, cargo->directory, from->segment);
    if (result == -ENOENT || result == -EBADMSG) {     /* gone by age or size, or by hand */
        cargo->damaged += from->offset > SEGMENT_HEAD; /* one without records goes at a start */
        return from->segment < bound->segment ? to_next_segment(cargo, bound) : result;
    }
    if (result)
        return result;
    reader.offset = from->offset;
    result = read_records(cargo, &reader, bound, most);
    if (result >= 0 && !bound->synced && cargo->count > 0 && fdatasync(reader.fd) != 0)
        result = -EIO;
    segment_close(&reader);
    if (result == -EBADMSG || result == 0) /* what this segment has is read */
        result = cargo->after.segment < bound->segment ? to_next_segment(cargo, bound) : -EBADMSG;
    place_texts(cargo);
    return result > 0 ? 0 : result;
}

bool cargo_is_behind(const struct cursor *cursor, const struct log_bound *bound) {
    return cursor->segment < bound->segment ||
           (cursor->segment == bound->segment && cursor->offset < bound->offset);
}

uint64_t cargo_bytes_behind(int directory, const struct cursor *cursor, const struct log_bound *bound) {
    uint64_t bytes = 0, start = cursor->offset, number = cursor->segment;
    char name[SEGMENT_NAME_SIZE];
    struct stat st;
    for (; number < bound->segment; number++, start = SEGMENT_HEAD) {
        segment_name(number, name);
        if (fstatat(directory, name, &st, 0) == 0 && (uint64_t)st.st_size > start)
            bytes += (uint64_t)st.st_size - start;
    }
    return number == bound->segment && bound->offset > start ? bytes + bound->offset - start : bytes;
}

int cargo_rewind(int directory, const struct log_bound *bound, struct cursor *cursor) {
    struct segment_reader reader;
    struct record record;
    int error = segment_from(directory, 0, bound, &cursor->segment);
    cursor->offset = SEGMENT_HEAD;
    cursor->sequence = bound->sequence;
    if (!error && segment_open(&reader, directory, cursor->segment) == 0) {
        if (segment_next(&reader, &record) == 1)
            cursor->sequence = record.sequence;
        segment_close(&reader);
    }
    return error;
}

void cargo_free(struct cargo *cargo) {
    text_free(&cargo->text);
    free(cargo->messages);
}
