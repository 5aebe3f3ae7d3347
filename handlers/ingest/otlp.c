#include "handlers/ingest/otlp.h"

#include <inttypes.h>
#include <stdio.h>

#define VALUE_TEXT 32   /* bytes of a number or boolean as a label's value */
#define JOB_TEXT   2048 /* of a job with a namespace */

/* Values of labels that are not part of the body's text. */
struct value_texts {
    char text[SAMPLE_LABELS][VALUE_TEXT];
    char job[JOB_TEXT];
};

static bool refuse(struct decoding *decoding, uint32_t number, const char *pointer, enum refusal code,
                   const char *message) {
    struct place place = {.number = number, .pointer = pointer};
    decoding_refuse(decoding, &place, code, message);
    return false;
}

/* False: this kind of value cannot be a label's. */
static bool label_value(const struct otlp_attribute *attribute, char text[VALUE_TEXT], struct span *out) {
    switch (attribute->kind) {
    case OTLP_TEXT:
        *out = attribute->text;
        return true;
    case OTLP_EMPTY:
        *out = span_of("", 0);
        return true;
    case OTLP_BOOL:
        *out = span_text(attribute->number ? "true" : "false");
        return true;
    case OTLP_INT:
        snprintf(text, VALUE_TEXT, "%" PRId64, attribute->number);
        break;
    case OTLP_DOUBLE:
        snprintf(text, VALUE_TEXT, "%.17g", attribute->real);
        break;
    case OTLP_COMPLEX:
        return false;
    }
    *out = span_text(text);
    return true;
}

/* Sets a label, replacing an attribute of the point with this name. */
static void set_label(struct sample *sample, const char *name, struct span value) {
    unsigned i = 0;
    while (i < sample->labels_n && !span_equal(sample->labels[i].name, span_text(name)))
        i++;
    if (value.n == 0 || i == SAMPLE_LABELS)
        return;
    sample->labels[i] = (struct sample_label){span_text(name), value};
    sample->labels_n += i == sample->labels_n;
}

/* Who sends, as labels of Prometheus (OpenTelemetry's "Prometheus and OpenMetrics Compatibility", resource attributes).
 * False: too long. */
static bool add_resource(struct sample *sample, const struct otlp_resource *resource, char job[JOB_TEXT]) {
    struct span namespace = resource->namespace, service = resource->service;
    if (namespace.n > 0 && service.n > 0) {
        if (namespace.n + service.n + 1 > JOB_TEXT)
            return false;
        memcpy(job, namespace.p, namespace.n);
        job[namespace.n] = '/';
        memcpy(job + namespace.n + 1, service.p, service.n);
        service = span_of(job, namespace.n + 1 + service.n);
    }
    set_label(sample, "job", service);
    set_label(sample, "instance", resource->instance);
    return true;
}

/* NULL, or why the attributes are no labels. */
static const char *set_labels(struct sample *sample, const struct otlp_point *point,
                              struct value_texts *texts) {
    if (point->attributes_n + 2 > SAMPLE_LABELS)
        return "too many attributes";
    for (unsigned i = 0; i < point->attributes_n; i++) {
        struct sample_label *label = &sample->labels[sample->labels_n++];
        label->name = point->attributes[i].key;
        if (!label_value(&point->attributes[i], texts->text[i], &label->value))
            return "an attribute's value is an array, a list or bytes";
    }
    return add_resource(sample, &point->resource, texts->job) ? NULL : "the service's name is too long";
}

/* NULL, or why the point's kind cannot be taken. */
static const char *set_type(struct sample *sample, const struct otlp_point *point) {
    bool delta = point->temporality == OTLP_DELTA, cumulative = point->temporality == OTLP_CUMULATIVE;
    sample->cumulative = cumulative;
    switch (point->kind) {
    case OTLP_GAUGE:
        sample->type = SAMPLE_GAUGE;
        sample->cumulative = false;
        return NULL;
    case OTLP_SUM:
        sample->type = point->monotonic ? SAMPLE_COUNTER : SAMPLE_GAUGE;
        if (!point->monotonic && delta)
            return "a sum of differences that may go down cannot be shown";
        sample->cumulative = point->monotonic && cumulative;
        return delta || cumulative ? NULL : "the aggregation temporality is neither delta nor cumulative";
    case OTLP_HISTOGRAM:
        sample->type = SAMPLE_HISTOGRAM;
        return delta || cumulative ? NULL : "the aggregation temporality is neither delta nor cumulative";
    default:
        return "only gauges, sums and histograms with explicit bounds are supported";
    }
}

/* NULL, or why the buckets are invalid. No buckets at all mean a single one, to infinity. A count of 0 may mean that
 * none was given. */
static const char *set_buckets(struct sample *sample, const struct otlp_point *point) {
    uint64_t all = 0;
    if (point->bounds_n > SAMPLE_BOUNDS)
        return "too many buckets";
    if (point->counts_n != point->bounds_n + 1 && (point->counts_n != 0 || point->bounds_n != 0))
        return "a histogram has one bucket count more than bounds";
    sample->bounds_n = (unsigned)point->bounds_n;
    memcpy(sample->bounds, point->bounds, point->bounds_n * sizeof(*point->bounds));
    memcpy(sample->counts, point->counts, (point->bounds_n + 1) * sizeof(*point->counts));
    if (point->counts_n == 0)
        sample->counts[0] = point->count;
    for (size_t i = 0; i < point->counts_n; i++)
        all += point->counts[i];
    if (point->counts_n > 0 && point->count > 0 && all != point->count)
        return "a histogram's count is not the sum of its buckets' counts";
    return NULL;
}

void otlp_take(struct decoding *decoding, const struct otlp_point *point, uint32_t number,
               const char *pointer) {
    struct sample sample = {.name = point->name, .value = point->value};
    struct value_texts texts;
    struct fault fault;
    const char *reason = set_type(&sample, point);
    if (reason) {
        refuse(decoding, number, pointer, REFUSAL_TYPE, reason);
        return;
    }
    if (point->no_value || (!point->has_value && point->kind != OTLP_HISTOGRAM)) {
        refuse(decoding, number, pointer, REFUSAL_FIELD, "the point has no value");
        return;
    }
    sample.time_ms = point->time_ns ? (int64_t)(point->time_ns / 1000000) : decoding->rules.now_ms;
    if (sample.type == SAMPLE_HISTOGRAM && (reason = set_buckets(&sample, point)) != NULL) {
        refuse(decoding, number, pointer, REFUSAL_LIMIT, reason);
        return;
    }
    if ((reason = set_labels(&sample, point, &texts)) != NULL)
        refuse(decoding, number, pointer, REFUSAL_LABEL, reason);
    else if (!decoding_take(decoding, &sample, number, &fault))
        refuse(decoding, number, pointer, fault.code, fault.message);
}

struct protobuf_context {
    struct decoding *decoding;
    uint32_t number;
};

static void take_protobuf(void *argument, const struct otlp_point *point) {
    struct protobuf_context *context = argument;
    otlp_take(context->decoding, point, context->number++, NULL);
}

void otlp_protobuf_decode(struct decoding *decoding, struct span body) {
    struct protobuf_context context = {.decoding = decoding};
    char message[160];
    size_t at;
    const char *reason = otlp_read(body, take_protobuf, &context, &at);
    if (!reason)
        return;
    snprintf(message, sizeof(message), "at byte %zu: %s", at, reason);
    struct place place = {.number = context.number};
    decoding_spoil(decoding, &place, message);
}
