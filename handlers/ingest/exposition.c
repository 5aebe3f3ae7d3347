#include "handlers/ingest/exposition.h"

#include "proto/memory_file.h"
#include "reactor/loop.h"
#include "reactor/request.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define STEP_SERIES 1000 /* series that are printed in one step: about a millisecond */

/* An exposition that is being printed. */
struct exposition {
    struct task task; /* first */
    struct loop *loop;
    struct series_table *table;
    uint64_t request; /* handle */
    void (*done)(struct request *request, char *text, size_t n);
    FILE *out; /* into text; NULL before the first step */
    char *text;
    size_t n;
    uint64_t family; /* the number of the one being printed */
};

const char *exposition_number(double value, char text[EXPOSITION_NUMBER]) {
    if (isinf(value))
        return value > 0 ? "+Inf" : "-Inf";
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

/* A label of a bucket or quantile; name NULL: none. */
struct part {
    const char *name;
    double at;
};

static const struct part whole = {NULL, 0};

/* NAME SUFFIX {labels, with that of the part} */
static void print_series(FILE *out, const struct series *series, const char *suffix, struct part part) {
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
    if (part.name) {
        char text[EXPOSITION_NUMBER];
        fprintf(out, "%s%s=\"%s\"", before, part.name, exposition_number(part.at, text));
        before = ",";
    }
    fputs(*before == ',' ? "} " : " ", out);
}

static void print_sum(FILE *out, const struct series *series, uint64_t count) {
    char text[EXPOSITION_NUMBER];
    print_series(out, series, "_sum", whole);
    fprintf(out, "%s\n", exposition_number(series->value, text));
    print_series(out, series, "_count", whole);
    fprintf(out, "%" PRIu64 "\n", count);
}

static void print_histogram(FILE *out, const struct series *series) {
    uint64_t sum = 0;
    for (unsigned i = 0; i <= series->bounds_n; i++) {
        sum += series->counts[i];
        print_series(out, series, "_bucket",
                     (struct part){"le", i < series->bounds_n ? series->bounds[i] : INFINITY});
        fprintf(out, "%" PRIu64 "\n", sum);
    }
    print_sum(out, series, sum);
}

static void print_summary(FILE *out, const struct series *series) {
    char text[EXPOSITION_NUMBER];
    for (unsigned i = 0; i < series->bounds_n; i++) {
        print_series(out, series, "", (struct part){"quantile", series->bounds[i]});
        fprintf(out, "%s\n", exposition_number(series->values[i], text));
    }
    print_sum(out, series, series->counts[0]);
}

static void print_heading(FILE *out, const struct series_family *family) {
    int n = (int)family->name_n;
    fprintf(out, "# HELP %.*s Received by sluice.\n# TYPE %.*s %s\n", n, family->name, n, family->name,
            sample_type_name(family->type));
}

static void print(struct exposition *exposition, const struct series *series) {
    char text[EXPOSITION_NUMBER];
    if (!series->known)
        return;
    if (exposition->family != series->family->number)
        print_heading(exposition->out, series->family);
    exposition->family = series->family->number;
    if (series->family->type == SAMPLE_HISTOGRAM) {
        print_histogram(exposition->out, series);
    } else if (series->family->type == SAMPLE_SUMMARY) {
        print_summary(exposition->out, series);
    } else {
        print_series(exposition->out, series, "", whole);
        fprintf(exposition->out, "%s\n", exposition_number(series->value, text));
    }
}

static void end(struct exposition *exposition, struct request *request) {
    bool good = exposition->out && fclose(exposition->out) == 0 && request;
    if (!good)
        free(exposition->text);
    if (request)
        exposition->done(request, good ? exposition->text : NULL, exposition->n);
    free(exposition);
}

static bool step(struct task *task) {
    struct exposition *exposition = (struct exposition *)(void *)task;
    struct request *request = request_find(exposition->loop, exposition->request);
    const struct series *series = NULL;
    if (request && !exposition->out) {
        exposition->out = memory_file_open(&exposition->text, &exposition->n);
        series_walk(exposition->table);
    }
    for (int i = 0; request && exposition->out && i < STEP_SERIES; i++) {
        series = series_walk_next(exposition->table);
        if (!series)
            break;
        print(exposition, series);
    }
    if (series)
        return true;
    end(exposition, request);
    return false;
}

void exposition_start(struct request *request, struct series_table *table,
                      void (*done)(struct request *request, char *text, size_t n)) {
    struct exposition *exposition = calloc(1, sizeof(*exposition));
    if (!exposition) {
        done(request, NULL, 0);
        return;
    }
    exposition->task.step = step;
    exposition->loop = request_loop(request);
    exposition->table = table;
    exposition->request = request_handle(request);
    exposition->done = done;
    tasks_add(&exposition->loop->tasks, &exposition->task);
}
