/* All counters as Prometheus text (exposition format 0.0.4). */
#ifndef SLUICE_HANDLERS_HTTP_PROMETHEUS_H
#define SLUICE_HANDLERS_HTTP_PROMETHEUS_H

#include <stddef.h>

struct loop;

/* NAME="VALUE" in out, escaped, cut to size bytes with the NUL. Returns its length. */
size_t prometheus_label(char *out, size_t size, const char *name, const char *value);

/* malloc'ed text, or NULL without memory. */
char *prometheus_text(struct loop *loop);

#endif
