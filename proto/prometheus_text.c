#include "proto/prometheus_text.h"

#define SECONDS_MOST 10000000000 /* of a time in seconds: in the year 2286, as milliseconds in April 1970 */

static bool is_type(struct span word) {
    static const char *const types[] = {"counter", "gauge",    "histogram",      "summary", "untyped",
                                        "unknown", "stateset", "gaugehistogram", "info"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (span_equal(word, span_text(types[i])))
            return true;
    return false;
}

/* # TYPE name type; all other comments, including HELP, are ignored. */
static bool read_comment(struct metric_line *line, struct prometheus_text *out) {
    metric_line_spaces(line);
    if (!span_equal(metric_line_word(line, " \t", ""), span_text("TYPE")))
        return true;
    metric_line_spaces(line);
    out->name = metric_line_word(line, " \t", "");
    metric_line_spaces(line);
    out->type = metric_line_word(line, " \t", "");
    metric_line_spaces(line);
    out->kind = PROMETHEUS_TYPE;
    if (out->name.n == 0 || out->type.n == 0)
        return metric_line_fail(line, "a TYPE line has a name and a type");
    if (!is_type(out->type))
        return metric_line_fail_at(line, out->type.p, "the type is none of Prometheus or OpenMetrics");
    return line->at == line->end || metric_line_fail(line, "something follows the type");
}

/* A label's value behind its opening quote: \\, \" and \n are escapes. */
static bool read_quoted(struct metric_line *line, struct span *value) {
    char *start = line->at, *out = start;
    for (; line->at < line->end && *line->at != '"'; line->at++) {
        char c = *line->at;
        if (c == '\\') {
            if (++line->at == line->end)
                break;
            c = *line->at == 'n' ? '\n' : *line->at;
            if (c != '\n' && c != '"' && c != '\\')
                return metric_line_fail(line, "an escape is one of \\\\, \\\" and \\n");
        }
        *out++ = c;
    }
    *value = span_of(start, (size_t)(out - start));
    return metric_line_skip(line, '"') || metric_line_fail(line, "a label's value without its closing quote");
}

static bool read_labels(struct metric_line *line, struct prometheus_text *out) {
    for (metric_line_spaces(line); !metric_line_skip(line, '}'); metric_line_spaces(line)) {
        if (out->labels_n == SAMPLE_LABELS)
            return metric_line_fail(line, "too many labels");
        struct sample_label *label = &out->labels[out->labels_n++];
        label->name = metric_line_word(line, "= \t,}\"", "");
        if (label->name.n == 0)
            return metric_line_fail(line, "a label's name is missing");
        metric_line_spaces(line);
        if (!metric_line_skip(line, '='))
            return metric_line_fail(line, "a label's name is followed by =");
        metric_line_spaces(line);
        if (!metric_line_skip(line, '"'))
            return metric_line_fail(line, "a label's value stands in quotes");
        if (!read_quoted(line, &label->value))
            return false;
        metric_line_spaces(line);
        if (!metric_line_skip(line, ',') && (line->at == line->end || *line->at != '}'))
            return metric_line_fail(line, "labels are separated by commas and end with }");
    }
    return true;
}

/* Milliseconds since 1970, which are whole; OpenMetrics has seconds, with or without a fraction. */
static bool read_time(struct span word, int64_t *time_ms) {
    double seconds;
    if (metric_integer(word, time_ms)) {
        *time_ms *= *time_ms > -SECONDS_MOST && *time_ms < SECONDS_MOST ? 1000 : 1;
        return true;
    }
    if (!metric_number(word, &seconds) || !(seconds > -SECONDS_MOST && seconds < SECONDS_MOST))
        return false;
    *time_ms = (int64_t)(seconds * 1000 + (seconds < 0 ? -0.5 : 0.5));
    return true;
}

/* # {labels} value, which OpenMetrics allows after a sample; ignored. */
static bool is_exemplar(const struct metric_line *line) {
    const char *at = line->at;
    if (line->end - at < 2 || *at++ != '#')
        return false;
    while (at < line->end && *at == ' ')
        at++;
    return at < line->end && *at == '{';
}

static bool read_sample(struct metric_line *line, struct prometheus_text *out) {
    out->name = metric_line_word(line, " \t{", "");
    if (out->name.n == 0)
        return metric_line_fail(line, "the name is missing");
    metric_line_spaces(line);
    if (metric_line_skip(line, '{') && !read_labels(line, out))
        return false;
    metric_line_spaces(line);
    char *start = line->at;
    out->value_column = (size_t)(start - line->start) + 1;
    if (!metric_number(metric_line_word(line, " \t", ""), &out->value))
        return metric_line_fail_at(line, start, "the value is not a number");
    metric_line_spaces(line);
    out->kind = PROMETHEUS_SAMPLE;
    if (line->at == line->end || is_exemplar(line))
        return true;
    start = line->at;
    out->has_time = true;
    out->time_column = (size_t)(start - line->start) + 1;
    if (!read_time(metric_line_word(line, " \t", ""), &out->time_ms))
        return metric_line_fail_at(line, start,
                                   "the timestamp is neither milliseconds nor seconds since 1970");
    metric_line_spaces(line);
    return line->at == line->end || is_exemplar(line) ||
           metric_line_fail(line, "something follows the timestamp");
}

bool prometheus_text_read(struct metric_line *line, struct prometheus_text *out) {
    out->kind = PROMETHEUS_NOTHING;
    out->labels_n = 0;
    out->has_time = false;
    metric_line_spaces(line);
    if (line->at == line->end)
        return true;
    return metric_line_skip(line, '#') ? read_comment(line, out) : read_sample(line, out);
}
