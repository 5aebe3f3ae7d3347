#include "handlers/ingest/batch.h"

#include "proto/little.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_ROOM   512
#define FIRST_PLACES 16

struct batch *batch_new(enum record_format format) {
    struct batch *batch = calloc(1, sizeof(*batch));
    if (!batch)
        return NULL;
    batch->format = format;
    batch->n = RECORD_HEAD;
    return batch;
}

void batch_free(struct batch *batch) {
    if (!batch)
        return;
    refusals_free(&batch->refusals);
    free(batch->answer);
    free(batch->bytes);
    free(batch->places);
    free(batch);
}

static int reserve(struct batch *batch, size_t n) {
    size_t need = batch->n + n, room = batch->room ? batch->room : FIRST_ROOM;
    if (need > RECORD_HEAD + (size_t)RECORD_MAX)
        return -E2BIG;
    if (need <= batch->room)
        return 0;
    while (room < need)
        room *= 2;
    char *bytes = realloc(batch->bytes, room);
    if (!bytes)
        return -ENOMEM;
    batch->bytes = bytes;
    batch->room = room;
    return 0;
}

int batch_add(struct batch *batch, const struct sample *sample, uint32_t place) {
    size_t n = sample_size(sample);
    int error = reserve(batch, n);
    if (error)
        return error;
    if (batch->count == batch->places_room) {
        uint32_t room = batch->places_room ? 2 * batch->places_room : FIRST_PLACES;
        uint32_t *places = reallocarray(batch->places, room, sizeof(*places));
        if (!places)
            return -ENOMEM;
        batch->places = places;
        batch->places_room = room;
    }
    sample_encode(sample, batch->bytes + batch->n);
    batch->n += n;
    batch->places[batch->count++] = place;
    return 0;
}

int batch_key(struct batch *batch, struct span key, struct span answer) {
    size_t n = 2 + key.n + 4 + answer.n;
    int error = reserve(batch, n);
    if (error)
        return error;
    char *at = batch->bytes + RECORD_HEAD;
    memmove(at + n, at, batch->n - RECORD_HEAD);
    uint16_t key_n = htole16((uint16_t)key.n);
    memcpy(at, &key_n, 2);
    memcpy(at + 2, key.p, key.n);
    little_put32(at + 2 + key.n, (uint32_t)answer.n);
    if (answer.n > 0) /* an Influx answer has no body */
        memcpy(at + 6 + key.n, answer.p, answer.n);
    batch->n += n;
    batch->flags = (uint16_t)(RECORD_KEYED | batch->ack << RECORD_ACK_SHIFT);
    return 0;
}

struct span batch_samples(const struct batch *batch) {
    struct record record = {.flags = batch->flags,
                            .payload = span_of(batch->bytes + RECORD_HEAD, batch->n - RECORD_HEAD)};
    struct span key, answer, samples = {0};
    if (batch->bytes)
        record_split(&record, &key, &answer, &samples);
    return samples;
}

void batch_drop(struct batch *batch) {
    char *from = batch->bytes + RECORD_HEAD, *to = from;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        size_t n = 4 + (size_t)little_get32(from);
        if (batch->places[i] != BATCH_REFUSED) {
            memmove(to, from, n);
            to += n;
            batch->places[kept++] = batch->places[i];
        }
        from += n;
    }
    batch->count = kept;
    batch->n = (size_t)(to - batch->bytes);
}
