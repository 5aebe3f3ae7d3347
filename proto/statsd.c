#include "proto/statsd.h"

#include <math.h>

static bool read_type(struct metric_line *line, struct statsd *out) {
    static const struct {
        const char *word;
        enum statsd_kind kind;
    } types[] = {{"c", STATSD_COUNTER},   {"m", STATSD_COUNTER},   {"g", STATSD_GAUGE}, {"ms", STATSD_TIMER},
                 {"h", STATSD_HISTOGRAM}, {"d", STATSD_HISTOGRAM}, {"s", STATSD_SET}};
    char *start = line->at;
    struct span word = metric_line_word(line, "|", "");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (span_equal(word, span_text(types[i].word))) {
            out->kind = types[i].kind;
            return true;
        }
    return metric_line_fail_at(line, start, "the type is one of c, g, ms, h, d, s");
}

static bool read_tags(struct metric_line *line, struct statsd *out) {
    while (line->at < line->end && *line->at != '|') {
        if (metric_line_skip(line, ','))
            continue;
        if (out->tags_n == SAMPLE_LABELS)
            return metric_line_fail(line, "too many tags");
        struct sample_label *tag = &out->tags[out->tags_n++];
        tag->name = metric_line_word(line, ":,|", "");
        if (tag->name.n == 0)
            return metric_line_fail(line, "a tag without a name");
        tag->value = metric_line_skip(line, ':') ? metric_line_word(line, ",|", "") : span_text("true");
    }
    return true;
}

static bool read_rate(struct metric_line *line, struct statsd *out) {
    const char *start = line->at - 1;
    return (metric_number(metric_line_word(line, "|", ""), &out->rate) && out->rate > 0 && out->rate <= 1) ||
           metric_line_fail_at(line, start, "a rate is above 0 and at most 1");
}

static bool read_time(struct metric_line *line, struct statsd *out) {
    const char *start = line->at - 1;
    out->has_time = metric_integer(metric_line_word(line, "|", ""), &out->time_ms) &&
                    !__builtin_mul_overflow(out->time_ms, 1000, &out->time_ms);
    return out->has_time ||
           metric_line_fail_at(line, start, "a time is a whole number of seconds since 1970");
}

static bool read_extras(struct metric_line *line, struct statsd *out) {
    while (metric_line_skip(line, '|')) {
        bool good = metric_line_skip(line, '@')   ? read_rate(line, out)
                    : metric_line_skip(line, '#') ? read_tags(line, out)
                    : metric_line_skip(line, 'T') ? read_time(line, out)
                                                  : true;
        if (!good)
            return false;
        metric_line_word(line, "|", ""); /* a container id and the like: ignored */
    }
    return line->at == line->end || metric_line_fail(line, "not expected here");
}

bool statsd_next(const struct metric_line *line, struct statsd *statsd, struct statsd_value *out) {
    struct span *rest = &statsd->values;
    const char *start = rest->p, *end = rest->p ? memchr(start, ':', rest->n) : NULL;
    if (!start)
        return false;
    struct span value = end ? span_of(start, (size_t)(end - start)) : *rest;
    *rest = end ? span_of(end + 1, rest->n - value.n - 1) : span_of(NULL, 0);
    out->column = (size_t)(start - line->start) + 1;
    out->relative = statsd->kind == STATSD_GAUGE && value.n > 0 && (value.p[0] == '+' || value.p[0] == '-');
    if (!metric_number(value, &out->number))
        out->number = NAN;
    return true;
}

/* Are all of them numbers? */
static bool check_values(struct metric_line *line, const struct statsd *statsd) {
    struct statsd copy = *statsd;
    struct statsd_value value;
    while (statsd->kind != STATSD_SET && statsd_next(line, &copy, &value))
        if (isnan(value.number))
            return metric_line_fail_at(line, line->start + value.column - 1, "the value is not a number");
    return true;
}

bool statsd_read(struct metric_line *line, struct statsd *out) {
    out->tags_n = 0;
    out->rate = 1;
    out->has_time = false;
    out->name = metric_line_word(line, ":|", "");
    if (out->name.n == 0)
        return metric_line_fail(line, "the name is missing");
    if (!metric_line_skip(line, ':'))
        return metric_line_fail(line, "the name is followed by :");
    out->values = metric_line_word(line, "|", "");
    if (!metric_line_skip(line, '|'))
        return metric_line_fail(line, "the value is followed by |");
    return read_type(line, out) && check_values(line, out) && read_extras(line, out);
}
