#include "proto/influx.h"

static bool read_tags(struct metric_line *line, struct influx_point *out) {
    while (metric_line_skip(line, ',')) {
        if (out->tags_n == SAMPLE_LABELS)
            return metric_line_fail(line, "too many tags");
        struct sample_label *tag = &out->tags[out->tags_n++];
        tag->name = metric_line_word(line, ",= ", ",= ");
        if (tag->name.n == 0)
            return metric_line_fail(line, "a tag without a key");
        if (!metric_line_skip(line, '='))
            return metric_line_fail(line, "a tag's key is followed by =");
        tag->value = metric_line_word(line, ",= ", ",= ");
        if (tag->value.n == 0)
            return metric_line_fail(line, "a tag without a value");
    }
    return true;
}

/* The rest of a string, text" with \" and \\; its content is not used. Newlines in it extend the line. */
static bool read_string(struct metric_line *line) {
    char *at = line->at;
    while (at < line->most && *at != '"')
        at += *at == '\\' && at + 1 < line->most ? 2 : 1;
    if (at >= line->most)
        return metric_line_fail_at(line, line->end, "a string without its closing quote");
    line->at = at + 1;
    if (line->at > line->end) {
        char *end = memchr(line->at, '\n', (size_t)(line->most - line->at));
        line->end = end ? end : line->most;
        line->end -= line->end > line->at && line->end[-1] == '\r';
    }
    return true;
}

static bool is_one_of(struct span text, const char *const words[], size_t n) {
    for (size_t i = 0; i < n; i++)
        if (span_equal(text, span_text(words[i])))
            return true;
    return false;
}

static bool read_boolean(struct span text, double *value) {
    static const char *const yes[] = {"t", "T", "true", "True", "TRUE"}, *const no[] = {"f", "F", "false",
                                                                                        "False", "FALSE"};
    *value = is_one_of(text, yes, 5);
    return *value > 0 || is_one_of(text, no, 5);
}

/* Digits without a sign, up to 2^64 - 1. */
static bool read_natural(struct span text, uint64_t *out) {
    *out = 0;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < '0' || text.p[i] > '9' || __builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, (uint64_t)(text.p[i] - '0'), out))
            return false;
    return text.n > 0;
}

static bool read_value(struct metric_line *line, struct influx_field *field) {
    char *start = line->at;
    field->column = (size_t)(start - line->start) + 1;
    if (metric_line_skip(line, '"')) {
        field->kind = INFLUX_STRING;
        return read_string(line);
    }
    struct span text = metric_line_word(line, ", ", "");
    field->kind = INFLUX_BOOLEAN;
    if (read_boolean(text, &field->value))
        return true;
    field->kind = INFLUX_NUMBER;
    if (text.n > 1 && (text.p[text.n - 1] == 'i' || text.p[text.n - 1] == 'u')) {
        bool is_signed = text.p[--text.n] == 'i';
        int64_t integer = 0;
        uint64_t natural = 0;
        if (is_signed ? !metric_integer(text, &integer) : !read_natural(text, &natural))
            return metric_line_fail_at(line, start, "not an integer of 64 bits");
        field->value = is_signed ? (double)integer : (double)natural;
        return true;
    }
    return metric_number(text, &field->value) ||
           metric_line_fail_at(line, start, "not a number, boolean or string");
}

static bool read_fields(struct metric_line *line, struct influx_point *out) {
    do {
        if (out->fields_n == INFLUX_FIELDS)
            return metric_line_fail(line, "too many fields");
        struct influx_field *field = &out->fields[out->fields_n++];
        field->key = metric_line_word(line, ",= ", ",= ");
        if (field->key.n == 0)
            return metric_line_fail(line, "a field without a key");
        if (!metric_line_skip(line, '='))
            return metric_line_fail(line, "a field's key is followed by =");
        if (!read_value(line, field))
            return false;
    } while (metric_line_skip(line, ','));
    return true;
}

bool influx_read(struct metric_line *line, struct influx_point *out) {
    out->tags_n = out->fields_n = 0;
    out->has_time = false;
    metric_line_spaces(line);
    out->measurement = metric_line_word(line, ", ", ", ");
    if (out->measurement.n == 0)
        return metric_line_fail(line, "the measurement is missing");
    if (!read_tags(line, out))
        return false;
    if (!metric_line_skip(line, ' '))
        return metric_line_fail(line, "fields are missing");
    metric_line_spaces(line);
    if (!read_fields(line, out))
        return false;
    metric_line_spaces(line);
    if (line->at == line->end)
        return true;
    char *start = line->at;
    out->has_time = true;
    out->time_column = (size_t)(start - line->start) + 1;
    if (!metric_integer(metric_line_word(line, " ", ""), &out->time))
        return metric_line_fail_at(line, start, "the timestamp is not an integer");
    metric_line_spaces(line);
    return line->at == line->end || metric_line_fail(line, "something follows the timestamp");
}
