#include "handlers/ingest/refusals.h"

#include "proto/memory_file.h"
#include "proto/utf8.h"

#include <stdlib.h>

static const char *word_of(enum refusal code) {
    static const char *const words[] = {
#define INGEST_REFUSAL(name, word, meaning) #word,
#include "handlers/ingest/refusal.def"
#undef INGEST_REFUSAL
    };
    return words[code];
}

void refusals_print(FILE *out, const char *text) {
    for (int step; *text; text += step) {
        unsigned char c = (unsigned char)*text;
        step = utf8_step(text, strlen(text));
        if (step <= 0)
            fputs("\\ufffd", out);
        else if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else
            fwrite(text, 1, (size_t)step, out);
        step = step > 0 ? step : 1;
    }
}

/* One entry, allocated; NULL without memory. */
static char *entry_of(const struct place *place, enum refusal code, const char *message, size_t *n) {
    char *text = NULL;
    FILE *out = memory_file_open(&text, n);
    if (!out)
        return NULL;
    fprintf(out, "{\"%s\":%u,", place->is_line ? "line" : "index", place->number);
    if (place->column)
        fprintf(out, "\"column\":%u,", place->column);
    if (place->pointer) {
        fputs("\"pointer\":\"", out);
        refusals_print(out, place->pointer);
        fputs("\",", out);
    }
    fprintf(out, "\"code\":\"%s\",\"message\":\"", word_of(code));
    refusals_print(out, message);
    fputs("\"}", out);
    return fclose(out) == 0 ? text : NULL;
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

/* The first refusal as one sentence with its place. */
static void keep_first(struct refusals *refusals, const struct place *place, const char *message) {
    char *out = refusals->first;
    size_t size = sizeof(refusals->first);
    refusals->first_number = place->number;
    if (place->pointer && place->pointer[0])
        snprintf(out, size, "%s: %s", place->pointer, message);
    else if (place->column)
        snprintf(out, size, "line %u, column %u: %s", place->number, place->column, message);
    else
        snprintf(out, size, "%s %u: %s", place->is_line ? "line" : "record", place->number, message);
}

void refusals_add(struct refusals *refusals, const struct place *place, enum refusal code,
                  const char *message) {
    refusals->by_code[code]++;
    if (++refusals->count > REFUSALS_LISTED)
        return;
    if (refusals->count == 1)
        keep_first(refusals, place, message);
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
