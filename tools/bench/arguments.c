#include "tools/bench/arguments.h"

#include "tools/sluiced/options.h"
#include "tools/version.h"

#include <stdlib.h>
#include <string.h>

struct arguments {
    struct bench_settings *settings;
    char *const *argv; /* what is left, NULL at the end */
    FILE *out, *messages;
    enum arguments_result result;
};

static void refuse(struct arguments *arguments, const char *name, const char *why) {
    fprintf(arguments->messages, "sluice-bench: %s: %s\n", name, why);
    arguments->result = ARGUMENTS_WRONG;
}

/* The options that have a short form. */
static const struct {
    char letter;
    const char *name;
} short_forms[] = {{'s', "server"}, {'c', "conns"}, {'t', "threads"}, {'d', "duration"}};
#define SHORT_FORMS (sizeof(short_forms) / sizeof(short_forms[0]))

/* ---- help -------------------------------------------------------------------------------------- */

static void print_option(FILE *out, const struct setting *row) {
    char name[32];
    snprintf(name, sizeof(name), "%s", row->name);
    for (char *p = name; *p; p++)
        if (*p == '_')
            *p = '-';
    fprintf(out, "  ");
    for (size_t i = 0; i < SHORT_FORMS; i++)
        if (strcmp(short_forms[i].name, row->name) == 0)
            fprintf(out, "-%c, ", short_forms[i].letter);
    fprintf(out, "--%s", name);
    if (row->kind != SETTING_FLAG)
        fprintf(out, " %s", option_value_name(row));
    fprintf(out, "\n        %s", row->help);
    if (*row->initial && strcmp(row->initial, "no") != 0)
        fprintf(out, " [%s]", row->initial);
    fprintf(out, "\n");
}

static void print_help(FILE *out) {
    fprintf(out, "usage: sluice-bench -s ADDR [OPTION]...\n"
                 "Loads a server with requests and reports throughput, latency, errors and its CPU time.\n"
                 "\n"
                 "  sluice-bench -s unix:/run/sluice.sock --mode fdpass -c 100 --pipeline 16 -d 5\n"
                 "  sluice-bench -s tcp:127.0.0.1:7080 --mode http --key /hello -c 50 --rate 10000\n"
                 "\n");
    for (size_t i = 0; i < bench_settings_table.count; i++)
        print_option(out, &bench_settings_table.rows[i]);
    fprintf(out, "  -H LINE\n        with --mode http or --over http: a field line, like \"Accept: "
                 "text/plain\"; may be repeated\n"
                 "  -h, --help\n  --version\n\n"
                 "Exit status: 0 all went well, 1 something failed (the report says what), 2 wrong usage.\n");
}

/* ---- one option -------------------------------------------------------------------------------- */

static const char *name_of_letter(char letter) {
    for (size_t i = 0; i < SHORT_FORMS; i++)
        if (short_forms[i].letter == letter)
            return short_forms[i].name;
    return NULL;
}

static int add_header(struct bench_settings *settings, const char *line) {
    char *joined;
    if (!strchr(line, ':') || strpbrk(line, "\r\n"))
        return -1;
    if (asprintf(&joined, "%s%s\r\n", settings->headers ? settings->headers : "", line) < 0)
        return -1;
    free(settings->headers);
    settings->headers = joined;
    return 0;
}

/* What an option means that is named without a value; NULL: it must have one. next: the word behind it, or NULL. */
static const char *bare_value(const struct setting *row, const char *next) {
    if (row->kind == SETTING_FLAG)
        return "yes";
    bool is_word = next && *next != '-';
    return strcmp(row->name, "touch") == 0 && !is_word ? "first" : NULL;
}

static void set(struct arguments *arguments, const char *name, const char *value) {
    const struct setting *row = option_find(&bench_settings_table, name);
    char why[OPTION_WHY];
    char option[48];
    snprintf(option, sizeof(option), "--%.40s", name);
    if (!row) {
        refuse(arguments, option, "unknown option; --help lists them");
        return;
    }
    if (!value)
        value = bare_value(row, *arguments->argv);
    if (!value && *arguments->argv)
        value = *arguments->argv++;
    if (!value) {
        refuse(arguments, option, "needs a value");
        return;
    }
    int error = row->kind == SETTING_LIST ? option_append(row, arguments->settings, value, why, sizeof(why))
                                          : option_set(row, arguments->settings, value, why, sizeof(why));
    if (error)
        refuse(arguments, option, why);
}

static void read_long(struct arguments *arguments, const char *text) {
    char name[48];
    const char *equals = strchr(text, '=');
    size_t n = equals ? (size_t)(equals - text) : strlen(text);
    snprintf(name, sizeof(name), "%.*s", (int)n, text);
    if (strcmp(name, "help") == 0) {
        print_help(arguments->out);
        arguments->result = ARGUMENTS_ENOUGH;
    } else if (strcmp(name, "version") == 0) {
        fprintf(arguments->out, "sluice-bench %s\n", SLUICE_VERSION);
        arguments->result = ARGUMENTS_ENOUGH;
    } else {
        set(arguments, name, equals ? equals + 1 : NULL);
    }
}

/* -c100 and -c 100 */
static void read_short(struct arguments *arguments, const char *text) {
    const char *name = name_of_letter(*text), *value = text[1] ? text + 1 : NULL;
    char option[] = {'-', *text, 0};
    if (*text == 'h') {
        read_long(arguments, "help");
    } else if (*text == 'H') {
        if (!value && *arguments->argv)
            value = *arguments->argv++;
        if (!value || add_header(arguments->settings, value) != 0)
            refuse(arguments, option, "needs a line \"Name: value\"");
    } else if (name) {
        set(arguments, name, value);
    } else {
        refuse(arguments, option, "unknown option; --help lists them");
    }
}

/* ---- all --------------------------------------------------------------------------------------- */

static bool delivers(const struct bench_settings *settings) {
    return settings->mode <= MODE_MIXED || settings->mode == MODE_HTTP;
}

static void judge(struct arguments *arguments) {
    struct bench_settings *settings = arguments->settings;
    if (!*settings->server)
        refuse(arguments, "-s", "which server? like -s unix:/run/sluice.sock or -s tcp:127.0.0.1:7080");
    else if (settings->threads > settings->conns)
        refuse(arguments, "-t", "more workers than connections");
    else if ((settings->verify || settings->touch != TOUCH_NO) && !delivers(settings))
        refuse(arguments, settings->verify ? "--verify" : "--touch", "this mode delivers no objects");
    else if (settings->rate > 0 && settings->requests_per_conn > 0 &&
             settings->requests_per_conn < settings->pipeline)
        refuse(arguments, "--pipeline", "more requests under way than a connection may have");
    if (settings->duration <= 0 && settings->requests == 0)
        settings->duration = 10;
}

enum arguments_result bench_arguments(struct bench_settings *settings, int argc, char *const *argv, FILE *out,
                                      FILE *messages) {
    struct arguments arguments = {.settings = settings,
                                  .argv = argv + (argc > 0),
                                  .out = out,
                                  .messages = messages,
                                  .result = ARGUMENTS_LOAD};
    *settings = (struct bench_settings){0};
    if (option_defaults(&bench_settings_table, settings) != 0)
        refuse(&arguments, "start", "out of memory");
    while (arguments.result == ARGUMENTS_LOAD && *arguments.argv) {
        const char *text = *arguments.argv++;
        if (text[0] == '-' && text[1] == '-')
            read_long(&arguments, text + 2);
        else if (text[0] == '-' && text[1])
            read_short(&arguments, text + 1);
        else
            refuse(&arguments, text, "not an option");
    }
    if (arguments.result == ARGUMENTS_LOAD)
        judge(&arguments);
    return arguments.result;
}

void bench_settings_free(struct bench_settings *settings) {
    option_release(&bench_settings_table, settings);
    free(settings->headers);
    settings->headers = NULL;
}
