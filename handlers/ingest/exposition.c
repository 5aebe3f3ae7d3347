#include "handlers/ingest/exposition.h"

#include "proto/little.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

const char *exposition_number(double value, char text[EXPOSITION_NUMBER]) {
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, EXPOSITION_NUMBER, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return text;
}

static void print_escaped(FILE *out, struct span value) {
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c == '\n')
            fputs("\\n", out);
        else if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else
            fputc(c, out);
    }
}

/* NAME SUFFIX {labels, with le if there is one} */
static void print_series(FILE *out, const struct series *series, const char *suffix, const char *le) {
    struct span rest = span_of(series->key, series->key_n), name = sample_take_text(&rest);
    const char *before = "{";
    fprintf(out, "%.*s%s", (int)name.n, name.p, suffix);
    while (rest.n > 0) {
        struct span label = sample_take_text(&rest), value = sample_take_text(&rest);
        fprintf(out, "%s%.*s=\"", before, (int)label.n, label.p);
        print_escaped(out, value);
        fputc('"', out);
        before = ",";
    }
    if (le) {
        fprintf(out, "%sle=\"%s\"", before, le);
        before = ",";
    }
    fputs(*before == ',' ? "} " : " ", out);
}

static void print_histogram(FILE *out, const struct series *series) {
    uint64_t sum = 0;
    char text[EXPOSITION_NUMBER];
    for (unsigned i = 0; i <= series->bounds_n; i++) {
        sum += series->counts[i];
        print_series(out, series, "_bucket",
                     i < series->bounds_n ? exposition_number(series->bounds[i], text) : "+Inf");
        fprintf(out, "%" PRIu64 "\n", sum);
    }
    print_series(out, series, "_sum", NULL);
    fprintf(out, "%s\n", exposition_number(series->value, text));
    print_series(out, series, "_count", NULL);
    fprintf(out, "%" PRIu64 "\n", sum);
}

static bool is_known(const struct series_family *family) {
    const struct series *series;
    TAILQ_FOREACH (series, &family->series, sibling)
        if (series->known)
            return true;
    return false;
}

static void print_family(FILE *out, const struct series_family *family) {
    const struct series *series;
    int n = (int)family->name_n;
    char text[EXPOSITION_NUMBER];
    if (!is_known(family))
        return;
    fprintf(out, "# HELP %.*s Received by sluice.\n# TYPE %.*s %s\n", n, family->name, n, family->name,
            sample_type_name(family->type));
    TAILQ_FOREACH (series, &family->series, sibling) {
        if (!series->known)
            continue;
        if (family->type == SAMPLE_HISTOGRAM) {
            print_histogram(out, series);
            continue;
        }
        print_series(out, series, "", NULL);
        fprintf(out, "%s\n", exposition_number(series->value, text));
    }
}

char *exposition_text(const struct series_table *table, size_t *n) {
    const struct series_family *family;
    char *text = NULL;
    FILE *out = open_memstream(&text, n);
    if (!out)
        return NULL;
    TAILQ_FOREACH (family, &table->list, link)
        print_family(out, family);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
