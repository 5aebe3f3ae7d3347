#include "handlers/ingest/refusals.h"

#include <stdio.h>
#include <stdlib.h>

const char *refusal_word(enum refusal code) {
    static const char *const words[] = {
#define INGEST_REFUSAL(name, word, meaning) #word,
#include "handlers/ingest/refusal.def"
#undef INGEST_REFUSAL
    };
    return words[code];
}

static void print_escaped(FILE *out, const char *text) {
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
}

/* One entry, allocated; NULL without memory. */
static char *entry_of(const struct place *place, enum refusal code, const char *message, size_t *n) {
    char *text = NULL;
    FILE *out = open_memstream(&text, n);
    if (!out)
        return NULL;
    fprintf(out, "{\"%s\":%u,", place->is_line ? "line" : "index", place->number);
    if (place->column)
        fprintf(out, "\"column\":%u,", place->column);
    if (place->pointer) {
        fputs("\"pointer\":\"", out);
        print_escaped(out, place->pointer);
        fputs("\",", out);
    }
    fprintf(out, "\"code\":\"%s\",\"message\":\"", refusal_word(code));
    print_escaped(out, message);
    fputs("\"}", out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static void append(struct refusals *refusals, const char *entry, size_t n) {
    if (refusals->n + n + 1 > refusals->room) {
        size_t room = 2 * (refusals->n + n + 1);
        char *more = realloc(refusals->text, room);
        if (!more)
            return;
        refusals->text = more;
        refusals->room = room;
    }
    if (refusals->n > 0)
        refusals->text[refusals->n++] = ',';
    memcpy(refusals->text + refusals->n, entry, n);
    refusals->n += n;
}

void refusals_add(struct refusals *refusals, const struct place *place, enum refusal code,
                  const char *message) {
    refusals->by_code[code]++;
    if (++refusals->count > REFUSALS_LISTED)
        return;
    if (refusals->count == 1)
        snprintf(refusals->first, sizeof(refusals->first), "%s %u: %s", place->is_line ? "line" : "record",
                 place->number, message);
    size_t n;
    char *entry = entry_of(place, code, message, &n);
    if (entry)
        append(refusals, entry, n);
    free(entry);
}

void refusals_free(struct refusals *refusals) {
    free(refusals->text);
    *refusals = (struct refusals){0};
}
