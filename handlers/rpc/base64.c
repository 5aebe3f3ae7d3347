#include "handlers/rpc/base64.h"

#include <stdint.h>

void base64_add(struct text *text, struct span bytes) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char out[1024];
    size_t n = 0;
    text_add_constant(text, "\"");
    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t left = bytes.n - i;
        uint32_t bits = (uint32_t)(uint8_t)bytes.p[i] << 16;
        bits |= left > 1 ? (uint32_t)(uint8_t)bytes.p[i + 1] << 8 : 0;
        bits |= left > 2 ? (uint32_t)(uint8_t)bytes.p[i + 2] : 0;
        out[n++] = letters[bits >> 18];
        out[n++] = letters[bits >> 12 & 63];
        out[n++] = left > 1 ? letters[bits >> 6 & 63] : '=';
        out[n++] = left > 2 ? letters[bits & 63] : '=';
        if (n == sizeof(out)) {
            text_add(text, span_of(out, n));
            n = 0;
        }
    }
    text_add(text, span_of(out, n));
    text_add_constant(text, "\"");
}

static int letter_value(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

ssize_t base64_decode(struct span text, char *out, size_t size) {
    size_t n = 0;
    if (text.n % 4 != 0 || text.n / 4 * 3 > size + 2)
        return -1;
    for (size_t i = 0; i < text.n; i += 4) {
        bool last = i + 4 == text.n;
        int pads = !last || text.p[i + 3] != '=' ? 0 : text.p[i + 2] != '=' ? 1 : 2;
        uint32_t bits = 0;
        for (int j = 0; j < 4 - pads; j++) {
            int value = letter_value(text.p[i + (size_t)j]);
            if (value < 0)
                return -1;
            bits |= (uint32_t)value << (18 - 6 * j);
        }
        for (int j = 0; j < 3 - pads; j++) {
            if (n == size)
                return -1;
            out[n++] = (char)(bits >> (16 - 8 * j));
        }
    }
    return (ssize_t)n;
}
