/* statsd over udp: and unixgram: sockets: datagrams that came together are one batch of the log.
 *
 *     datagrams -> text (lines) -> statsd_decode -> series limit -> journal
 *                                   '-> sets -> at the end of their interval: the same
 *     nobody waits for an answer: what cannot be taken is counted, and one such line of each batch is logged */
#ifndef SLUICE_HANDLERS_INGEST_STATSD_LISTENER_H
#define SLUICE_HANDLERS_INGEST_STATSD_LISTENER_H

#include "reactor/datagrams.h"

struct ingest;

struct statsd_listener {
    struct datagrams socket;
    struct ingest *ingest;
    char text[DATAGRAMS_BATCH * (DATAGRAM_MAX + 1)];
    size_t n;
};

/* Opens a listener; allocated. NULL with a reason. */
struct statsd_listener *statsd_listener_open(struct ingest *ingest, const char *address, char *why,
                                             size_t why_size);
void statsd_listener_close(struct statsd_listener *listener);
/* Ends the interval of the sets: their sizes go to the log. */
void statsd_flush(struct ingest *ingest);

#endif
