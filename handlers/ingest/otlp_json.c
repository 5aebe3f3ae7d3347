/* OTLP/JSON: protobuf's JSON with lowerCamelCase names, 64-bit integers as text or number, enums as numbers. Unknown
 * members are ignored. */
#include "handlers/ingest/otlp.h"

#include "handlers/ingest/json_body.h"
#include "proto/metric_line.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define POINTER 256

struct otlp_json {
    struct decoding *decoding;
    struct otlp_point point;
    const char *wrong; /* what makes the point in hand unreadable; NULL: nothing yet */
    uint32_t number;
    size_t resource, scope, metric; /* where the point is */
    const char *malformed;          /* the member that has another type than it must; NULL: none */
};

/* A member, or NULL if it is not there; null is not there either (protobuf's JSON mapping). */
static const json_t *any_of(const json_t *object, const char *name) {
    const json_t *member = json_object_get(object, name);
    return json_is_null(member) ? NULL : member;
}

/* The same for one that is an array or object. */
static const json_t *member_of(struct otlp_json *state, const json_t *object, const char *name,
                               json_type type) {
    const json_t *member = any_of(object, name);
    if (!member)
        return NULL;
    if (json_typeof(member) != type)
        state->malformed = name;
    return json_typeof(member) == type ? member : NULL;
}

/* An element of the array of this name. */
static const json_t *element_of(struct otlp_json *state, const json_t *array, size_t i, const char *name) {
    const json_t *element = json_array_get(array, i);
    if (!json_is_object(element))
        state->malformed = name;
    return element;
}

static struct span text_of(const json_t *value) {
    return json_is_string(value) ? span_of(json_string_value(value), json_string_length(value))
                                 : span_of("", 0);
}

/* A 64-bit integer as text or number; an absent one is 0. */
static int64_t integer_of(struct otlp_json *state, const json_t *value) {
    int64_t number = 0;
    if (json_is_integer(value))
        return json_integer_value(value);
    if (json_is_real(value) && fabs(json_real_value(value)) < 9e18 &&
        floor(json_real_value(value)) == json_real_value(value))
        return (int64_t)json_real_value(value); /* 1.0, 1e3: as protobuf's JSON mapping has it */
    if (value && (!json_is_string(value) || !metric_integer(text_of(value), &number)))
        state->wrong = "an integer is neither a number nor a text of digits";
    return number;
}

/* A double as number, or as one of the texts that JSON has no numbers for. */
static double double_of(struct otlp_json *state, const json_t *value) {
    double number = 0;
    if (json_is_number(value))
        return json_number_value(value);
    if (!json_is_string(value) || !metric_number(text_of(value), &number))
        state->wrong = "a value is not a number";
    return number;
}

static void read_attribute(struct otlp_json *state, const json_t *attribute, struct otlp_attribute *out) {
    const json_t *value = any_of(attribute, "value"), *member;
    *out = (struct otlp_attribute){.key = text_of(any_of(attribute, "key"))};
    if ((member = any_of(value, "stringValue"))) {
        out->kind = OTLP_TEXT;
        out->text = text_of(member);
    } else if ((member = any_of(value, "boolValue"))) {
        out->kind = OTLP_BOOL;
        out->number = json_is_true(member);
    } else if ((member = any_of(value, "intValue"))) {
        out->kind = OTLP_INT;
        out->number = integer_of(state, member);
    } else if ((member = any_of(value, "doubleValue"))) {
        out->kind = OTLP_DOUBLE;
        out->real = double_of(state, member);
    } else if (json_object_size(value) > 0) {
        out->kind = OTLP_COMPLEX;
    }
}

static void read_attributes(struct otlp_json *state, const json_t *list) {
    struct otlp_point *point = &state->point;
    point->attributes_n = (unsigned)json_array_size(list);
    for (unsigned i = 0; i < point->attributes_n && i < SAMPLE_LABELS; i++)
        read_attribute(state, json_array_get(list, i), &point->attributes[i]);
}

static void read_buckets(struct otlp_json *state, const json_t *object) {
    struct otlp_point *point = &state->point;
    const json_t *counts = member_of(state, object, "bucketCounts", JSON_ARRAY),
                 *bounds = member_of(state, object, "explicitBounds", JSON_ARRAY);
    int64_t all = integer_of(state, any_of(object, "count"));
    if (all < 0)
        state->wrong = "a histogram's count is negative";
    point->count = (uint64_t)all;
    point->counts_n = json_array_size(counts);
    point->bounds_n = json_array_size(bounds);
    for (size_t i = 0; i < point->counts_n && i <= SAMPLE_BOUNDS; i++) {
        int64_t count = integer_of(state, json_array_get(counts, i));
        if (count < 0)
            state->wrong = "a bucket's count is negative";
        point->counts[i] = (uint64_t)count;
    }
    for (size_t i = 0; i < point->bounds_n && i < SAMPLE_BOUNDS; i++)
        point->bounds[i] = double_of(state, json_array_get(bounds, i));
}

static void read_value(struct otlp_json *state, const json_t *object) {
    struct otlp_point *point = &state->point;
    const json_t *real = any_of(object, "asDouble"), *integer = any_of(object, "asInt");
    const json_t *sum = any_of(object, "sum");
    bool histogram = point->kind == OTLP_HISTOGRAM;
    point->value = 0;
    point->has_value = histogram ? sum != NULL : real || integer;
    if (point->has_value && (histogram || real))
        point->value = double_of(state, histogram ? sum : real);
    else if (point->has_value)
        point->value = (double)integer_of(state, integer);
}

/* The member's name is the kind's. */
static void read_point(struct otlp_json *state, const json_t *object, const char *kind, size_t index) {
    struct otlp_point *point = &state->point;
    char pointer[POINTER];
    snprintf(pointer, sizeof(pointer), "/resourceMetrics/%zu/scopeMetrics/%zu/metrics/%zu/%s/dataPoints/%zu",
             state->resource, state->scope, state->metric, kind, index);
    state->wrong = json_is_object(object) ? NULL : "a data point is an object";
    point->time_ns = (uint64_t)integer_of(state, any_of(object, "timeUnixNano"));
    point->no_value = integer_of(state, any_of(object, "flags")) & 1;
    point->bounds_n = point->counts_n = 0;
    read_value(state, object);
    if (point->kind == OTLP_HISTOGRAM)
        read_buckets(state, object);
    read_attributes(state, member_of(state, object, "attributes", JSON_ARRAY));
    uint32_t number = state->number++;
    if (!state->wrong) {
        otlp_take(state->decoding, point, number, pointer);
        return;
    }
    struct place place = {.number = number, .pointer = pointer};
    decoding_refuse(state->decoding, &place, REFUSAL_FIELD, state->wrong);
}

static void read_metric(struct otlp_json *state, const json_t *metric) {
    static const struct {
        const char *name;
        enum otlp_kind kind;
    } kinds[] = {{"gauge", OTLP_GAUGE},
                 {"sum", OTLP_SUM},
                 {"histogram", OTLP_HISTOGRAM},
                 {"exponentialHistogram", OTLP_OTHER},
                 {"summary", OTLP_OTHER}};
    state->point.name = text_of(any_of(metric, "name"));
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        const json_t *data = member_of(state, metric, kinds[k].name, JSON_OBJECT);
        const json_t *points = member_of(state, data, "dataPoints", JSON_ARRAY);
        state->point.kind = kinds[k].kind;
        state->point.monotonic = json_is_true(any_of(data, "isMonotonic"));
        state->point.temporality = (uint64_t)integer_of(state, any_of(data, "aggregationTemporality"));
        for (size_t i = 0; i < json_array_size(points); i++)
            read_point(state, json_array_get(points, i), kinds[k].name, i);
    }
}

static void read_resource(struct otlp_json *state, const json_t *resource) {
    const json_t *attributes = member_of(state, resource, "attributes", JSON_ARRAY);
    state->point.resource = (struct otlp_resource){0};
    for (size_t i = 0; i < json_array_size(attributes); i++) {
        struct otlp_attribute attribute;
        read_attribute(state, json_array_get(attributes, i), &attribute);
        otlp_resource_take(&state->point.resource, &attribute);
    }
}

static void read_scope(struct otlp_json *state, const json_t *scope) {
    const json_t *metrics = member_of(state, scope, "metrics", JSON_ARRAY);
    for (state->metric = 0; state->metric < json_array_size(metrics); state->metric++)
        read_metric(state, element_of(state, metrics, state->metric, "metrics"));
}

static void read_request(struct otlp_json *state, const json_t *root) {
    const json_t *resources = member_of(state, root, "resourceMetrics", JSON_ARRAY);
    for (state->resource = 0; state->resource < json_array_size(resources); state->resource++) {
        const json_t *resource = element_of(state, resources, state->resource, "resourceMetrics");
        const json_t *scopes = member_of(state, resource, "scopeMetrics", JSON_ARRAY);
        read_resource(state, member_of(state, resource, "resource", JSON_OBJECT));
        for (state->scope = 0; state->scope < json_array_size(scopes); state->scope++)
            read_scope(state, element_of(state, scopes, state->scope, "scopeMetrics"));
    }
}

/* Refuses a body that is not a request. */
static void refuse_body(struct decoding *decoding, struct span body, const struct json_obstacle *obstacle) {
    char message[160] = "a request is an object";
    uint32_t line, column;
    if (obstacle->why && body.n > 0) {
        json_body_place(body, obstacle->at, &line, &column);
        snprintf(message, sizeof(message), "line %u, column %u: %s", line, column, obstacle->why);
    }
    decoding_spoil(decoding, &(struct place){.number = 0}, message);
}

void otlp_json_decode(struct decoding *decoding, struct span body) {
    struct otlp_json *state = calloc(1, sizeof(*state));
    struct json_obstacle obstacle = {0};
    char message[64];
    json_t *root = json_body_load(body, 0, &obstacle);
    if (!state || (!root && !obstacle.why)) {
        decoding->error = -ENOMEM;
    } else if (!json_is_object(root)) {
        refuse_body(decoding, body, &obstacle);
    } else {
        state->decoding = decoding;
        read_request(state, root);
    }
    if (state && state->malformed) {
        snprintf(message, sizeof(message), "%s has another type than in OTLP", state->malformed);
        decoding_spoil(decoding, &(struct place){.number = 0}, message);
    }
    json_decref(root);
    free(state);
}
