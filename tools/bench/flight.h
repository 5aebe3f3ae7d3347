/* The requests under way on one connection, in the order of their replies.
 *
 *     flight_push() -> [ oldest | ... | newest ] -> flight_pop() */
#ifndef SLUICE_BENCH_FLIGHT_H
#define SLUICE_BENCH_FLIGHT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct exchange {
    int64_t intended_ns; /* when it should have been sent: latency counts from here */
    uint32_t key;        /* which one was asked for */
    uint8_t op;          /* by which operation of the object protocol */
};

struct flight {
    struct exchange *ring; /* the owner's memory: size of them */
    uint32_t size, head, count;
};

static inline bool flight_full(const struct flight *flight) {
    return flight->count == flight->size;
}

static inline void flight_push(struct flight *flight, struct exchange exchange) {
    assert(!flight_full(flight));
    flight->ring[(flight->head + flight->count++) % flight->size] = exchange;
}

/* There must be one. */
static inline struct exchange *flight_oldest(const struct flight *flight) {
    assert(flight->count > 0);
    return &flight->ring[flight->head];
}

static inline void flight_pop(struct flight *flight) {
    assert(flight->count > 0);
    flight->head = (flight->head + 1) % flight->size;
    flight->count--;
}

#endif
