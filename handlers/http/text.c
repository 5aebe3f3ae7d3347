#include "handlers/http/text.h"

#include "handlers/http/json_text.h"
#include "proto/utf8.h"

#include <stdio.h>
#include <stdlib.h>

#define FIRST 256

/* Makes room for n more bytes and one after them. */
static bool reserve(struct text *text, size_t n) {
    size_t need = text->n + n + 1, size = text->size ? text->size : FIRST;
    if (text->failed)
        return false;
    if (need <= text->size)
        return true;
    while (size < need)
        size *= 2;
    char *p = realloc(text->p, size);
    if (!p) {
        text->failed = true;
        return false;
    }
    text->p = p;
    text->size = size;
    return true;
}

void text_add(struct text *text, struct span bytes) {
    if (!reserve(text, bytes.n))
        return;
    if (bytes.n)
        memcpy(text->p + text->n, bytes.p, bytes.n);
    text->n += bytes.n;
}

void text_add_number(struct text *text, long long value) {
    char digits[24];
    text_add(text, span_of(digits, (size_t)snprintf(digits, sizeof(digits), "%lld", value)));
}

static int add_dumped(const char *bytes, size_t n, void *context) {
    struct text *text = context;
    text_add(text, span_of(bytes, n));
    return text->failed ? -1 : 0;
}

void text_add_json(struct text *text, const json_t *value) {
    if (json_dump_callback(value, add_dumped, text,
                           JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) != 0)
        text->failed = true;
}

void text_add_quoted(struct text *text, struct span bytes) {
    const char *p = bytes.p, *end = p + bytes.n, *plain = p;
    text_add_constant(text, "\"");
    while (p < end) {
        unsigned char c = (unsigned char)*p;
        int n = c < 0x80 ? 1 : utf8_step(p, (size_t)(end - p));
        if (n > 0 && c >= 0x20 && c != '"' && c != '\\') {
            p += n;
            continue;
        }
        text_add(text, span_of(plain, (size_t)(p - plain)));
        char escape[6];
        if (n > 0)
            text_add(text, span_of(escape, json_text_put((char)c, escape)));
        else
            text_add_constant(text, "\xEF\xBF\xBD");
        plain = ++p;
    }
    text_add(text, span_of(plain, (size_t)(p - plain)));
    text_add_constant(text, "\"");
}

bool text_is_whole(struct text *text, size_t n) {
    bool whole = !text->failed;
    if (!whole)
        text->n = n;
    text->failed = false;
    return whole;
}

void text_free(struct text *text) {
    free(text->p);
    *text = (struct text){0};
}

char *text_take(struct text *text) {
    if (text->failed || !reserve(text, 0)) {
        text_free(text);
        return NULL;
    }
    char *p = text->p;
    p[text->n] = '\0';
    *text = (struct text){0};
    return p;
}
