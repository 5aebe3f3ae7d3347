/* The ledger of descriptors: every one that this process has open, with its kind, owner and age (docs/design.md,
 * contract 5).
 *
 *     ledger_enter(fd) -- holders 1 -- [ledger_hold(fd) +1] -- ledger_release(fd) -1 -> 0: closed with the turn
 *
 * At rest opened - closed == open == entries of /proc/self/fd, less what libraries opened behind our back. Descriptors
 * that were passed are closed at the end of the turn, adjacent ones by one close_range(2). */
#ifndef SLUICE_REACTOR_LEDGER_H
#define SLUICE_REACTOR_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fd_kind {
    FD_NONE,
#define FD_KIND(name, word, help) FD_##name,
#include "reactor/fd_kind.def"
#undef FD_KIND
    FD_KINDS
};

struct ledger_entry {
    uint64_t owner; /* handle of the connection or request, 0: the process */
    double since;   /* seconds, the loop's clock */
    uint32_t holders;
    uint8_t kind; /* enum fd_kind */
    bool slow;    /* its close may sleep */
};

struct ledger {
    struct ledger_entry *entries; /* by fd number */
    size_t capacity;              /* may be a billion: only walk the first `top` entries */
    size_t top;                   /* above every fd that was ever entered */
    uint64_t opened, closed;
    uint64_t open_by_kind[FD_KINDS];
    uint64_t foreign; /* fds found open that nobody entered (libraries) */
    int *closing;     /* to close at the end of the turn */
    unsigned closing_count;
    uint64_t slow; /* the first of those to close whose close may sleep, plus 1; linked by owner; 0: none */
};

const char *fd_kind_name(enum fd_kind kind);

/* Makes room for descriptor numbers below limit; enters every descriptor that is already open as inherited. 0 or
 * -errno. */
int ledger_init(struct ledger *ledger, size_t limit);
void ledger_free(struct ledger *ledger);
/* Enters every open descriptor that is not in the ledger yet: those that a library has just opened. */
void ledger_adopt(struct ledger *ledger, enum fd_kind kind);
/* Enters an fd that was just opened, with one holder. */
void ledger_enter(struct ledger *ledger, int fd, enum fd_kind kind, uint64_t owner, double now);
/* Adds a holder. */
void ledger_hold(struct ledger *ledger, int fd);
/* Changes the kind of an fd whose use has changed. */
void ledger_retag(struct ledger *ledger, int fd, enum fd_kind kind);
/* Closing fd may sleep: ledger_flush() leaves it to the caller of ledger_take_slow(). */
void ledger_mark_slow(struct ledger *ledger, int fd);
/* Removes a holder; after the last one the fd is closed at the end of the turn. */
void ledger_release(struct ledger *ledger, int fd);
/* Closes an fd with a single holder now. */
void ledger_close(struct ledger *ledger, int fd);
/* Removes the entry of an fd that somebody else closes (offload's own). */
void ledger_leave(struct ledger *ledger, int fd);
/* Closes what ledger_release() left for the end of the turn. */
void ledger_flush(struct ledger *ledger);
/* Takes up to most of the slow descriptors that ledger_release() has left, for the caller to close. Returns how many. */
unsigned ledger_take_slow(struct ledger *ledger, int *fds, unsigned most);
/* Counts the entries of /proc/self/fd. *foreign: how many are not in the ledger. Returns the count or -errno. */
long ledger_audit(struct ledger *ledger, uint64_t *foreign);

static inline uint64_t ledger_open(const struct ledger *ledger) {
    return ledger->opened - ledger->closed;
}

#endif
