#include "handlers/ingest/refusals.h"

#include <stdio.h>

static const char *word_of(enum refusal code) {
    static const char *const words[] = {
#define INGEST_REFUSAL(name, word, meaning) #word,
#include "handlers/ingest/refusal.def"
#undef INGEST_REFUSAL
    };
    return words[code];
}

static void add_member(struct text *text, const char *name, const char *value) {
    text_add_constant(text, name);
    text_add_quoted(text, span_text(value));
}

static void add_entry(struct text *text, const struct place *place, enum refusal code, const char *message) {
    text_add_constant(text, text->n > 0 ? ",{" : "{");
    text_add_constant(text, place->is_line ? "\"line\":" : "\"index\":");
    text_add_number(text, place->number);
    if (place->column) {
        text_add_constant(text, ",\"column\":");
        text_add_number(text, place->column);
    }
    if (place->pointer)
        add_member(text, ",\"pointer\":", place->pointer);
    add_member(text, ",\"code\":", word_of(code));
    add_member(text, ",\"message\":", message);
    text_add_constant(text, "}");
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
    size_t before = refusals->text.n;
    add_entry(&refusals->text, place, code, message);
    text_is_whole(&refusals->text, before);
}

void refusals_free(struct refusals *refusals) {
    text_free(&refusals->text);
    *refusals = (struct refusals){0};
}
