#include "handlers/http/prometheus.h"

#include "proto/memory_file.h"
#include "reactor/loop.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LENGTH 128

/* sluice_GROUP_NAME: lower case, the group only once, with the unit, and with _total for counters only, as the
 * conventions require. */
static void make_name(char *name, const char *group, const struct counter *row) {
    const char *suffix = row->kind == COUNTER_TOTAL       ? "_total"
                         : row->kind == COUNTER_HISTOGRAM ? "_seconds"
                                                          : "";
    const char *field = row->name;
    size_t n = strlen(group);
    if (strncmp(field, group, n) == 0 && field[n] == '_')
        field += n + 1;
    n = strlen(field);
    if (row->kind == COUNTER_GAUGE && n > 6 && strcmp(field + n - 6, "_total") == 0)
        n -= 6;
    snprintf(name, NAME_MAX_LENGTH, "sluice_%s_%.*s%s", group, (int)n, field, suffix);
    for (; *name; name++)
        *name = (char)tolower((unsigned char)*name);
}

size_t prometheus_label(char *out, size_t size, const char *name, const char *value) {
    size_t n = (size_t)snprintf(out, size, "%s=\"", name), end = size - sizeof("\\x\"");
    for (; *value && n < end; value++) {
        bool escaped = *value == '"' || *value == '\\' || *value == '\n';
        if (escaped)
            out[n++] = '\\';
        out[n++] = *value == '\n' ? 'n' : *value;
    }
    out[n++] = '"';
    out[n] = '\0';
    return n;
}

/* labels: those of the table, or "". */
static void print_summary(FILE *out, const char *name, const char *labels, const struct histogram *h,
                          double unit) {
    static const double quantiles[] = {0.5, 0.9, 0.99, 0.999};
    const char *comma = *labels ? "," : "", *open = *labels ? "{" : "", *close = *labels ? "}" : "";
    for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
        fprintf(out, "%s{%s%squantile=\"%g\"} %.9g\n", name, labels, comma, quantiles[i],
                (double)histogram_quantile(h, quantiles[i]) * unit);
    fprintf(out, "%s_sum%s%s%s %.9g\n", name, open, labels, close, (double)h->sum * unit);
    fprintf(out, "%s_count%s%s%s %llu\n", name, open, labels, close, (unsigned long long)h->count);
}

static void print_heading(FILE *out, const struct counters_table *table, const struct counter *row) {
    static const char *const types[] = {[COUNTER_TOTAL] = "counter",
                                        [COUNTER_GAUGE] = "gauge",
                                        [COUNTER_RATIO] = "gauge",
                                        [COUNTER_HISTOGRAM] = "summary",
                                        [COUNTER_VALUES] = "summary"};
    char name[NAME_MAX_LENGTH];
    make_name(name, table->title, row);
    fprintf(out, "# HELP %s %s.\n# TYPE %s %s\n", name, row->help, name, types[row->kind]);
}

static void print_row(FILE *out, const struct counters_table *table, const struct counter *row,
                      const char *labels) {
    const char *open = *labels ? "{" : "", *close = *labels ? "}" : "";
    char name[NAME_MAX_LENGTH];
    const void *field = (const char *)table->base + row->offset;
    make_name(name, table->title, row);
    if (row->kind == COUNTER_HISTOGRAM)
        print_summary(out, name, labels, field, 1e-9);
    else if (row->kind == COUNTER_VALUES)
        print_summary(out, name, labels, field, 1);
    else if (row->kind == COUNTER_RATIO)
        fprintf(out, "%s%s%s%s %.6g\n", name, open, labels, close, *(const double *)field);
    else
        fprintf(out, "%s%s%s%s %llu\n", name, open, labels, close,
                (unsigned long long)*(const uint64_t *)field);
}

/* All samples of a metric must follow its heading, so each row takes a pass over all tables of a source. */
struct pass {
    FILE *out;
    const struct counter *rows; /* of the current title's tables; NULL: not known yet */
    size_t count, row;
    const struct counter *done; /* rows of the previous title */
    bool headed;
};

static void print_labelled(void *to, const struct counters_table *table, const char *name,
                           const char *labels) {
    struct pass *pass = to;
    (void)name;
    if (!pass->rows && table->rows != pass->done) {
        pass->rows = table->rows;
        pass->count = table->count;
    }
    if (table->rows != pass->rows)
        return;
    if (!pass->headed)
        print_heading(pass->out, table, &table->rows[pass->row]);
    pass->headed = true;
    print_row(pass->out, table, &table->rows[pass->row], labels);
}

/* A source has at most two titles. */
static void print_source(FILE *out, const struct counters_source *source) {
    const struct counter *done = NULL;
    for (int title = 0; title < 2; title++) {
        struct pass pass = {.out = out, .count = 1, .done = done};
        for (; pass.row < pass.count; pass.row++) {
            pass.headed = false;
            source->each(source->context, print_labelled, &pass);
        }
        done = pass.rows;
    }
}

char *prometheus_text(struct loop *loop) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = memory_file_open(&text, &size);
    if (!out)
        return NULL;
    loop_sample(loop);
    for (unsigned i = 0; i < loop->counters_count; i++)
        for (size_t row = 0; row < loop->counters[i].count; row++) {
            print_heading(out, &loop->counters[i], &loop->counters[i].rows[row]);
            print_row(out, &loop->counters[i], &loop->counters[i].rows[row], "");
        }
    for (unsigned i = 0; i < loop->sources_count; i++)
        print_source(out, &loop->sources[i]);
    return fclose(out) == 0 ? text : NULL;
}
