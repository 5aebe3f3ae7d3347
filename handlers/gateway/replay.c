#include "handlers/gateway/replay.h"

void replay_drop(struct replay *replay, struct exchange *exchange) {
    replay->broken |= exchange->body_n > 0;
    exchange_drop_body(exchange);
}

static bool add(struct exchange *exchange, struct span data) {
    if (exchange_reserve(exchange, data.n) != 0)
        return false;
    memcpy(exchange->body + exchange->body_n, data.p, data.n);
    exchange->body_n += data.n;
    return true;
}

size_t replay_keep_some(struct replay *replay, struct exchange *exchange, struct span data) {
    uint64_t room = replay->limit - exchange->body_n;
    size_t n = data.n < room ? data.n : (size_t)room;
    return n > 0 && !replay->broken && add(exchange, span_of(data.p, n)) ? n : 0;
}

void replay_keep(struct replay *replay, struct exchange *exchange, struct span data) {
    if (replay->broken)
        return;
    if (data.n > replay->limit - exchange->body_n || !add(exchange, data)) {
        replay_drop(replay, exchange);
        replay->broken = true;
    }
}
