/* How each floor declares its settings and counters, once, in *.def files; from these rows the programs make the
 * command line, the configuration file, help, text, JSON and Prometheus output.
 *
 *     options.def: SETTING(kind, field, "default", "choices or range", "help")
 *     stats.def:   COUNTER(kind, field, "help")
 *
 * A floor's header expands its .def into a plain struct and a table of rows with offsets into it. */
#ifndef SLUICE_OFFLOAD_DECLARE_H
#define SLUICE_OFFLOAD_DECLARE_H

#include "proto/histogram.h"
#include "proto/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_kind {
    SETTING_FLAG,    /* bool: yes/no */
    SETTING_NUMBER,  /* long, with a range "min..max" */
    SETTING_SIZE,    /* uint64_t bytes: 16384, 16k, 64m, 1g */
    SETTING_SECONDS, /* double, fractions allowed */
    SETTING_SHARE,   /* double, with a range: 0.8 */
    SETTING_CHOICE,  /* int: index into the words of "a|b|c" */
    SETTING_TEXT,    /* char *, owned by the struct; "" when unset */
    SETTING_LIST,    /* char *, words joined by commas; "" when unset */
    SETTING_LINES,   /* the same joined by newlines, for words that may contain commas: in the file only */
    SETTING_SECRETS, /* LINES of NAME: VALUE or URLs: no page shows the values, users and passwords */
};

/* The C type of each kind, for expanding options.def into a struct. */
#define SETTING_TYPE_FLAG    bool
#define SETTING_TYPE_NUMBER  long
#define SETTING_TYPE_SIZE    uint64_t
#define SETTING_TYPE_SECONDS double
#define SETTING_TYPE_SHARE   double
#define SETTING_TYPE_CHOICE  int
#define SETTING_TYPE_TEXT    char *
#define SETTING_TYPE_LIST    char *
#define SETTING_TYPE_SECRETS char *
#define SETTING_TYPE_LINES   char *

struct setting {
    const char *name; /* as in the file; on the command line '_' reads '-' */
    enum setting_kind kind;
    size_t offset; /* of the field in the floor's struct */
    const char *initial;
    const char *range; /* choices, or "min..max", or "" */
    const char *help;
};

/* What joins the words of the row's list; NULL: it is not a list. */
static inline const char *setting_joint(const struct setting *row) {
    return row->kind == SETTING_LIST                                    ? ","
           : row->kind == SETTING_LINES || row->kind == SETTING_SECRETS ? "\n"
                                                                        : NULL;
}

/* Takes the next word off a list that is joined by joint (',' for LIST, '\n' for LINES and SECRETS). False: there is
 * none. */
static inline bool setting_next_word(const char **list, char joint, struct span *word) {
    const char *end = strchrnul(*list, joint);
    if (!**list)
        return false;
    *word = span_of(*list, (size_t)(end - *list));
    *list = *end ? end + 1 : end;
    return true;
}

struct settings_table {
    const char *title; /* heading in help: "offload", "reactor", ... */
    const struct setting *rows;
    size_t count;
};

enum counter_kind {
    COUNTER_TOTAL,     /* uint64_t that only grows */
    COUNTER_GAUGE,     /* uint64_t that goes up and down */
    COUNTER_RATIO,     /* double from 0 to 1 */
    COUNTER_HISTOGRAM, /* struct histogram of times in nanoseconds */
    COUNTER_VALUES,    /* struct histogram of plain values: bytes, counts */
};

#define COUNTER_TYPE_TOTAL     uint64_t
#define COUNTER_TYPE_GAUGE     uint64_t
#define COUNTER_TYPE_RATIO     double
#define COUNTER_TYPE_HISTOGRAM struct histogram
#define COUNTER_TYPE_VALUES    struct histogram

struct counter {
    const char *name;
    enum counter_kind kind;
    size_t offset; /* of the field in the floor's struct */
    const char *help;
};

struct counters_table {
    const char *title; /* "offload", "reactor", "objects", ... */
    const struct counter *rows;
    size_t count;
    void *base; /* the struct the offsets count from */
};

#endif
