#include "proto/sample.h"

#include "proto/little.h"

#include <errno.h>

#define FIXED_BYTES     20 /* from type to value */
#define FLAG_CUMULATIVE 1

const char *sample_type_name(enum sample_type type) {
    static const char *const names[SAMPLE_TYPES] = {"gauge", "counter", "histogram", "summary"};
    return names[type];
}

enum sample_type sample_type_named(struct span name, enum sample_type end) {
    int type = 0;
    while (type < (int)end && !span_equal(name, span_text(sample_type_name((enum sample_type)type))))
        type++;
    return (enum sample_type)type;
}

/* 8-byte numbers behind the labels. */
static size_t numbers_of(enum sample_type type, unsigned bounds) {
    return type == SAMPLE_HISTOGRAM || type == SAMPLE_SUMMARY ? 2 * (size_t)bounds + 1 : 0;
}

static size_t text_size(struct span text) {
    return 2 + text.n;
}

size_t sample_size(const struct sample *sample) {
    size_t size = 4 + FIXED_BYTES + text_size(sample->name);
    for (unsigned i = 0; i < sample->labels_n; i++)
        size += text_size(sample->labels[i].name) + text_size(sample->labels[i].value);
    return size + 8 * numbers_of(sample->type, sample->bounds_n);
}

static char *put_text(char *out, struct span text) {
    uint16_t n = htole16((uint16_t)text.n);
    memcpy(out, &n, 2);
    if (text.n)
        memcpy(out + 2, text.p, text.n);
    return out + 2 + text.n;
}

static char *put_double(char *out, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    little_put64(out, bits);
    return out + 8;
}

static double get_double(const char *bytes) {
    uint64_t bits = little_get64(bytes);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

void sample_set_gauge(char *encoded, double value) {
    encoded[5] = 0;
    put_double(encoded + 16, value);
}

static char *put_doubles(char *out, const double *values, unsigned n) {
    for (unsigned i = 0; i < n; i++)
        out = put_double(out, values[i]);
    return out;
}

static void get_doubles(const char *bytes, double *values, unsigned n) {
    for (unsigned i = 0; i < n; i++)
        values[i] = get_double(bytes + 8 * i);
}

void sample_encode(const struct sample *sample, char *out) {
    bool numbers = numbers_of(sample->type, 0) > 0, summary = sample->type == SAMPLE_SUMMARY;
    unsigned counts = summary ? 1 : sample->bounds_n + 1;
    little_put32(out, (uint32_t)(sample_size(sample) - 4));
    out[4] = (char)sample->type;
    out[5] = sample->cumulative ? FLAG_CUMULATIVE : 0;
    out[6] = (char)sample->labels_n;
    out[7] = numbers ? (char)sample->bounds_n : 0;
    little_put64(out + 8, (uint64_t)sample->time_ms);
    out = put_text(put_double(out + 16, sample->value), sample->name);
    for (unsigned i = 0; i < sample->labels_n; i++)
        out = put_text(put_text(out, sample->labels[i].name), sample->labels[i].value);
    if (!numbers)
        return;
    out = put_doubles(out, sample->bounds, sample->bounds_n);
    if (summary)
        out = put_doubles(out, sample->values, sample->bounds_n);
    for (unsigned i = 0; i < counts; i++, out += 8)
        little_put64(out, sample->counts[i]);
}

static bool take_text(struct span *rest, struct span *text) {
    uint16_t n;
    if (rest->n < 2)
        return false;
    memcpy(&n, rest->p, 2);
    n = le16toh(n);
    if (rest->n - 2 < n)
        return false;
    *text = span_of(rest->p + 2, n);
    *rest = span_of(rest->p + 2 + n, rest->n - 2 - n);
    return true;
}

/* What is behind the labels, to its end. */
static bool take_numbers(struct span rest, struct sample *out) {
    unsigned n = out->bounds_n, counts = out->type == SAMPLE_SUMMARY ? 1 : n + 1;
    if (rest.n != 8 * numbers_of(out->type, n))
        return false;
    if (rest.n == 0)
        return n == 0;
    get_doubles(rest.p, out->bounds, n);
    if (out->type == SAMPLE_SUMMARY)
        get_doubles(rest.p + 8 * n, out->values, n);
    for (unsigned i = 0; i < counts; i++)
        out->counts[i] = little_get64(rest.p + rest.n - 8 * (size_t)(counts - i));
    return true;
}

struct span sample_take_text(struct span *series) {
    uint16_t n;
    memcpy(&n, series->p, 2);
    n = le16toh(n);
    struct span text = span_of(series->p + 2, n);
    *series = span_of(text.p + n, series->n - 2 - n);
    return text;
}

int sample_decode(struct span *rest, struct sample *out) {
    if (rest->n == 0)
        return -ENODATA;
    size_t length = rest->n >= 4 ? little_get32(rest->p) : 0;
    if (length < FIXED_BYTES + 2 || length > rest->n - 4)
        return -EINVAL;
    struct span body = span_of(rest->p + 4, length);
    const uint8_t *head = (const uint8_t *)body.p;
    if (head[0] >= SAMPLE_TYPES || head[1] > FLAG_CUMULATIVE || head[2] > SAMPLE_LABELS ||
        head[3] > SAMPLE_BOUNDS)
        return -EINVAL;
    out->type = head[0];
    out->cumulative = head[1] & FLAG_CUMULATIVE;
    out->labels_n = head[2];
    out->bounds_n = head[3];
    out->time_ms = (int64_t)little_get64(body.p + 4);
    out->value = get_double(body.p + 12);
    body = span_of(body.p + FIXED_BYTES, length - FIXED_BYTES);
    bool good = take_text(&body, &out->name);
    for (unsigned i = 0; good && i < out->labels_n; i++)
        good = take_text(&body, &out->labels[i].name) && take_text(&body, &out->labels[i].value);
    if (!good || !take_numbers(body, out))
        return -EINVAL;
    *rest = span_of(rest->p + 4 + length, rest->n - 4 - length);
    return 0;
}

struct span sample_series(const struct sample *decoded) {
    struct span last = decoded->labels_n ? decoded->labels[decoded->labels_n - 1].value : decoded->name;
    const char *start = decoded->name.p - 2;
    return span_of(start, (size_t)(last.p + last.n - start));
}
