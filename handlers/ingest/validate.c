#include "handlers/ingest/validate.h"

#include "proto/utf8.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

void rules_init(struct rules *rules, const struct ingest_settings *settings, bool prometheus_names,
                int64_t now_ms) {
    *rules = (struct rules){
        .escape = settings->names == NAMES_ESCAPE || (settings->names == NAMES_AUTO && !prometheus_names),
        .labels = (unsigned)settings->labels,
        .name_length = (size_t)settings->name_length,
        .value_length = (size_t)settings->value_length,
        .now_ms = now_ms,
        .max_age_ms = (int64_t)(settings->max_age * 1000),
        .max_ahead_ms = (int64_t)(settings->max_ahead * 1000),
    };
}

void rules_free(struct rules *rules) {
    free(rules->scratch);
    rules->scratch = NULL;
}

static bool refuse(struct fault *fault, enum refusal code, enum part part, struct span label,
                   const char *message) {
    *fault = (struct fault){code, part, label, message};
    return false;
}

/* [a-zA-Z_:][a-zA-Z0-9_:]*, labels without the colon (prometheus.io, data model). */
static bool is_allowed(unsigned char c, bool first, bool colon) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colon && c == ':') ||
           (!first && c >= '0' && c <= '9');
}

static bool name_is_good(struct span name, bool colon) {
    for (size_t i = 0; i < name.n; i++)
        if (!is_allowed((unsigned char)name.p[i], i == 0, colon))
            return false;
    return name.n > 0;
}

/* A byte of UTF-8 that is not a character's first. */
static bool is_within_character(char c) {
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Replaces every character that is not allowed by _, and puts _ before a digit at the start. False: no memory. */
static bool escape(struct rules *rules, struct span *name, bool colon) {
    if (!rules->scratch)
        rules->scratch = malloc((rules->name_length + 1) * (SAMPLE_LABELS + 1));
    if (!rules->scratch)
        return false;
    char *start = rules->scratch + rules->scratch_n, *out = start;
    if (isdigit((unsigned char)name->p[0]))
        *out++ = '_';
    for (size_t i = 0; i < name->n; i++)
        if (i == 0 || !is_within_character(name->p[i]))
            *out++ = is_allowed((unsigned char)name->p[i], false, colon) ? name->p[i] : '_';
    *name = span_of(start, (size_t)(out - start));
    rules->scratch_n += name->n;
    return true;
}

static bool name_passes(struct rules *rules, struct span *name, bool colon) {
    return name_is_good(*name, colon) || (rules->escape && name->n > 0 && escape(rules, name, colon));
}

static bool is_utf8(struct span text) {
    for (int step; text.n > 0; text = span_of(text.p + step, text.n - (size_t)step))
        if ((step = utf8_step(text.p, text.n)) <= 0)
            return false;
    return true;
}

static bool check_label(struct rules *rules, struct sample_label *label, struct fault *fault) {
    struct span name = label->name;
    if (name.n > rules->name_length)
        return refuse(fault, REFUSAL_LIMIT, PART_LABEL, name, "the label's name is too long (name_length)");
    if (!name_passes(rules, &label->name, false))
        return refuse(fault, REFUSAL_LABEL, PART_LABEL, name,
                      "a label's name is letters, digits and _, not starting with a digit");
    if (label->name.n >= 2 && memcmp(label->name.p, "__", 2) == 0)
        return refuse(fault, REFUSAL_LABEL, PART_LABEL, name, "labels that start with __ are reserved");
    if (label->value.n > rules->value_length)
        return refuse(fault, REFUSAL_LIMIT, PART_LABEL_VALUE, name,
                      "the label's value is too long (value_length)");
    if (!is_utf8(label->value))
        return refuse(fault, REFUSAL_LABEL, PART_LABEL_VALUE, name, "the label's value is not UTF-8");
    return true;
}

static int compare(struct span a, struct span b) {
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

/* By name; there are few, often in order already. */
static void sort(struct sample *sample) {
    for (unsigned i = 1; i < sample->labels_n; i++) {
        struct sample_label label = sample->labels[i];
        unsigned j = i;
        for (; j > 0 && compare(sample->labels[j - 1].name, label.name) > 0; j--)
            sample->labels[j] = sample->labels[j - 1];
        sample->labels[j] = label;
    }
}

static bool check_labels(struct rules *rules, struct sample *sample, struct fault *fault) {
    unsigned kept = 0;
    if (sample->labels_n > rules->labels)
        return refuse(fault, REFUSAL_LIMIT, PART_LABEL, span_of(NULL, 0), "too many labels (labels)");
    for (unsigned i = 0; i < sample->labels_n; i++) {
        if (!check_label(rules, &sample->labels[i], fault))
            return false;
        if (sample->labels[i].value.n > 0) /* an empty one is none */
            sample->labels[kept++] = sample->labels[i];
    }
    sample->labels_n = kept;
    sort(sample);
    for (unsigned i = 1; i < kept; i++)
        if (span_equal(sample->labels[i - 1].name, sample->labels[i].name))
            return refuse(fault, REFUSAL_LABEL, PART_LABEL, sample->labels[i].name,
                          "the label is there twice");
    return true;
}

static bool has_label(const struct sample *sample, const char *name) {
    for (unsigned i = 0; i < sample->labels_n; i++)
        if (span_equal(sample->labels[i].name, span_text(name)))
            return true;
    return false;
}

/* Bounds of a histogram, quantiles of a summary. */
static bool check_bounds(const struct sample *sample, struct fault *fault) {
    struct span none = {0};
    bool summary = sample->type == SAMPLE_SUMMARY;
    if (has_label(sample, summary ? "quantile" : "le"))
        return refuse(fault, REFUSAL_LABEL, PART_LABEL, span_text(summary ? "quantile" : "le"),
                      summary ? "a summary's label quantile is its quantiles'"
                              : "a histogram's label le is its buckets'");
    for (unsigned i = 0; i < sample->bounds_n; i++) {
        double bound = sample->bounds[i];
        if (!isfinite(bound) || (i > 0 && bound <= sample->bounds[i - 1]) ||
            (summary && !(bound >= 0 && bound <= 1 && isfinite(sample->values[i]))))
            return refuse(fault, REFUSAL_VALUE, PART_VALUE, none,
                          summary
                              ? "a summary's quantiles are from 0 to 1 and ascend, their values are finite"
                              : "a histogram's bounds are finite and ascend");
    }
    return true;
}

static bool check_value(const struct sample *sample, struct fault *fault) {
    struct span none = {0};
    if (!isfinite(sample->value))
        return refuse(fault, REFUSAL_VALUE, PART_VALUE, none, "the value is not finite");
    if (sample->type == SAMPLE_COUNTER && sample->value < 0)
        return refuse(fault, REFUSAL_VALUE, PART_VALUE, none, "a counter does not go down");
    return (sample->type != SAMPLE_HISTOGRAM && sample->type != SAMPLE_SUMMARY) ||
           check_bounds(sample, fault);
}

static bool check_time(const struct rules *rules, const struct sample *sample, struct fault *fault) {
    struct span none = {0};
    if (rules->max_age_ms > 0 && sample->time_ms < rules->now_ms - rules->max_age_ms)
        return refuse(fault, REFUSAL_TIME, PART_TIME, none, "the timestamp is too far in the past (max_age)");
    if (rules->max_ahead_ms > 0 && sample->time_ms > rules->now_ms + rules->max_ahead_ms)
        return refuse(fault, REFUSAL_TIME, PART_TIME, none,
                      "the timestamp is too far in the future (max_ahead)");
    return true;
}

bool validate_sample(struct rules *rules, struct sample *sample, struct fault *fault) {
    struct span none = {0};
    rules->scratch_n = 0;
    if (sample->name.n > rules->name_length)
        return refuse(fault, REFUSAL_LIMIT, PART_NAME, none, "the name is too long (name_length)");
    if (!name_passes(rules, &sample->name, true))
        return refuse(fault, REFUSAL_NAME, PART_NAME, none,
                      "a name is letters, digits, _ and :, not starting with a digit");
    return check_labels(rules, sample, fault) && check_value(sample, fault) &&
           check_time(rules, sample, fault);
}
