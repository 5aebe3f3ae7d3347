#include "proto/metric_line.h"

#include <stdlib.h>

#define NUMBER_MAX 1100 /* bytes of a number: any double fits, written out in full; a longer one is none */

bool metric_line_fail_at(struct metric_line *line, const char *place, const char *error) {
    if (!line->error) {
        line->error = error;
        line->column = (size_t)(place - line->start) + 1;
    }
    return false;
}

bool metric_line_fail(struct metric_line *line, const char *error) {
    return metric_line_fail_at(line, line->at, error);
}

bool metric_line_skip(struct metric_line *line, char c) {
    bool next = line->at < line->end && *line->at == c;
    line->at += next;
    return next;
}

void metric_line_spaces(struct metric_line *line) {
    while (line->at < line->end && (*line->at == ' ' || *line->at == '\t'))
        line->at++;
}

static bool is_in(const char *set, char c) {
    return c && strchr(set, c);
}

struct span metric_line_word(struct metric_line *line, const char *stops, const char *escaped) {
    char *start = line->at, *out = start;
    while (line->at < line->end && !is_in(stops, *line->at)) {
        if (*line->at == '\\' && line->at + 1 < line->end && is_in(escaped, line->at[1]))
            line->at++;
        *out++ = *line->at++;
    }
    return span_of(start, (size_t)(out - start));
}

/* Digits with at most one dot among them, few enough that all steps are exact: the common case, far from strtod's
 * cost. */
static bool short_number(struct span text, double *out) {
    static const double tens[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    bool negative = text.n > 0 && text.p[0] == '-';
    size_t digits = 0, dot = 0;
    int64_t number = 0;
    for (size_t i = negative; i < text.n; i++) {
        char c = text.p[i];
        if (c == '.' && dot == 0 && i + 1 < text.n) {
            dot = i + 1;
        } else if (c >= '0' && c <= '9' && digits < 15) {
            number = 10 * number + c - '0';
            digits++;
        } else {
            return false;
        }
    }
    if (digits == 0)
        return false;
    double value = (double)number / tens[dot ? text.n - dot : 0];
    *out = negative ? -value : value;
    return true;
}

bool metric_number(struct span text, double *out) {
    char copy[NUMBER_MAX], *end;
    if (short_number(text, out))
        return true;
    if (text.n == 0 || text.n >= sizeof(copy) || memchr(text.p, 'x', text.n) || memchr(text.p, 'X', text.n) ||
        strchr(" \t\r\n\v\f", text.p[0]))
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    *out = strtod(copy, &end);
    return end == copy + text.n;
}

bool metric_integer(struct span text, int64_t *out) {
    bool negative = text.n > 0 && text.p[0] == '-';
    int64_t value = 0;
    if (text.n == negative)
        return false;
    for (size_t i = negative; i < text.n; i++) {
        int digit = text.p[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return false;
    }
    *out = value;
    return true;
}
