#include "tools/bench/tally.h"

#include "proto/utf8.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* latency, connect, refusal and one for each delivery, behind the struct. */
#define HISTOGRAMS (3 + DELIVERIES)

const char *bench_error_word(enum bench_error error) {
    static const char *const words[] = {
#define BENCH_ERROR(name, word, meaning) #word,
#include "tools/bench/errors.def"
#undef BENCH_ERROR
    };
    return words[error];
}

const char *bench_error_meaning(enum bench_error error) {
    static const char *const meanings[] = {
#define BENCH_ERROR(name, word, meaning) meaning,
#include "tools/bench/errors.def"
#undef BENCH_ERROR
    };
    return meanings[error];
}

static size_t tally_size(void) {
    return sizeof(struct tally) + HISTOGRAMS * histogram_room(TALLY_BITS, TALLY_LIMIT);
}

void tally_reset(struct tally *tally) {
    struct histogram *all[HISTOGRAMS] = {&tally->latency, &tally->connect, &tally->refusal};
    for (int i = 0; i < DELIVERIES; i++)
        all[3 + i] = &tally->of_delivery[i];
    memset(tally, 0, tally_size());
    char *counts = (char *)(tally + 1);
    for (int i = 0; i < HISTOGRAMS; i++) {
        histogram_place(all[i], TALLY_BITS, TALLY_LIMIT, counts);
        counts += histogram_room(TALLY_BITS, TALLY_LIMIT);
    }
}

struct tally *tally_new(void) {
    struct tally *tally = mmap(NULL, tally_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tally == MAP_FAILED)
        return NULL;
    tally_reset(tally);
    return tally;
}

void tally_free(struct tally *tally) {
    if (tally)
        munmap(tally, tally_size());
}

void tally_reply(struct tally *tally, enum delivery delivery, int64_t intended_ns, int64_t now_ns,
                 uint64_t bytes) {
    uint64_t latency = now_ns > intended_ns ? (uint64_t)(now_ns - intended_ns) : 0;
    tally->requests++;
    tally->bytes += bytes;
    tally->by_delivery[delivery]++;
    tally->last_reply_ns = now_ns;
    histogram_add(&tally->latency, latency);
    if (delivery != DELIVERY_NONE)
        histogram_add(&tally->of_delivery[delivery], latency);
}

void tally_refusal(struct tally *tally, int64_t intended_ns, int64_t now_ns) {
    histogram_add(&tally->refusal, now_ns > intended_ns ? (uint64_t)(now_ns - intended_ns) : 0);
}

/* A server's words may be any bytes: what does not print becomes '?', and a character that was cut off goes. */
static void make_readable(char *text) {
    for (char *at = text; *at;) {
        int step = utf8_step(at, strlen(at));
        if (step == 0)
            *at = 0;
        else if (step < 0 || (unsigned char)*at < ' ' || *at == 0x7f)
            *at++ = '?';
        else
            at += step;
    }
}

void tally_error(struct tally *tally, enum bench_error error, uint64_t n, const char *what) {
    if (n == 0)
        return;
    tally->errors[error] += n;
    if (*tally->first_error)
        return;
    snprintf(tally->first_error, sizeof(tally->first_error), "%s: %s", bench_error_word(error), what);
    make_readable(tally->first_error);
}

void tally_merge(struct tally *into, const struct tally *from) {
    atomic_fetch_add(&into->tried, atomic_load(&from->tried));
    atomic_fetch_add(&into->connected, atomic_load(&from->connected));
    into->replies += from->replies;
    into->requests += from->requests;
    into->bytes += from->bytes;
    into->timely_requests += from->timely_requests;
    into->timely_bytes += from->timely_bytes;
    into->lasted |= from->lasted;
    into->reconnects += from->reconnects;
    into->never_served += from->never_served;
    for (int i = 0; i < BENCH_ERRORS; i++)
        into->errors[i] += from->errors[i];
    for (int i = 0; i < TALLY_STATUSES; i++)
        into->statuses[i] += from->statuses[i];
    if (from->last_reply_ns > into->last_reply_ns)
        into->last_reply_ns = from->last_reply_ns;
    histogram_merge(&into->latency, &from->latency);
    histogram_merge(&into->connect, &from->connect);
    histogram_merge(&into->refusal, &from->refusal);
    for (int i = 0; i < DELIVERIES; i++) {
        into->by_delivery[i] += from->by_delivery[i];
        histogram_merge(&into->of_delivery[i], &from->of_delivery[i]);
    }
    if (!*into->first_error)
        snprintf(into->first_error, sizeof(into->first_error), "%s", from->first_error);
}

uint64_t tally_errors(const struct tally *tally) {
    uint64_t sum = 0;
    for (int i = 0; i < BENCH_ERRORS; i++)
        sum += tally->errors[i];
    return sum;
}
