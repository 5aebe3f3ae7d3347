/* OTLP metrics over HTTP (opentelemetry.io, OTLP specification): data points as samples, from JSON and protobuf.
 *
 *     gauge -> gauge; monotonic sum -> counter, delta or cumulative; other cumulative sums -> gauge; histogram with
 *     explicit bounds -> histogram; attributes are labels, service.name and service.instance.id are job and instance
 *     exponential histograms, summaries and delta sums that go down: rejected, each point by itself */
#ifndef SLUICE_HANDLERS_INGEST_OTLP_H
#define SLUICE_HANDLERS_INGEST_OTLP_H

#include "handlers/ingest/decode.h"
#include "proto/otlp.h"

void otlp_protobuf_decode(struct decoding *decoding, struct span body);
void otlp_json_decode(struct decoding *decoding, struct span body);

/* Takes a data point, the number-th of the body. pointer: the JSON Pointer to it; NULL: none. */
void otlp_take(struct decoding *decoding, const struct otlp_point *point, uint32_t number,
               const char *pointer);

#endif
