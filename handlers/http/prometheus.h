/* All counters as Prometheus text (exposition format 0.0.4). */
#ifndef SLUICE_HANDLERS_HTTP_PROMETHEUS_H
#define SLUICE_HANDLERS_HTTP_PROMETHEUS_H

struct loop;

/* malloc'ed text, or NULL without memory. */
char *prometheus_text(struct loop *loop);

#endif
