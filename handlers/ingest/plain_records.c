#include "handlers/ingest/plain_records.h"

#include "handlers/ingest/observation.h"
#include "proto/jsontext.h"
#include "proto/metric_line.h"

#define DEPTH   8
#define INTEGER 18 /* digits of an integer that fits in any case */

enum member { NAME, TYPE, VALUE, TIMESTAMP, TAGS, MEMBERS };

/* A string's text, if it has no escapes. */
static bool plain_text(struct span value, struct span *text) {
    if (value.p[0] != '"' || memchr(value.p, '\\', value.n))
        return false;
    *text = span_of(value.p + 1, value.n - 2);
    return true;
}

static bool plain_number(struct span value, double *number) {
    if (jsontext_kind(value) != JSONTEXT_NUMBER || span_equal(value, span_text("-0")) ||
        (value.n > INTEGER && !memchr(value.p, '.', value.n) && !memchr(value.p, 'e', value.n)))
        return false;
    return metric_number(value, number);
}

static bool plain_type(struct span value, struct sample *sample) {
    struct span text;
    if (!plain_text(value, &text))
        return false;
    sample->type = sample_type_named(text, SAMPLE_SUMMARY);
    return sample->type != SAMPLE_SUMMARY;
}

static bool plain_time(struct span value, struct sample *sample) {
    int64_t time = 0;
    if (value.n > 15)
        return false;
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] < '0' || value.p[i] > '9')
            return false;
        time = 10 * time + value.p[i] - '0';
    }
    sample->time_ms = time;
    return true;
}

/* A repeated name is found when the sample is checked, unless its values are empty. */
static bool plain_tags(struct span value, struct sample *sample) {
    struct span rest, name, text;
    if (jsontext_kind(value) != JSONTEXT_OBJECT)
        return false;
    rest = jsontext_inside(value);
    while (jsontext_member(&rest, &name, &text)) {
        struct sample_label *label = &sample->labels[sample->labels_n];
        if (sample->labels_n == SAMPLE_LABELS || !plain_text(name, &label->name) ||
            !plain_text(text, &label->value) || label->value.n == 0)
            return false;
        sample->labels_n++;
    }
    return true;
}

static enum member member_of(struct span name) {
    static const char *const names[] = {[NAME] = "\"name\"",
                                        [TYPE] = "\"type\"",
                                        [VALUE] = "\"value\"",
                                        [TIMESTAMP] = "\"timestamp\"",
                                        [TAGS] = "\"tags\""};
    int i = 0;
    while (i < MEMBERS && !span_equal(name, span_text(names[i])))
        i++;
    return (enum member)i;
}

static bool read_member(enum member member, struct span value, struct sample *sample) {
    switch (member) {
    case NAME:
        return plain_text(value, &sample->name);
    case TYPE:
        return plain_type(value, sample);
    case VALUE:
        return plain_number(value, &sample->value);
    case TIMESTAMP:
        return plain_time(value, sample);
    case TAGS:
        return plain_tags(value, sample);
    default:
        return false;
    }
}

static bool read_record(struct decoding *decoding, struct span object, uint32_t number) {
    struct sample sample;
    struct span rest, name, value;
    struct fault fault;
    unsigned seen = 0;
    if (jsontext_kind(object) != JSONTEXT_OBJECT)
        return false;
    sample.name = span_of(NULL, 0);
    sample.type = SAMPLE_GAUGE;
    sample.cumulative = false;
    sample.labels_n = sample.bounds_n = 0;
    sample.time_ms = decoding->rules.now_ms;
    rest = jsontext_inside(object);
    while (jsontext_member(&rest, &name, &value)) {
        enum member member = member_of(name);
        if ((seen & 1u << member) || !read_member(member, value, &sample))
            return false;
        seen |= 1u << member;
    }
    if (!(seen & 1u << NAME) || !(seen & 1u << VALUE))
        return false;
    if (sample.type == SAMPLE_HISTOGRAM)
        observation_set(&sample, 1);
    return decoding_take(decoding, &sample, number, &fault);
}

/* An object a line. */
static bool read_lines(struct decoding *decoding, struct span body) {
    struct span value;
    for (uint32_t number = 1; body.n > 0; number++) {
        const char *end = memchr(body.p, '\n', body.n);
        struct span line = span_of(body.p, end ? (size_t)(end - body.p) : body.n);
        body = span_of(body.p + line.n + (end != NULL), body.n - line.n - (end != NULL));
        if (jsontext_is_blank(line))
            continue;
        if (jsontext_check(line, DEPTH, &value) != NULL || !read_record(decoding, value, number))
            return false;
    }
    decoding->batch->by_line = decoding->batch->count > 0;
    return true;
}

/* One text that is an object or an array of them. */
static bool read_document(struct decoding *decoding, struct span value) {
    struct span rest, object;
    if (jsontext_kind(value) == JSONTEXT_OBJECT)
        return read_record(decoding, value, 0);
    if (jsontext_kind(value) != JSONTEXT_ARRAY)
        return false;
    decoding->batch->in_array = true;
    rest = jsontext_inside(value);
    for (uint32_t i = 0; jsontext_element(&rest, &object); i++)
        if (!read_record(decoding, object, i))
            return false;
    return true;
}

bool plain_records_decode(struct decoding *decoding, struct span body) {
    struct batch *batch = decoding->batch;
    struct span value;
    bool good;
    if (body.n == 0)
        return false;
    if (jsontext_check(body, DEPTH, &value) == NULL)
        good = read_document(decoding, value);
    else
        good = memchr(body.p, '\n', body.n) && read_lines(decoding, body);
    if (good && batch->count > 0)
        return true;
    batch->n = RECORD_HEAD;
    batch->count = 0;
    return false;
}
