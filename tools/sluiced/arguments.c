#include "tools/sluiced/arguments.h"

#include "tools/nofile.h"
#include "tools/sluiced/check.h"
#include "tools/sluiced/config_file.h"
#include "tools/sluiced/methods.h"
#include "tools/sluiced/options.h"
#include "tools/sluiced/routes.h"
#include "tools/sluiced/sections.h"
#include "tools/sluiced/usage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum action { ACTION_SERVE, ACTION_CHECK, ACTION_HELP, ACTION_VERSION, ACTION_OPTIONS, ACTION_METHODS };

/* One argument: --NAME=VALUE, --NAME VALUE, --FLAG, or a word that stands alone. */
struct argument {
    char name[64]; /* without dashes */
    const char *value;
};

struct words {
    char *const *at, *const *end;
    FILE *messages;
};

static const struct {
    const char *name;
    enum action action;
} actions[] = {
    {"check", ACTION_CHECK},     {"help", ACTION_HELP},       {"h", ACTION_HELP},
    {"version", ACTION_VERSION}, {"options", ACTION_OPTIONS}, {"methods", ACTION_METHODS},
};

static int find_action(const char *name) {
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i].name, name) == 0)
            return (int)actions[i].action;
    return -1;
}

static bool is_option(const char *name) {
    static const char *const own[] = {"c", "config", "root", "listen"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(own[i], name) == 0)
            return true;
    return config_option(name) != NULL;
}

/* The value of --NAME: the next argument, or yes for a flag that is not followed by a value. */
static const char *value_of(struct words *cursor, const char *name) {
    const struct setting *row = config_option(name);
    bool flag = row && row->kind == SETTING_FLAG;
    if (cursor->at < cursor->end && (!flag || option_flag(*cursor->at) >= 0))
        return *cursor->at++;
    return flag ? "yes" : NULL;
}

/* 1: *out is the next argument; 0: there is none; -EINVAL after a message. */
static int next_argument(struct words *cursor, struct argument *out) {
    const char *text, *name, *equals;
    size_t n;
    bool dashes;
    if (cursor->at == cursor->end)
        return 0;
    text = *cursor->at++;
    name = text + strspn(text, "-");
    equals = strchr(name, '=');
    n = equals ? (size_t)(equals - name) : strlen(name);
    snprintf(out->name, sizeof out->name, "%.*s", (int)n, name);
    out->value = equals ? equals + 1 : NULL;
    dashes = name - text == (n == 1 ? 1 : 2);
    if (dashes && !equals && find_action(out->name) >= 0)
        return 1;
    if (!dashes || !is_option(out->name)) {
        fprintf(cursor->messages, "sluiced: %s: no such option; sluiced --help lists them\n", text);
        return -EINVAL;
    }
    if (!out->value)
        out->value = value_of(cursor, out->name);
    if (!out->value) {
        fprintf(cursor->messages, "sluiced: %s: a value is missing\n", text);
        return -EINVAL;
    }
    return 1;
}

static bool names_file(const struct argument *argument) {
    return strcmp(argument->name, "c") == 0 || strcmp(argument->name, "config") == 0;
}

/* First pass: checks that every argument is an option, and finds the action and the file to read. */
static int survey(struct words cursor, enum action *action, const char **file) {
    struct argument argument;
    int more;
    while ((more = next_argument(&cursor, &argument)) > 0) {
        int asked = find_action(argument.name);
        if (asked >= 0) {
            *action = (enum action)asked;
            if (asked == ACTION_HELP || asked == ACTION_VERSION)
                return 0;
        } else if (names_file(&argument)) {
            if (*file) {
                fprintf(cursor.messages, "sluiced: --config: given twice\n");
                return -EINVAL;
            }
            *file = argument.value;
        }
    }
    return more;
}

/* --root is the root "" of the file, or replaces it. */
static int set_root(struct daemon_config *config, const char *path, char *why, size_t why_size) {
    const struct section *kind = section_named("root");
    struct root_config *root = NULL;
    char *where;
    for (size_t i = 0; i < config->roots_count; i++)
        if (!config->roots[i].name[0])
            root = &config->roots[i];
    if (!root)
        root = section_add(kind, config, config->roots_count, "", "");
    where = root ? strdup("--root") : NULL;
    if (!where)
        return -ENOMEM;
    free(root->where);
    root->where = where;
    return option_set(option_find(kind->table, "path"), root, path, why, why_size);
}

/* Second pass: the values, over those of the file. */
static int apply(struct words cursor, struct daemon_config *config) {
    struct argument argument;
    size_t listens = 0;
    while (next_argument(&cursor, &argument) > 0) {
        char why[CONFIG_WHY] = "out of memory", where[sizeof argument.name + 2];
        int error = 0;
        snprintf(where, sizeof where, "--%s", argument.name);
        if (find_action(argument.name) >= 0 || names_file(&argument))
            continue;
        if (strcmp(argument.name, "root") == 0)
            error = set_root(config, argument.value, why, sizeof why);
        else if (strcmp(argument.name, "listen") == 0)
            error =
                section_add(section_named("listen"), config, listens++, argument.value, where) ? 0 : -ENOMEM;
        else
            error = config_set(config, argument.name, argument.value, false, where, why, sizeof why);
        if (error) {
            fprintf(cursor.messages, "sluiced: %s: %s\n", where, why);
            return error;
        }
    }
    return 0;
}

/* refused: values that the file could not set. */
static enum arguments_outcome judge(struct daemon_config *config, unsigned refused, bool check, FILE *out,
                                    FILE *messages) {
    long nofile = nofile_raise();
    unsigned problems = refused + check_config(config, messages) + routes_check(config, messages);
    problems += check_resolved(config, nofile, messages);
    if (check) /* a start tells by itself */
        problems += check_files(config, messages);
    if (problems)
        return ARGUMENTS_BAD;
    if (!check)
        return ARGUMENTS_RUN;
    check_print(config, nofile, true, out);
    return ARGUMENTS_DONE;
}

enum arguments_outcome arguments_read(struct daemon_config *config, int argc, char *const *argv, FILE *out,
                                      FILE *messages) {
    struct words cursor = {argv + 1, argv + (argc > 0 ? argc : 1), messages};
    enum action action = ACTION_SERVE;
    const char *file = NULL;
    if (survey(cursor, &action, &file) != 0)
        return ARGUMENTS_BAD;
    switch (action) {
    case ACTION_HELP:
        usage_print_help(out);
        return ARGUMENTS_DONE;
    case ACTION_VERSION:
        usage_print_version(out);
        return ARGUMENTS_DONE;
    case ACTION_OPTIONS:
        usage_print_options(out);
        return ARGUMENTS_DONE;
    case ACTION_METHODS:
        return methods_print(out) == 0 ? ARGUMENTS_DONE : ARGUMENTS_BAD;
    case ACTION_SERVE:
    case ACTION_CHECK:
        break;
    }
    struct problems problems = {.out = messages};
    if ((file && config_file_read(config, file, &problems) != 0) || apply(cursor, config) != 0)
        return ARGUMENTS_BAD;
    return judge(config, problems.count, action == ACTION_CHECK, out, messages);
}
