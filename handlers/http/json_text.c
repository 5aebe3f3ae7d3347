#include "handlers/http/json_text.h"

#include "proto/utf8.h"

static size_t put(char *out, const char *bytes, size_t n) {
    memcpy(out, bytes, n);
    return n;
}

size_t json_text_put(char c, char out[static 6]) {
    static const char short_forms[] = "\"\"\\\\\bb\ff\nn\rr\tt", hex[] = "0123456789abcdef";
    for (size_t i = 0; short_forms[i]; i += 2)
        if (short_forms[i] == c)
            return put(out, (const char[]){'\\', short_forms[i + 1]}, 2);
    if ((unsigned char)c >= 0x20 && c != 0x7f)
        return put(out, &c, 1);
    return put(out, (const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

static size_t put_latin1(char *out, unsigned char c) {
    return put(out, (const char[]){(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))}, 2);
}

size_t json_text_quote(struct span text, char *out) {
    size_t n = 0;
    out[n++] = '"';
    for (size_t i = 0; i < text.n;) {
        int step = utf8_step(text.p + i, text.n - i);
        if (step == 1)
            n += json_text_put(text.p[i], out + n);
        else if (step > 1)
            n += put(out + n, text.p + i, (size_t)step);
        else
            n += put_latin1(out + n, (unsigned char)text.p[i]);
        i += step > 0 ? (size_t)step : 1;
    }
    out[n++] = '"';
    return n;
}
