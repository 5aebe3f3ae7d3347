/* The kinds of sections of the configuration file, one row each:
 *
 *     KIND "TITLE" { option = value ... }  ->  one more element of the kind's array in daemon_config
 */
#ifndef SLUICE_TOOLS_SECTIONS_H
#define SLUICE_TOOLS_SECTIONS_H

#include "tools/sluiced/config.h"

/* What every element starts with; the fields of the kind's table follow. */
struct section_head {
    char *title;
    char *where; /* "FILE:LINE" of the section's start, or the command line's option */
};

/* Reports the problems of a configuration, one line each: "WHERE: reason", and counts them. */
struct problems {
    FILE *out;
    unsigned count;
};

__attribute__((format(printf, 3, 4))) void problems_add(struct problems *problems, const char *where,
                                                        const char *format, ...);

struct section {
    const char *name;
    const char *title; /* what it stands for, in help; NULL: the section has none and is the only one */
    const struct settings_table *table;
    size_t size;         /* of an element */
    size_t items, count; /* offsets in daemon_config of the array and its length */
    const char *help;
    /* Reports everything that is wrong with an element. */
    void (*check)(const void *element, struct problems *problems);
};

/* The i-th kind, NULL after the last. */
const struct section *section_kind(size_t i);
/* The kind of this name, which must exist. */
const struct section *section_named(const char *name);

/* A new element at position (at most the count), its options at their defaults; NULL without memory.
 * It stays where it is until the next one of its kind is added. */
void *section_add(const struct section *kind, struct daemon_config *config, size_t position,
                  const char *title, const char *where);
size_t section_count(const struct section *kind, const struct daemon_config *config);
struct section_head *section_at(const struct section *kind, const struct daemon_config *config, size_t i);
/* Frees the elements of all kinds. */
void sections_release(struct daemon_config *config);

#endif
