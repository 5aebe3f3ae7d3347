/* OTLP metrics as protobuf: from ExportMetricsServiceRequest to data points (opentelemetry-proto v1, metrics.proto).
 *
 *     body -> resource -> scope -> metric -> data point -> struct otlp_point -> take()
 *
 * A small decoder instead of protobuf-c: it needs no generated code, no allocation, and no second copy of the message.
 * Unknown fields are skipped, as protobuf requires. */
#ifndef SLUICE_PROTO_OTLP_H
#define SLUICE_PROTO_OTLP_H

#include "proto/sample.h"

enum otlp_kind { OTLP_NONE, OTLP_GAUGE, OTLP_SUM, OTLP_HISTOGRAM, OTLP_OTHER };
enum otlp_temporality { OTLP_UNSPECIFIED, OTLP_DELTA, OTLP_CUMULATIVE };
enum otlp_value { OTLP_EMPTY, OTLP_TEXT, OTLP_BOOL, OTLP_INT, OTLP_DOUBLE, OTLP_COMPLEX };

struct otlp_attribute {
    struct span key;
    enum otlp_value kind;
    struct span text;
    int64_t number; /* also of OTLP_BOOL */
    double real;
};

/* Attributes of the resource that name the sender: service.namespace, service.name, service.instance.id; or empty. */
struct otlp_resource {
    struct span namespace, service, instance;
};

struct otlp_point {
    struct span name;
    enum otlp_kind kind;  /* OTLP_OTHER: exponential histogram, summary */
    uint64_t temporality; /* enum otlp_temporality, or what it came as */
    bool monotonic;
    struct otlp_resource resource;
    uint64_t time_ns;
    bool has_value, no_value; /* no_value: the flag "no recorded value" */
    double value;             /* of a histogram: its sum */
    unsigned attributes_n;    /* all of them; the first SAMPLE_LABELS are there */
    struct otlp_attribute attributes[SAMPLE_LABELS];
    uint64_t count;            /* of a histogram: what it says of all buckets */
    size_t bounds_n, counts_n; /* all of them; the first that fit are there */
    double bounds[SAMPLE_BOUNDS];
    uint64_t counts[SAMPLE_BOUNDS + 1];
};

/* Stores an attribute of a resource if it is one of those that name the sender. */
void otlp_resource_take(struct otlp_resource *resource, const struct otlp_attribute *attribute);
/* Reads a whole body and calls take() for each data point. NULL, or what is wrong with it and, in *at, the byte offset;
 * take() may have been called before. */
const char *otlp_read(struct span body, void (*take)(void *context, const struct otlp_point *point),
                      void *context, size_t *at);

#endif
