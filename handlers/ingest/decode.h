/* From a body to a batch: what all formats have in common.
 *
 *     body -> decoder of its format -> decoding_take(sample) -> validate -> batch
 *                                   \-> decoding_refuse()    ------------> batch's refusals
 *
 * Pure: runs on the loop or in a worker. */
#ifndef SLUICE_HANDLERS_INGEST_DECODE_H
#define SLUICE_HANDLERS_INGEST_DECODE_H

#include "handlers/ingest/batch.h"
#include "handlers/ingest/validate.h"

struct statsd_sets;

struct decoding {
    struct rules rules;
    struct batch *batch;      /* not owned */
    struct span query;        /* of the request: precision and the like */
    struct statsd_sets *sets; /* of statsd; not owned */
    int error;                /* -ENOMEM, -E2BIG: the batch cannot be built */
};

/* A decoder reads the whole body, and takes or refuses each record. */
typedef void ingest_decoder(struct decoding *decoding, struct span body);

/* How an answer reports what became of the records. */
enum answer_style {
    ANSWER_COUNTS,    /* {"accepted":9,"rejected":1,"errors":[...]} */
    ANSWER_LINES,     /* the same, but 204 when all is well */
    ANSWER_OTLP_JSON, /* opentelemetry-proto, ExportMetricsServiceResponse */
    ANSWER_OTLP_PROTOBUF,
};

struct ingest_format {
    enum record_format format;
    bool prometheus_names; /* its own rules for names are those of Prometheus */
    bool by_line;          /* records are identified by lines */
    enum answer_style style;
    ingest_decoder *decode;
};

/* Takes a well-formed sample if it is valid. False: it is not, and fault says why. place: index or line. */
bool decoding_take(struct decoding *decoding, struct sample *sample, uint32_t place, struct fault *fault);
/* The body as a whole is malformed: nothing of it is taken. */
void decoding_spoil(struct decoding *decoding, const struct place *place, const char *message);
void decoding_refuse(struct decoding *decoding, const struct place *place, enum refusal code,
                     const char *message);

#endif
