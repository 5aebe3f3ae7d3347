#include "proto/otlp.h"

#include "proto/little.h"

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* What all levels of the message share. */
struct reading {
    struct otlp_point point;
    void (*take)(void *context, const struct otlp_point *point);
    void *context;
    const char *start, *error, *error_at;
};

/* A field of a message: varint and fixed ones in number, others in bytes. */
struct field {
    uint64_t id;
    enum wire wire;
    uint64_t number;
    struct span bytes;
};

static bool fail(struct reading *reading, const char *at, const char *error) {
    if (!reading->error) {
        reading->error = error;
        reading->error_at = at;
    }
    return false;
}

static bool take_varint(struct reading *reading, struct span *rest, uint64_t *out) {
    *out = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (rest->n == 0)
            return fail(reading, rest->p, "the message is cut off");
        uint8_t byte = (uint8_t)*rest->p;
        *rest = span_of(rest->p + 1, rest->n - 1);
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return fail(reading, rest->p, "a number of more than 64 bits");
}

static bool take_fixed(struct reading *reading, struct span *rest, size_t n, uint64_t *out) {
    if (rest->n < n)
        return fail(reading, rest->p, "the message is cut off");
    *out = n == 8 ? little_get64(rest->p) : little_get32(rest->p);
    *rest = span_of(rest->p + n, rest->n - n);
    return true;
}

/* The next field of a message. False at its end, and when it is malformed (reading->error). */
static bool next_field(struct reading *reading, struct span *rest, struct field *out) {
    uint64_t tag;
    if (rest->n == 0 || reading->error)
        return false;
    const char *start = rest->p;
    if (!take_varint(reading, rest, &tag))
        return false;
    out->id = tag >> 3;
    out->wire = (enum wire)(tag & 7);
    out->bytes = span_of(rest->p, 0);
    switch ((unsigned)out->wire) {
    case WIRE_VARINT:
        return take_varint(reading, rest, &out->number);
    case WIRE_64:
        return take_fixed(reading, rest, 8, &out->number);
    case WIRE_32:
        return take_fixed(reading, rest, 4, &out->number);
    case WIRE_BYTES:
        if (!take_varint(reading, rest, &out->number))
            return false;
        if (out->number > rest->n)
            return fail(reading, rest->p, "a field is longer than its message");
        out->bytes = span_of(rest->p, (size_t)out->number);
        *rest = span_of(rest->p + out->bytes.n, rest->n - out->bytes.n);
        return true;
    default:
        return fail(reading, start, "a field of an unknown wire type");
    }
}

static bool is(const struct field *field, uint64_t id, enum wire wire) {
    return field->id == id && field->wire == wire;
}

static double as_double(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* AnyValue: string_value 1, bool_value 2, int_value 3, double_value 4, others. */
static void read_any(struct reading *reading, struct span message, struct otlp_attribute *out) {
    struct field field;
    while (next_field(reading, &message, &field)) {
        out->kind = is(&field, 1, WIRE_BYTES)    ? OTLP_TEXT
                    : is(&field, 2, WIRE_VARINT) ? OTLP_BOOL
                    : is(&field, 3, WIRE_VARINT) ? OTLP_INT
                    : is(&field, 4, WIRE_64)     ? OTLP_DOUBLE
                                                 : OTLP_COMPLEX;
        out->text = field.bytes;
        out->number = (int64_t)field.number;
        out->real = as_double(field.number);
    }
}

/* KeyValue: key 1, value 2. */
static void read_attribute(struct reading *reading, struct span message, struct otlp_attribute *out) {
    struct field field;
    *out = (struct otlp_attribute){.key = span_of(message.p, 0), .text = span_of(message.p, 0)};
    while (next_field(reading, &message, &field)) {
        if (is(&field, 1, WIRE_BYTES))
            out->key = field.bytes;
        else if (is(&field, 2, WIRE_BYTES))
            read_any(reading, field.bytes, out);
    }
}

static void add_attribute(struct reading *reading, struct span message) {
    struct otlp_point *point = &reading->point;
    if (point->attributes_n < SAMPLE_LABELS)
        read_attribute(reading, message, &point->attributes[point->attributes_n]);
    point->attributes_n++;
}

/* bucket_counts and explicit_bounds: packed, or one by one. */
static void add_counts(struct otlp_point *point, const struct field *field) {
    size_t n = field->wire == WIRE_64 ? 1 : field->bytes.n / 8;
    for (size_t i = 0; i < n; i++, point->counts_n++)
        if (point->counts_n <= SAMPLE_BOUNDS)
            point->counts[point->counts_n] =
                field->wire == WIRE_64 ? field->number : little_get64(field->bytes.p + 8 * i);
}

static void add_bounds(struct otlp_point *point, const struct field *field) {
    size_t n = field->wire == WIRE_64 ? 1 : field->bytes.n / 8;
    for (size_t i = 0; i < n; i++, point->bounds_n++)
        if (point->bounds_n < SAMPLE_BOUNDS)
            point->bounds[point->bounds_n] =
                as_double(field->wire == WIRE_64 ? field->number : little_get64(field->bytes.p + 8 * i));
}

static bool is_packed(const struct field *field) {
    return field->wire == WIRE_64 || (field->wire == WIRE_BYTES && field->bytes.n % 8 == 0);
}

/* NumberDataPoint: time 3, as_double 4, as_int 6, attributes 7, flags 8. */
static void read_number_point(struct reading *reading, const struct field *field) {
    struct otlp_point *point = &reading->point;
    if (is(field, 4, WIRE_64)) {
        point->has_value = true;
        point->value = as_double(field->number);
    } else if (is(field, 6, WIRE_64)) {
        point->has_value = true;
        point->value = (double)(int64_t)field->number;
    } else if (is(field, 7, WIRE_BYTES)) {
        add_attribute(reading, field->bytes);
    } else if (is(field, 8, WIRE_VARINT)) {
        point->no_value = field->number & 1;
    }
}

/* HistogramDataPoint: time 3, count 4, sum 5, bucket_counts 6, explicit_bounds 7, attributes 9, flags 10. */
static void read_histogram_point(struct reading *reading, const struct field *field) {
    struct otlp_point *point = &reading->point;
    if (is(field, 4, WIRE_64)) {
        point->count = field->number;
    } else if (is(field, 5, WIRE_64)) {
        point->has_value = true;
        point->value = as_double(field->number);
    } else if (field->id == 6 && is_packed(field)) {
        add_counts(point, field);
    } else if (field->id == 7 && is_packed(field)) {
        add_bounds(point, field);
    } else if (is(field, 9, WIRE_BYTES)) {
        add_attribute(reading, field->bytes);
    } else if (is(field, 10, WIRE_VARINT)) {
        point->no_value = field->number & 1;
    }
}

static void read_point(struct reading *reading, struct span message) {
    struct otlp_point *point = &reading->point;
    struct field field;
    point->time_ns = 0;
    point->has_value = point->no_value = false;
    point->value = 0;
    point->count = 0;
    point->attributes_n = 0;
    point->bounds_n = point->counts_n = 0;
    while (next_field(reading, &message, &field)) {
        if (is(&field, 3, WIRE_64))
            point->time_ns = field.number;
        else if (point->kind == OTLP_HISTOGRAM)
            read_histogram_point(reading, &field);
        else if (point->kind != OTLP_OTHER)
            read_number_point(reading, &field);
    }
    if (!reading->error)
        reading->take(reading->context, point);
}

/* Gauge, Sum, Histogram and the others: data_points 1, aggregation_temporality 2, is_monotonic 3; the points may come
 * before what says what they are. */
static void read_data(struct reading *reading, struct span message) {
    struct span rest = message;
    struct field field;
    reading->point.temporality = OTLP_UNSPECIFIED;
    reading->point.monotonic = false;
    while (next_field(reading, &rest, &field)) {
        if (is(&field, 2, WIRE_VARINT))
            reading->point.temporality = field.number;
        else if (is(&field, 3, WIRE_VARINT))
            reading->point.monotonic = field.number != 0;
    }
    while (next_field(reading, &message, &field))
        if (is(&field, 1, WIRE_BYTES))
            read_point(reading, field.bytes);
}

static enum otlp_kind kind_of(const struct field *field) {
    if (field->wire != WIRE_BYTES)
        return OTLP_NONE;
    return field->id == 5                       ? OTLP_GAUGE
           : field->id == 7                     ? OTLP_SUM
           : field->id == 9                     ? OTLP_HISTOGRAM
           : field->id == 10 || field->id == 11 ? OTLP_OTHER
                                                : OTLP_NONE;
}

/* Metric: name 1, gauge 5, sum 7, histogram 9, exponential_histogram 10, summary 11. */
static void read_metric(struct reading *reading, struct span message) {
    struct span rest = message;
    struct field field;
    reading->point.name = span_of(message.p, 0);
    while (next_field(reading, &rest, &field))
        if (is(&field, 1, WIRE_BYTES))
            reading->point.name = field.bytes;
    while (next_field(reading, &message, &field)) {
        reading->point.kind = kind_of(&field);
        if (reading->point.kind != OTLP_NONE)
            read_data(reading, field.bytes);
    }
}

void otlp_resource_take(struct otlp_resource *resource, const struct otlp_attribute *attribute) {
    struct span key = attribute->key;
    if (attribute->kind != OTLP_TEXT)
        return;
    if (span_equal(key, span_text("service.namespace")))
        resource->namespace = attribute->text;
    else if (span_equal(key, span_text("service.name")))
        resource->service = attribute->text;
    else if (span_equal(key, span_text("service.instance.id")))
        resource->instance = attribute->text;
}

/* Resource: attributes 1. */
static void read_resource(struct reading *reading, struct span message) {
    struct field field;
    struct otlp_attribute attribute;
    while (next_field(reading, &message, &field)) {
        if (!is(&field, 1, WIRE_BYTES))
            continue;
        read_attribute(reading, field.bytes, &attribute);
        otlp_resource_take(&reading->point.resource, &attribute);
    }
}

/* ScopeMetrics: metrics 2. */
static void read_scope(struct reading *reading, struct span message) {
    struct field field;
    while (next_field(reading, &message, &field))
        if (is(&field, 2, WIRE_BYTES))
            read_metric(reading, field.bytes);
}

/* ResourceMetrics: resource 1, scope_metrics 2. */
static void read_resource_metrics(struct reading *reading, struct span message) {
    struct span rest = message;
    struct field field;
    reading->point.resource = (struct otlp_resource){0};
    while (next_field(reading, &rest, &field))
        if (is(&field, 1, WIRE_BYTES))
            read_resource(reading, field.bytes);
    while (next_field(reading, &message, &field))
        if (is(&field, 2, WIRE_BYTES))
            read_scope(reading, field.bytes);
}

const char *otlp_read(struct span body, void (*take)(void *context, const struct otlp_point *point),
                      void *context, size_t *at) {
    struct reading reading = {.take = take, .context = context, .start = body.p};
    struct field field;
    while (next_field(&reading, &body, &field))
        if (is(&field, 1, WIRE_BYTES))
            read_resource_metrics(&reading, field.bytes);
    *at = reading.error ? (size_t)(reading.error_at - reading.start) : 0;
    return reading.error;
}
