#include "handlers/ingest/statsd_listener.h"

#include "handlers/ingest/acceptance.h"
#include "handlers/ingest/lines.h"
#include "offload/clock.h"
#include "reactor/loop.h"

#include <stdio.h>
#include <stdlib.h>

static void lose(struct batch *batch) {
    batch->ingest->stats.statsd_lost += batch->count;
    acceptance_undo(batch);
    batch_free(batch);
}

static void logged(struct batch *batch, int error) {
    if (error)
        lose(batch);
    else
        acceptance_logged(batch, batch_free);
}

static void received(void *context, struct span datagram, bool cut) {
    struct statsd_listener *listener = context;
    listener->ingest->stats.statsd_datagrams++;
    if (cut) {
        listener->ingest->stats.statsd_cut++;
        return;
    }
    memcpy(listener->text + listener->n, datagram.p, datagram.n);
    listener->n += datagram.n;
    listener->text[listener->n++] = '\n';
}

static struct batch *new_batch(struct ingest *ingest) {
    struct batch *batch = batch_new(RECORD_STATSD);
    if (!batch)
        return NULL;
    batch->by_line = true;
    batch->ingest = ingest;
    batch->ack = ingest->settings->ack;
    batch->done = logged;
    return batch;
}

/* Sends a batch to the log, if there is anything in it. */
static void submit(struct batch *batch) {
    struct ingest *ingest = batch->ingest;
    acceptance_take_now(batch);
    ingest->stats.statsd_lost += batch->starved;
    struct span samples = batch_samples(batch);
    series_settle(&ingest->series, (char *)(uintptr_t)samples.p, samples.n);
    if (batch->count > 0 && journal_append(&ingest->journal, batch) == 0)
        ingest->stats.accepted += batch->count;
    else
        lose(batch);
}

/* Logs the first line that was refused, and why. */
static void tell_refusal(const struct statsd_listener *listener, const struct batch *batch) {
    const char *line = listener->text, *end = line + listener->n;
    char text[128];
    for (uint32_t number = 1; number < batch->refusals.first_number && line < end; number++)
        line = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1;
    snprintf(text, sizeof(text), "%.*s", (int)strcspn(line, "\n"), line);
    log_warn(listener->ingest->loop->log, "ingest statsd refused", log_text("line", text),
             log_text("reason", batch->refusals.first), log_number("lines", (int64_t)batch->refusals.count));
}

/* Makes a batch of the datagrams of one call. */
static void ended(void *context, uint32_t dropped) {
    struct statsd_listener *listener = context;
    struct ingest *ingest = listener->ingest;
    struct batch *batch = new_batch(ingest);
    struct decoding decoding = {.batch = batch, .sets = &ingest->sets};
    ingest->stats.statsd_dropped += dropped;
    if (batch) {
        rules_init(&decoding.rules, ingest->settings, false, clock_wall_ms());
        statsd_decode(&decoding, span_of(listener->text, listener->n));
        rules_free(&decoding.rules);
        if (batch->refusals.count > 0)
            tell_refusal(listener, batch);
        if (decoding.error)
            lose(batch);
        else
            submit(batch);
    }
    listener->n = 0;
    if (ingest->sets.table && !deadline_is(&ingest->flush, &ingest->flush_class))
        deadline_set(&ingest->flush, &ingest->flush_class);
}

void statsd_flush(struct ingest *ingest) {
    struct batch *batch = ingest->sets.table ? new_batch(ingest) : NULL;
    if (!batch)
        return;
    statsd_sets_flush(&ingest->sets, batch, clock_wall_ms());
    submit(batch);
}

struct statsd_listener *statsd_listener_open(struct ingest *ingest, const char *address, char *why,
                                             size_t why_size) {
    static const struct datagrams_class class = {received, ended};
    struct statsd_listener *listener = calloc(1, sizeof(*listener));
    char text[ADDRESS_TEXT];
    if (!listener)
        return NULL;
    listener->ingest = ingest;
    if (datagrams_open(&listener->socket, ingest->loop, address, &class, listener, why, why_size) != 0) {
        free(listener);
        return NULL;
    }
    address_print(&listener->socket.address, text, sizeof(text));
    log_info(ingest->loop->log, "ingest statsd", log_text("address", text));
    return listener;
}

void statsd_listener_close(struct statsd_listener *listener) {
    if (listener)
        datagrams_close(&listener->socket);
    free(listener);
}
