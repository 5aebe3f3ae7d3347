#include "handlers/ingest/lines.h"
#include "handlers/ingest/prometheus_parts.h"

struct prometheus_context {
    struct prometheus_text text;
    struct span family; /* of the last TYPE line */
    bool counts;        /* it is a counter */
    struct prometheus_parts parts;
};

static void begin_family(struct prometheus_context *context, struct decoding *decoding) {
    struct span type = context->text.type;
    context->family = context->text.name;
    context->counts = span_equal(type, span_text("counter"));
    prometheus_parts_end(&context->parts, decoding);
    if (span_equal(type, span_text("histogram")))
        prometheus_parts_begin(&context->parts, context->family, SAMPLE_HISTOGRAM);
    else if (span_equal(type, span_text("summary")))
        prometheus_parts_begin(&context->parts, context->family, SAMPLE_SUMMARY);
}

/* A counter's samples have its name; in OpenMetrics with _total. */
static bool is_counter(const struct prometheus_context *context) {
    static const struct span total = {"_total", 6};
    struct span name = context->text.name, family = context->family;
    return context->counts && name.n >= family.n && memcmp(name.p, family.p, family.n) == 0 &&
           (name.n == family.n || span_equal(span_of(name.p + family.n, name.n - family.n), total));
}

static void take_value(const struct prometheus_context *context, const struct body_line *line) {
    const struct prometheus_text *text = &context->text;
    bool counter = is_counter(context);
    struct sample sample = {.name = text->name,
                            .type = counter ? SAMPLE_COUNTER : SAMPLE_GAUGE,
                            .cumulative = counter,
                            .value = text->value,
                            .time_ms = text->has_time ? text->time_ms : line->decoding->rules.now_ms};
    body_line_label(&sample, text->labels, text->labels_n);
    body_line_take(line, &sample, (struct body_line_columns){text->value_column, text->time_column});
}

static void prometheus_line(struct body_line *line, void *argument) {
    struct prometheus_context *context = argument;
    struct prometheus_text *text = &context->text;
    if (!prometheus_text_read(&line->text, text))
        body_line_refuse(line, line->text.column, REFUSAL_SYNTAX, line->text.error);
    else if (text->kind == PROMETHEUS_TYPE)
        begin_family(context, line->decoding);
    else if (text->kind == PROMETHEUS_SAMPLE && !prometheus_parts_add(&context->parts, line, text))
        take_value(context, line);
}

void prometheus_decode(struct decoding *decoding, struct span body) {
    struct prometheus_context context = {.counts = false};
    body_lines_each(decoding, body, prometheus_line, &context);
    prometheus_parts_end(&context.parts, decoding);
}
