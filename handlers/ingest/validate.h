/* The rules that a sample must obey, whatever format it came in.
 *
 *     decoder -> struct sample -> validate() -> labels sorted, names escaped if so set -> batch
 *                                           \-> struct fault: code, part, sentence -> the decoder adds where it is */
#ifndef SLUICE_HANDLERS_INGEST_VALIDATE_H
#define SLUICE_HANDLERS_INGEST_VALIDATE_H

#include "handlers/ingest/refusals.h"
#include "handlers/ingest/settings.h"
#include "proto/sample.h"

enum part { PART_RECORD, PART_NAME, PART_VALUE, PART_TIME, PART_LABEL, PART_LABEL_VALUE };

struct fault {
    enum refusal code;
    enum part part;
    struct span label;   /* the name of the label, as it came */
    const char *message; /* a constant sentence */
};

struct rules {
    bool escape;     /* names: replace characters instead of refusing them */
    unsigned labels; /* at most */
    size_t name_length, value_length;
    int64_t now_ms;
    int64_t max_age_ms, max_ahead_ms; /* 0: any */
    char *scratch;                    /* escaped names of one sample; owned */
    size_t scratch_n;
};

/* The rules for a format. prometheus_names: the format's own rules for names are those of Prometheus. now_ms: since
 * 1970. */
void rules_init(struct rules *rules, const struct ingest_settings *settings, bool prometheus_names,
                int64_t now_ms);
void rules_free(struct rules *rules);
/* Sorts and drops empty labels, escapes names (valid until the next call). True: the sample is good. */
bool validate_sample(struct rules *rules, struct sample *sample, struct fault *fault);

#endif
