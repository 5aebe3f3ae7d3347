#include "handlers/http/sibling.h"

#include "handlers/http/http.h"
#include "proto/accept.h"

static const struct {
    const char *ending, *coding;
} known[] = {{"br", "br"}, {"zst", "zstd"}, {"gz", "gzip"}};

#define KNOWN (sizeof(known) / sizeof(known[0]))

/* The index of an ending; KNOWN if it is none of ours. */
static size_t find_known(struct span ending) {
    size_t i = 0;
    while (i < KNOWN && !span_equal(ending, span_text(known[i].ending)))
        i++;
    return i;
}

size_t sibling_next(const struct http *http, struct exchange *exchange, char *key, size_t n, size_t size) {
    const struct http1_fields *fields = &exchange->head.fields;
    unsigned identity = accept_coding(fields, span_text("identity")), best = identity > 0 ? identity - 1 : 0;
    size_t chosen = KNOWN;
    const char *list = http->settings.precompressed;
    for (struct span ending; setting_next_word(&list, ',', &ending);) {
        size_t i = find_known(ending);
        if (i == KNOWN || exchange->siblings & 1u << i || n + 1 + ending.n > size)
            continue;
        unsigned weight = accept_coding(fields, span_text(known[i].coding));
        if (weight > best) {
            best = weight;
            chosen = i;
        }
    }
    exchange->coding = 0;
    if (chosen == KNOWN)
        return n;
    exchange->siblings |= (uint8_t)(1u << chosen);
    exchange->coding = (uint8_t)(chosen + 1);
    size_t length = strlen(known[chosen].ending);
    key[n] = '.';
    memcpy(key + n + 1, known[chosen].ending, length);
    return n + 1 + length;
}

const char *sibling_coding(const struct exchange *exchange) {
    return exchange->coding ? known[exchange->coding - 1].coding : NULL;
}
