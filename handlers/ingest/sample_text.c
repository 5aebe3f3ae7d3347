#include "handlers/ingest/sample_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...) {
    char piece[160];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(piece, sizeof(piece), format, arguments);
    va_end(arguments);
    text_add(text, span_of(piece, (size_t)n));
}

/* 15 digits if they read back as the same number, else 17; always in the form of a real, not of an integer. */
static void add_real(struct text *text, double value) {
    char form[32];
    if (!isfinite(value)) {
        text_add_constant(text, "null");
        return;
    }
    snprintf(form, sizeof(form), "%.15g", value);
    if (strtod(form, NULL) != value)
        snprintf(form, sizeof(form), "%.17g", value);
    text_add_constant(text, form);
    if (!strpbrk(form, ".e"))
        text_add_constant(text, ".0");
}

static void add_reals(struct text *text, const char *name, const double *values, unsigned n) {
    add(text, ",\"%s\":[", name);
    for (unsigned i = 0; i < n; i++) {
        text_add_constant(text, i ? "," : "");
        add_real(text, values[i]);
    }
    text_add_constant(text, "]");
}

static void add_histogram(struct text *text, const struct sample *sample) {
    text_add_constant(text, "{\"sum\":");
    add_real(text, sample->value);
    add_reals(text, "bounds", sample->bounds, sample->bounds_n);
    text_add_constant(text, ",\"counts\":[");
    for (unsigned i = 0; i <= sample->bounds_n; i++)
        add(text, "%s%" PRIu64, i ? "," : "", sample->counts[i]);
    text_add_constant(text, "]}");
}

static void add_summary(struct text *text, const struct sample *sample) {
    text_add_constant(text, "{\"sum\":");
    add_real(text, sample->value);
    add(text, ",\"count\":%" PRIu64, sample->counts[0]);
    add_reals(text, "quantiles", sample->bounds, sample->bounds_n);
    add_reals(text, "values", sample->values, sample->bounds_n);
    text_add_constant(text, "}");
}

void sample_text_add(struct text *text, const struct record *record, uint64_t sequence,
                     const struct sample *sample) {
    add(text, "{\"seq\":%" PRIu64 ",\"received\":%" PRId64 ",\"format\":\"%s\",\"name\":", sequence,
        record->time_ms, record_format_name(record->format));
    text_add_quoted(text, sample->name);
    add(text, ",\"type\":\"%s\",\"timestamp\":%" PRId64 ",\"value\":", sample_type_name(sample->type),
        sample->time_ms);
    if (sample->type == SAMPLE_HISTOGRAM)
        add_histogram(text, sample);
    else if (sample->type == SAMPLE_SUMMARY)
        add_summary(text, sample);
    else
        add_real(text, sample->value);
    text_add_constant(text, sample->cumulative ? ",\"cumulative\":true,\"tags\":{" : ",\"tags\":{");
    for (unsigned i = 0; i < sample->labels_n; i++) {
        text_add_constant(text, i ? "," : "");
        text_add_quoted(text, sample->labels[i].name);
        text_add_constant(text, ":");
        text_add_quoted(text, sample->labels[i].value);
    }
    text_add_constant(text, "}}\n");
}
