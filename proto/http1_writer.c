#include "proto/http1_writer.h"

#include "proto/chars.h"

#include <errno.h>

#define DIGITS_MAX 20 /* of UINT64_MAX */

static void append(struct http1_writer *writer, struct span s) {
    if (writer->error)
        return;
    if (s.n > writer->max - writer->n) {
        writer->error = -ENOBUFS;
        return;
    }
    if (s.n > 0)
        memcpy(writer->at + writer->n, s.p, s.n);
    writer->n += s.n;
}

static void append_checked(struct http1_writer *writer, struct span s, enum char_class class) {
    if (!writer->error && char_run(s.p, s.n, class) != s.n)
        writer->error = -EINVAL;
    append(writer, s);
}

/* A word of at least one byte. */
static void append_word(struct http1_writer *writer, struct span s, enum char_class class) {
    if (!writer->error && s.n == 0)
        writer->error = -EINVAL;
    append_checked(writer, s, class);
}

static struct span digits_of(uint64_t value, char out[DIGITS_MAX]) {
    size_t at = DIGITS_MAX;
    do
        out[--at] = (char)('0' + value % 10);
    while (value /= 10);
    return span_of(out + at, DIGITS_MAX - at);
}

/* The reason phrase; "" for a status without one. */
static const char *http1_reason(int status) {
    switch (status) {
#define HTTP1_STATUS(number, reason)                                                                         \
    case number:                                                                                             \
        return reason;
#include "proto/http1_status.def"
#undef HTTP1_STATUS
    default:
        return "";
    }
}

void http1_writer_init(struct http1_writer *writer, void *at, size_t max) {
    *writer = (struct http1_writer){at, 0, max, 0};
}

void http1_writer_status(struct http1_writer *writer, int status) {
    char digits[DIGITS_MAX];
    if (!writer->error && (status < 100 || status > 599))
        writer->error = -EINVAL;
    append(writer, span_text("HTTP/1.1 "));
    append(writer, digits_of((uint64_t)status, digits));
    append(writer, span_text(" "));
    append(writer, span_text(http1_reason(status)));
    append(writer, span_text("\r\n"));
}

void http1_writer_request(struct http1_writer *writer, struct span method, struct span target) {
    append_word(writer, method, CHAR_TOKEN);
    append(writer, span_text(" "));
    append_word(writer, target, CHAR_TARGET);
    append(writer, span_text(" HTTP/1.1\r\n"));
}

void http1_writer_field(struct http1_writer *writer, struct span name, struct span value) {
    append_word(writer, name, CHAR_TOKEN);
    append(writer, span_text(": "));
    append_checked(writer, value, CHAR_VALUE);
    append(writer, span_text("\r\n"));
}

void http1_writer_number(struct http1_writer *writer, struct span name, uint64_t value) {
    char digits[DIGITS_MAX];
    append_word(writer, name, CHAR_TOKEN);
    append(writer, span_text(": "));
    append(writer, digits_of(value, digits));
    append(writer, span_text("\r\n"));
}

void http1_writer_lines(struct http1_writer *writer, struct span lines) {
    append(writer, lines);
}

int http1_writer_end(struct http1_writer *writer) {
    append(writer, span_text("\r\n"));
    return writer->error;
}

void http1_error_name(int status, char out[static HTTP1_NAME_MAX]) {
    const char *reason = http1_reason(status);
    size_t n = 0;
    for (reason = *reason ? reason : "ERROR"; reason[n] && n < HTTP1_NAME_MAX - 1; n++)
        out[n] = (char)(reason[n] >= 'a' && reason[n] <= 'z' ? reason[n] - 0x20
                        : reason[n] == ' '                   ? '_'
                                                             : reason[n]);
    out[n] = '\0';
}
