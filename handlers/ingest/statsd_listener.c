#include "handlers/ingest/statsd_listener.h"

#include "handlers/ingest/acceptance.h"
#include "handlers/ingest/lines.h"
#include "reactor/loop.h"

#include <errno.h>
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

/* The datagrams of one call, as one batch. */
static void ended(void *context, uint32_t dropped) {
    struct statsd_listener *listener = context;
    struct ingest *ingest = listener->ingest;
    struct batch *batch = batch_new(RECORD_STATSD);
    struct decoding decoding = {.batch = batch};
    ingest->stats.statsd_dropped += dropped;
    if (batch) {
        batch->by_line = true;
        batch->ingest = ingest;
        batch->ack = ingest->settings->ack;
        batch->done = logged;
        rules_init(&decoding.rules, ingest->settings, false, ingest_wall_ms());
        statsd_decode(&decoding, span_of(listener->text, listener->n));
        rules_free(&decoding.rules);
        acceptance_take_now(batch);
        struct span samples = batch_samples(batch);
        series_settle(&ingest->series, (char *)(uintptr_t)samples.p, samples.n);
    }
    listener->n = 0;
    if (batch && batch->count > 0 && !decoding.error && journal_append(&ingest->journal, batch) == 0)
        ingest->stats.accepted += batch->count;
    else if (batch)
        lose(batch);
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
