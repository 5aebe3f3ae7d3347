#include "handlers/http/sibling.h"

#include "handlers/http/http.h"
#include "proto/accept.h"

static const struct {
    const char *ending, *coding;
} known[] = {{"br", "br"}, {"zst", "zstd"}, {"gz", "gzip"}};

#define KNOWN (sizeof(known) / sizeof(known[0]))

/* The setting's word at text; KNOWN if it is none of ours. */
static size_t find_known(const char *text, size_t n) {
    size_t i = 0;
    while (i < KNOWN && (strlen(known[i].ending) != n || memcmp(known[i].ending, text, n) != 0))
        i++;
    return i;
}

size_t sibling_next(const struct http *http, struct exchange *exchange, char *key, size_t n, size_t size) {
    const char *list = http->settings.precompressed;
    unsigned at = 0;
    exchange->coding = 0;
    for (; *list; at++) {
        size_t length = strcspn(list, ","), i = find_known(list, length);
        const char *word = list;
        list += length + (list[length] == ',');
        if (at < exchange->siblings || i == KNOWN || n + 1 + length > size ||
            !accept_coding(&exchange->head.fields, span_text(known[i].coding)))
            continue;
        exchange->siblings = (uint8_t)(at + 1);
        exchange->coding = (uint8_t)(i + 1);
        key[n] = '.';
        memcpy(key + n + 1, word, length);
        return n + 1 + length;
    }
    exchange->siblings = UINT8_MAX;
    return n;
}

const char *sibling_coding(const struct exchange *exchange) {
    return exchange->coding ? known[exchange->coding - 1].coding : NULL;
}
