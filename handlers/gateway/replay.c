#include "handlers/gateway/replay.h"

#include <stdlib.h>

#define FIRST_ROOM 4096u

void replay_init(struct replay *replay, uint64_t limit) {
    *replay = (struct replay){.limit = limit};
}

void replay_drop(struct replay *replay) {
    free(replay->bytes);
    replay->bytes = NULL;
    replay->size = 0;
    replay->broken |= replay->n > 0;
    replay->n = 0;
}

static bool make_room(struct replay *replay, size_t n) {
    size_t size = replay->size ? replay->size : FIRST_ROOM;
    if (replay->n + n <= replay->size)
        return true;
    while (size < replay->n + n)
        size *= 2;
    char *bytes = realloc(replay->bytes, size);
    if (!bytes)
        return false;
    replay->bytes = bytes;
    replay->size = size;
    return true;
}

size_t replay_keep_some(struct replay *replay, struct span data) {
    uint64_t room = replay->limit - replay->n;
    size_t n = data.n < room ? data.n : (size_t)room;
    if (n == 0 || replay->broken || !make_room(replay, n))
        return 0;
    memcpy(replay->bytes + replay->n, data.p, n);
    replay->n += n;
    return n;
}

void replay_keep(struct replay *replay, struct span data) {
    if (replay->broken)
        return;
    if (data.n > replay->limit - replay->n || !make_room(replay, data.n)) {
        replay_drop(replay);
        replay->broken = true;
        return;
    }
    memcpy(replay->bytes + replay->n, data.p, data.n);
    replay->n += data.n;
}
