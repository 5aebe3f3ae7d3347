#include "tools/sluiced/usage.h"

#include "tools/sluiced/config.h"
#include "tools/sluiced/options.h"
#include "tools/sluiced/sections.h"
#include "tools/version.h"

#include <string.h>

#define NAME_COLUMN 32

static const char *const usage =
    "usage: sluiced [-c FILE] [--root DIR] [--listen ADDRESS]... [--OPTION VALUE]...\n"
    "\n"
    "One daemon in front of a host's files, metrics and upstream services: the object protocol, HTTP, "
    "JSON-RPC\n"
    "and MCP on the same Unix and TCP sockets.\n"
    "\n"
    "  -c, --config FILE             read FILE first; what follows overrides it\n"
    "  --root DIR                    serve the files below DIR, with no prefix to their keys\n"
    "  --listen ADDRESS              take connections at unix:/PATH, unix:@NAME, tcp:HOST:PORT\n"
    "                                (may be repeated; adds to the file's)\n"
    "  --check                       check the configuration, print what it means, and exit\n"
    "  --options                     print all options as Markdown tables\n"
    "  --methods                     print the methods of JSON-RPC as a Markdown table\n"
    "  -h, --help                    print this\n"
    "  --version                     print the version\n";

static const char *const forms =
    "\n"
    "An option is written --NAME VALUE or --NAME=VALUE, with - or _ in its name, and --NAME alone means\n"
    "yes; in the file NAME = VALUE. Durations are seconds, sizes may end in k, m or g.\n";

static const char *const examples = "\n"
                                    "examples:\n"
                                    "  sluiced --root /srv/models --listen unix:/run/sluice.sock\n"
                                    "  sluiced --root . --listen tcp:127.0.0.1:7080 --uring off --log debug\n"
                                    "  sluiced -c /etc/sluiced.conf --check\n";

/* " [64m; 1m..]": the default and the range, as far as there are any. */
static void print_facts(const struct setting *row, FILE *out) {
    const char *range = option_has_words(row) ? "" : row->range;
    if (row->initial[0] || range[0])
        fprintf(out, " [%s%s%s]", row->initial, row->initial[0] && range[0] ? "; " : "", range);
}

static void print_rows(const struct settings_table *table, const char *prefix, FILE *out) {
    for (size_t i = 0; i < table->count; i++) {
        const struct setting *row = &table->rows[i];
        int n = fprintf(out, "  %s", prefix);
        for (const char *p = row->name; *p; p++, n++)
            fputc(*p == '_' && prefix[0] ? '-' : *p, out);
        n += fprintf(out, "%s%s", prefix[0] ? " " : " = ", option_value_name(row));
        if (n >= NAME_COLUMN)
            n = fprintf(out, "\n") - 1;
        fprintf(out, "%*s%s", NAME_COLUMN - n, "", row->help);
        print_facts(row, out);
        fputc('\n', out);
    }
}

void usage_print_help(FILE *out) {
    const struct config_table *joined;
    const struct section *kind;
    fputs(usage, out);
    fputs(forms, out);
    for (size_t i = 0; (joined = config_table(i)); i++) {
        fprintf(out, "\n%s [default; range]:\n", joined->table->title);
        print_rows(joined->table, "--", out);
    }
    for (size_t i = 0; (kind = section_kind(i)); i++) {
        fprintf(out, "\nin the file, %s%s%s%s { ... }: %s\n", kind->name, kind->title ? " \"" : "",
                kind->title ? kind->title : "", kind->title ? "\"" : "", kind->help);
        print_rows(kind->table, "", out);
    }
    fputs(examples, out);
}

void usage_print_version(FILE *out) {
    fprintf(out, "sluiced %s\n", SLUICE_VERSION);
}

/* Prints the text of a cell, escaping bars, which would end it. */
static void print_cell(const char *text, FILE *out) {
    for (; *text; text++)
        fprintf(out, *text == '|' ? "\\|" : "%c", *text);
}

static void print_markdown(const struct settings_table *table, FILE *out) {
    fprintf(out, "\n| option | value | default | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < table->count; i++) {
        const struct setting *row = &table->rows[i];
        fprintf(out, "| `%s` | ", row->name);
        print_cell(option_value_name(row), out);
        if (row->range[0] && !option_has_words(row))
            fprintf(out, " (%s)", row->range);
        fprintf(out, " | %s | ", row->initial);
        print_cell(row->help, out);
        fprintf(out, " |\n");
    }
}

/* "[listen](#listen)": headings without anything but letters are their own anchors. */
static void print_contents(FILE *out) {
    const struct config_table *joined;
    const struct section *kind;
    fprintf(out, "\nTop level:");
    for (size_t i = 0; (joined = config_table(i)); i++)
        fprintf(out, "%s [%s](#%s)", i ? "," : "", joined->table->title, joined->table->title);
    fprintf(out, ". Sections of the file:");
    for (size_t i = 0; (kind = section_kind(i)); i++)
        fprintf(out, "%s [%s](#%s)", i ? "," : "", kind->name, kind->name);
    fprintf(out, ".\n");
}

void usage_print_options(FILE *out) {
    const struct config_table *joined;
    const struct section *kind;
    print_contents(out);
    for (size_t i = 0; (joined = config_table(i)); i++) {
        fprintf(out, "\n## %s\n", joined->table->title);
        print_markdown(joined->table, out);
    }
    for (size_t i = 0; (kind = section_kind(i)); i++) {
        fprintf(out, "\n## %s\n\n`%s%s%s%s { ... }`: %s\n", kind->name, kind->name, kind->title ? " \"" : "",
                kind->title ? kind->title : "", kind->title ? "\"" : "", kind->help);
        print_markdown(kind->table, out);
    }
    fputc('\n', out);
}
