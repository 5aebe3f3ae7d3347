#include "proto/statsd.h"

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
    do {
        if (out->tags_n == SAMPLE_LABELS)
            return metric_line_fail(line, "too many tags");
        struct sample_label *tag = &out->tags[out->tags_n++];
        tag->name = metric_line_word(line, ":,|", "");
        if (tag->name.n == 0)
            return metric_line_fail(line, "a tag without a name");
        tag->value = metric_line_skip(line, ':') ? metric_line_word(line, ",|", "") : span_text("true");
    } while (metric_line_skip(line, ','));
    return true;
}

static bool read_extras(struct metric_line *line, struct statsd *out) {
    while (metric_line_skip(line, '|')) {
        char *start = line->at;
        if (metric_line_skip(line, '@')) {
            if (!metric_number(metric_line_word(line, "|", ""), &out->rate) ||
                !(out->rate > 0 && out->rate <= 1))
                return metric_line_fail_at(line, start, "a rate is above 0 and at most 1");
        } else if (metric_line_skip(line, '#')) {
            if (!read_tags(line, out))
                return false;
        } else {
            metric_line_word(line, "|", ""); /* container, timestamp: nothing of ours */
        }
    }
    return line->at == line->end || metric_line_fail(line, "not expected here");
}

bool statsd_read(struct metric_line *line, struct statsd *out) {
    out->tags_n = 0;
    out->rate = 1;
    out->value = 0;
    out->name = metric_line_word(line, ":|", "");
    if (out->name.n == 0)
        return metric_line_fail(line, "the name is missing");
    if (!metric_line_skip(line, ':'))
        return metric_line_fail(line, "the name is followed by :");
    char *start = line->at;
    struct span value = metric_line_word(line, "|", "");
    if (!metric_line_skip(line, '|'))
        return metric_line_fail(line, "the value is followed by |");
    if (!read_type(line, out))
        return false;
    if (out->kind != STATSD_SET && !metric_number(value, &out->value))
        return metric_line_fail_at(line, start, "the value is not a number");
    out->relative = out->kind == STATSD_GAUGE && (value.p[0] == '+' || value.p[0] == '-');
    return read_extras(line, out);
}
