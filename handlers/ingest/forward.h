/* The forwarder: ships the log to a broker from a thread of its own, with a durable cursor, at least once.
 *
 *     journal: group written -> forward_written() -> bound, under a lock -> thread: cargo.c -> engine->ship()
 *     loop: stats, retention <- a post with news <- thread: cursor moved, broker away, ...          |
 *                                                   DIR/forward-nats.cursor <- all acknowledged <---'
 *
 * Only what is on the disk is sent, so a sequence never means two things. Files of the log stay until everything in
 * them is acknowledged, and `keep` seconds longer, because brokers sync late: if one has lost what it acknowledged, it
 * is sent again. */
#ifndef SLUICE_HANDLERS_INGEST_FORWARD_H
#define SLUICE_HANDLERS_INGEST_FORWARD_H

#include "handlers/ingest/cargo.h"

struct forward;
struct loop;

/* Opens the cursor in the directory (not owned; must stay open until forward_stop()). *next: the next sequence of the
 * recovered log; it is raised above those already forwarded. NULL with a reason in why. Blocks; for startup only. */
struct forward *forward_new(struct loop *loop, const struct forward_settings *settings, int directory,
                            uint64_t *next, char *why, size_t why_size);
/* Starts the thread; the log is complete up to the bound. 0, or -errno with a reason. */
int forward_start(struct forward *forward, const struct log_bound *bound, char *why, size_t why_size);
/* After loop_end(). Waits for the thread, but not for a broker that does not answer. */
void forward_stop(struct forward *forward);

/* The log is now complete up to this bound. */
void forward_written(struct forward *forward, const struct log_bound *bound);
/* Segments from the number returned on must be kept. */
uint64_t forward_holds_from(struct forward *forward);

#endif
