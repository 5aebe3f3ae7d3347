#include "handlers/ingest/json_records.h"

#include "handlers/ingest/json_body.h"
#include "handlers/ingest/observation.h"
#include "handlers/ingest/plain_records.h"
#include "proto/jsontext.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#define POINTER 512 /* bytes of a JSON pointer in an answer; longer ones are cut */

/* Where the current record is. */
struct spot {
    struct decoding *decoding;
    bool is_line, in_array;
    uint32_t number;
};

/* member of the record, and below it a member of that; either may be NULL. */
static bool refuse(const struct spot *spot, const char *member, struct span below, enum refusal code,
                   const char *message) {
    char pointer[POINTER], *at = pointer, *end = pointer + sizeof(pointer) - 3;
    if (spot->in_array)
        at += sprintf(at, "/%u", spot->number);
    if (member)
        at += sprintf(at, "/%s", member);
    if (below.p)
        *at++ = '/';
    for (size_t i = 0; i < below.n && at < end; i++) { /* RFC 6901, 3 */
        if (below.p[i] == '~' || below.p[i] == '/')
            *at++ = '~';
        *at++ = below.p[i] == '~' ? '0' : below.p[i] == '/' ? '1' : below.p[i];
    }
    *at = '\0';
    struct place place = {.is_line = spot->is_line, .number = spot->number, .pointer = pointer};
    decoding_refuse(spot->decoding, &place, code, message);
    return false;
}

static const struct span nothing = {NULL, 0};

static struct span text_of(const json_t *string) {
    return span_of(json_string_value(string), json_string_length(string));
}

static bool read_type(const struct spot *spot, const json_t *object, struct sample *sample) {
    const json_t *type = json_object_get(object, "type");
    sample->type = SAMPLE_GAUGE;
    if (!type)
        return true;
    if (json_is_string(type))
        sample->type = sample_type_named(text_of(type), SAMPLE_SUMMARY);
    if (json_is_string(type) && sample->type != SAMPLE_SUMMARY)
        return true;
    return refuse(spot, "type", nothing, REFUSAL_TYPE, "type is one of gauge, counter, histogram");
}

/* A whole number from 0 on; a real where another number of the record has more than 64 bits. */
static bool is_count(const json_t *count) {
    double number = json_number_value(count);
    return json_is_number(count) && number >= 0 && number < 9e15 && floor(number) == number;
}

static bool read_buckets(const struct spot *spot, const json_t *object, struct sample *sample) {
    const json_t *bounds = json_object_get(object, "bounds"), *counts = json_object_get(object, "counts");
    const json_t *sum = json_object_get(object, "sum");
    if (!json_is_number(sum) || !json_is_array(bounds) || !json_is_array(counts) ||
        json_array_size(counts) != json_array_size(bounds) + 1)
        return refuse(spot, "value", nothing, REFUSAL_FIELD,
                      "a histogram has a number sum, and arrays bounds and counts, which has one more");
    if (json_array_size(bounds) > SAMPLE_BOUNDS)
        return refuse(spot, "value", span_text("bounds"), REFUSAL_LIMIT, "too many buckets, at most 65");
    sample->value = json_number_value(sum);
    sample->bounds_n = (unsigned)json_array_size(bounds);
    for (unsigned i = 0; i <= sample->bounds_n; i++) {
        const json_t *bound = json_array_get(bounds, i), *count = json_array_get(counts, i);
        if ((bound && !json_is_number(bound)) || !is_count(count))
            return refuse(spot, "value", nothing, REFUSAL_FIELD,
                          "bounds are numbers, counts integers from 0 on");
        if (bound)
            sample->bounds[i] = json_number_value(bound);
        sample->counts[i] =
            json_is_integer(count) ? (uint64_t)json_integer_value(count) : (uint64_t)json_real_value(count);
    }
    return true;
}

static bool read_value(const struct spot *spot, const json_t *object, struct sample *sample) {
    const json_t *value = json_object_get(object, "value");
    if (!value)
        return refuse(spot, "value", nothing, REFUSAL_FIELD, "value is missing");
    if (json_is_object(value) && sample->type == SAMPLE_HISTOGRAM)
        return read_buckets(spot, value, sample);
    if (!json_is_number(value))
        return refuse(spot, "value", nothing, REFUSAL_FIELD, "value is not a number");
    sample->value = json_number_value(value);
    if (sample->type == SAMPLE_HISTOGRAM)
        observation_set(sample, 1);
    return true;
}

static bool read_time(const struct spot *spot, const json_t *object, struct sample *sample) {
    const json_t *time = json_object_get(object, "timestamp");
    sample->time_ms = spot->decoding->rules.now_ms;
    if (!time)
        return true;
    if (!json_is_number(time) || fabs(json_number_value(time)) > 9e15)
        return refuse(spot, "timestamp", nothing, REFUSAL_TIME,
                      "timestamp is not a number of milliseconds since 1970");
    sample->time_ms =
        json_is_integer(time) ? json_integer_value(time) : (int64_t)floor(json_real_value(time));
    return true;
}

static bool read_tags(const struct spot *spot, json_t *object, struct sample *sample) {
    json_t *tags = json_object_get(object, "tags");
    sample->labels_n = 0;
    if (!tags)
        return true;
    if (!json_is_object(tags))
        return refuse(spot, "tags", nothing, REFUSAL_FIELD, "tags is not an object");
    if (json_object_size(tags) > SAMPLE_LABELS)
        return refuse(spot, "tags", nothing, REFUSAL_LIMIT, "too many labels");
    for (void *at = json_object_iter(tags); at; at = json_object_iter_next(tags, at)) {
        const json_t *value = json_object_iter_value(at);
        struct sample_label *label = &sample->labels[sample->labels_n++];
        label->name = span_text(json_object_iter_key(at));
        if (!json_is_string(value))
            return refuse(spot, "tags", label->name, REFUSAL_LABEL, "a tag's value is a string");
        label->value = text_of(value);
    }
    return true;
}

static void read_record(const struct spot *spot, json_t *object) {
    static const char *const members[] = {[PART_NAME] = "name",
                                          [PART_VALUE] = "value",
                                          [PART_TIME] = "timestamp",
                                          [PART_LABEL] = "tags",
                                          [PART_LABEL_VALUE] = "tags"};
    struct sample sample;
    struct fault fault;
    if (!json_is_object(object)) {
        refuse(spot, NULL, nothing, REFUSAL_SYNTAX, "a record is an object");
        return;
    }
    const json_t *name = json_object_get(object, "name");
    if (!json_is_string(name)) {
        refuse(spot, "name", nothing, REFUSAL_FIELD, name ? "name is not a string" : "name is missing");
        return;
    }
    sample.name = text_of(name);
    sample.cumulative = false;
    sample.bounds_n = 0;
    if (read_type(spot, object, &sample) && read_value(spot, object, &sample) &&
        read_time(spot, object, &sample) && read_tags(spot, object, &sample) &&
        !decoding_take(spot->decoding, &sample, spot->number, &fault))
        refuse(spot, members[fault.part], fault.label, fault.code, fault.message);
}

/* A text that is no value; it starts in this line of the body. */
static void refuse_text(struct decoding *decoding, const struct json_obstacle *obstacle, struct span text,
                        uint32_t line) {
    struct place place = {.is_line = true};
    if (!obstacle->why) {
        decoding->error = -ENOMEM;
        return;
    }
    json_body_place(text, obstacle->at, &place.number, &place.column);
    place.number += line - 1;
    decoding_refuse(decoding, &place, REFUSAL_SYNTAX, obstacle->why);
}

void json_records_read(struct decoding *decoding, json_t *root) {
    struct spot spot = {.decoding = decoding, .in_array = json_is_array(root)};
    decoding->batch->in_array = spot.in_array;
    if (!spot.in_array) {
        read_record(&spot, root);
        return;
    }
    for (size_t i = 0; i < json_array_size(root); i++) {
        spot.number = (uint32_t)i;
        read_record(&spot, json_array_get(root, i));
    }
}

/* False: no line is JSON, each was refused. */
static bool read_lines(struct decoding *decoding, struct span body) {
    struct spot spot = {.decoding = decoding, .is_line = true};
    struct json_obstacle obstacle;
    bool any = false;
    decoding->batch->by_line = true;
    while (body.n > 0) {
        const char *end = memchr(body.p, '\n', body.n);
        struct span line = span_of(body.p, end ? (size_t)(end - body.p) : body.n);
        body = span_of(body.p + line.n + (end != NULL), body.n - line.n - (end != NULL));
        spot.number++;
        if (jsontext_is_blank(line))
            continue;
        json_t *root = json_body_load(line, JSON_VALUE_ONCE, &obstacle);
        if (root)
            read_record(&spot, root);
        else
            refuse_text(decoding, &obstacle, line, spot.number);
        any |= root != NULL;
        json_decref(root);
    }
    return any;
}

/* Reads the elements of an array one by one: a number that is too large, or a repeated name, affects only its own
 * record. False: the body is not an array, or not JSON. */
static bool read_elements(struct decoding *decoding, struct span body) {
    struct spot spot = {.decoding = decoding, .in_array = true};
    struct span value, rest;
    struct json_obstacle obstacle;
    if (jsontext_check(body, JSON_BODY_DEPTH, &value) != NULL || jsontext_kind(value) != JSONTEXT_ARRAY)
        return false;
    decoding->batch->in_array = true;
    rest = jsontext_inside(value);
    for (; jsontext_element(&rest, &value); spot.number++) {
        json_t *root = json_value(value, JSON_VALUE_ONCE | JSON_VALUE_REALS, &obstacle);
        if (root)
            read_record(&spot, root);
        else if (obstacle.why)
            refuse(&spot, NULL, nothing, REFUSAL_SYNTAX, obstacle.why);
        else
            decoding->error = -ENOMEM;
        json_decref(root);
    }
    return true;
}

static bool is_array(struct span body) {
    size_t i = 0;
    while (i < body.n && jsontext_is_blank(span_of(body.p + i, 1)))
        i++;
    return i < body.n && body.p[i] == '[';
}

/* One object, or one a line. */
static void read_objects(struct decoding *decoding, struct span body) {
    struct batch *batch = decoding->batch;
    struct json_obstacle obstacle;
    json_t *root = json_body_load(body, JSON_VALUE_ONCE, &obstacle);
    if (root) {
        json_records_read(decoding, root);
        json_decref(root);
        return;
    }
    if (!is_array(body) && read_lines(decoding, body))
        return;
    refusals_free(&batch->refusals); /* of lines that are none */
    batch->by_line = false;
    refuse_text(decoding, &obstacle, body, 1);
}

/* Skips a byte order mark (RFC 8259, 8.1). */
static struct span without_mark(struct span body) {
    bool marked = body.n >= 3 && memcmp(body.p, "\xef\xbb\xbf", 3) == 0;
    return marked ? span_of(body.p + 3, body.n - 3) : body;
}

void json_records_decode_any(struct decoding *decoding, struct span body) {
    body = without_mark(body);
    if (jsontext_is_blank(body))
        decoding_refuse(decoding, &(struct place){.is_line = true, .number = 1, .column = 1}, REFUSAL_SYNTAX,
                        "the body is empty");
    else if (!read_elements(decoding, body))
        read_objects(decoding, body);
}

void json_records_decode(struct decoding *decoding, struct span body) {
    if (!plain_records_decode(decoding, without_mark(body)) && !decoding->error)
        json_records_decode_any(decoding, body);
}
