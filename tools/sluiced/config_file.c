/* To libconfuse every option is a text; each value goes through a callback, which sets it at once and thus knows its
 * line:
 *
 *     file -> prepare -> cfg_parse_fp -> section opens: read_start  -> section_add
 *                                            -> value:         read_value  -> option_set | config_set
 *                                                              bad: problems_add(), and the file is read on
 *                                            -> syntax error:  read_error, which ends the reading
 *
 * libconfuse passes no pointer of ours to callbacks, but it copies an option's def.number, which texts do not use:
 * there we keep the address of struct reading. Nor does it call back when a section opens, but it parses the defaults
 * of the section's options then: so each section has one more option, of which only the default is ever read. */
#include "tools/sluiced/config_file.h"

#include "tools/sluiced/options.h"
#include "tools/sluiced/sections.h"

#include <confuse.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX   (1 << 20)
#define START_NAME " start"  /* no name that could be written without quotes */
#define GIVEN      (1 << 24) /* our flag of an option whose value was read; libconfuse uses the lowest 13 */

struct reading {
    struct daemon_config *config;
    const struct section *kind; /* of the section that opened last */
    struct section_head *head;  /* its element */
    const cfg_t *section;       /* libconfuse's */
    struct problems *problems;
    bool told; /* the reason of a syntax error has been written */
};

static struct reading *reading_of(const cfg_opt_t *opt) {
    return (struct reading *)opt->def.number;
}

/* cfg->line is where the token was read that made libconfuse ask. */
static void where_now(const cfg_t *cfg, char *out, size_t size) {
    snprintf(out, size, "%s:%d", cfg->filename, cfg->line);
}

static bool is_section(const char *name) {
    const struct section *kind;
    for (size_t i = 0; (kind = section_kind(i)); i++)
        if (strcmp(kind->name, name) == 0)
            return true;
    return false;
}

/* Prints where an option or section that is unknown here would be known: with other dashes, outside, or in a
 * section. */
static void print_hint(const struct reading *reading, bool inside, const char *name, FILE *out) {
    const struct setting *outside = config_option(name);
    const struct setting *here = inside ? option_find(reading->kind->table, name) : outside;
    const struct section *kind;
    const char *joint = "; it stands in a section: ";
    if (here)
        fprintf(out, "; in a file it is %s", here->name);
    else if (outside || (inside && is_section(name)))
        fprintf(out, "; it stands outside of sections");
    for (size_t i = 0; !here && !outside && (kind = section_kind(i)); i++) {
        if (option_find(kind->table, name)) {
            fprintf(out, "%s%s", joint, kind->name);
            joint = ", ";
        }
    }
}

static void read_error(cfg_t *cfg, const char *format, va_list arguments) {
    static const char unknown[] = "no such option '";
    struct reading *reading = reading_of(&cfg->opts[0]);
    FILE *out = reading->problems->out;
    char text[CONFIG_WHY], name[64];
    vsnprintf(text, sizeof text, format, arguments);
    fprintf(out, "%s:%d: %s", cfg->filename, cfg->line, text);
    if (strncmp(text, unknown, sizeof unknown - 1) == 0) {
        const char *start = text + sizeof unknown - 1;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(start, "'"), start);
        print_hint(reading, reading->section == cfg, name, out);
    }
    fputc('\n', out);
    reading->told = true;
}

static int read_start(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result) {
    struct reading *reading = reading_of(opt);
    char where[CONFIG_WHY];
    if (reading->section == cfg) {
        cfg_error(cfg, "no such option '%s'", START_NAME);
        return -1;
    }
    where_now(cfg, where, sizeof where);
    reading->kind = section_named(cfg->name);
    reading->head = section_add(reading->kind, reading->config, section_count(reading->kind, reading->config),
                                cfg->title, where);
    if (!reading->head) {
        cfg_error(cfg, "out of memory");
        return -1;
    }
    reading->section = cfg;
    *(const char **)result = value;
    return 0;
}

static int read_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result) {
    struct reading *reading = reading_of(opt);
    char where[CONFIG_WHY], why[CONFIG_WHY] = "out of memory";
    bool append = (opt->flags & CFGF_LIST) && opt->nvalues > 1;
    int error;
    where_now(cfg, where, sizeof where);
    if (!append && (opt->flags & GIVEN)) {
        snprintf(why, sizeof why, "has a value already");
        error = -EINVAL;
    } else if (reading->section == cfg) {
        const struct setting *row = option_find(reading->kind->table, opt->name);
        error = append ? option_append(row, reading->head, value, why, sizeof why)
                       : option_set(row, reading->head, value, why, sizeof why);
    } else {
        error = config_set(reading->config, opt->name, value, append, where, why, sizeof why);
    }
    if (error == -EINVAL) {
        problems_add(reading->problems, where, "%s: %s", opt->name, why);
    } else if (error) {
        cfg_error(cfg, "%s: %s", opt->name, why);
        return -1;
    }
    opt->flags |= GIVEN;
    *(const char **)result = value;
    return 0;
}

static cfg_opt_t option_of(const struct setting *row, struct reading *reading) {
    return (cfg_opt_t){.name = row->name,
                       .type = CFGT_STR,
                       .flags = CFGF_NODEFAULT | (setting_joint(row) ? CFGF_LIST : CFGF_NONE),
                       .def = {.number = (long)reading},
                       .parsecb = read_value};
}

static void options_of(const struct settings_table *table, struct reading *reading, cfg_opt_t *out) {
    for (size_t i = 0; i < table->count; i++)
        out[i] = option_of(&table->rows[i], reading);
}

/* The options of one kind of section, the hidden one last; allocated, NULL without memory. */
static cfg_opt_t *section_options(const struct section *kind, struct reading *reading) {
    static const char empty[] = "''"; /* as it is written in a file */
    cfg_opt_t *options = calloc(kind->table->count + 2, sizeof *options);
    if (!options)
        return NULL;
    options_of(kind->table, reading, options);
    options[kind->table->count] = (cfg_opt_t){.name = START_NAME,
                                              .type = CFGT_STR,
                                              .def = {.number = (long)reading, .parsed = (char *)empty},
                                              .parsecb = read_start};
    return options;
}

/* All options of the file, allocated, with those of sections in their subopts; NULL without memory. */
static cfg_opt_t *file_options(struct reading *reading) {
    const struct config_table *joined;
    const struct section *kind;
    size_t count = 0, at = 0;
    cfg_opt_t *options;
    for (size_t i = 0; (joined = config_table(i)); i++)
        count += joined->table->count;
    for (size_t i = 0; section_kind(i); i++)
        count++;
    options = calloc(count + 1, sizeof *options);
    if (!options)
        return NULL;
    for (size_t i = 0; (joined = config_table(i)); at += joined->table->count, i++)
        options_of(joined->table, reading, options + at);
    for (size_t i = 0; (kind = section_kind(i)); i++) {
        cfg_opt_t *options_inside = section_options(kind, reading);
        if (!options_inside)
            break;
        options[at++] =
            (cfg_opt_t)CFG_SEC(kind->name, options_inside,
                               kind->title ? CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES : CFGF_MULTI);
    }
    return options;
}

static void free_options(cfg_opt_t *options) {
    for (cfg_opt_t *option = options; option && option->name; option++)
        free(option->subopts);
    free(options);
}

/* Replaces n bytes by spaces and keeps the lines. */
static void blank(char *text, size_t n) {
    for (; n > 0; n--, text++)
        if (*text != '\n')
            *text = ' ';
}

/* Length of the string in quotes that starts here, without the last quote; up to the NUL if it has none. */
static size_t string_length(const char *text) {
    size_t n = 1;
    while (text[n] && text[n] != text[0])
        n += text[n] == '\\' && text[n + 1] ? 2 : 1;
    return n;
}

/* Does what libconfuse does not: replaces comments, for which it counts too many lines, and a byte order mark by
 * spaces, and finds a section, comment or string without an end. Returns where that starts, with why, or NULL. */
static const char *prepare(char *text, const char **why) {
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    const char *outermost = NULL;
    int depth = 0;
    if (strncmp(text, byte_order_mark, 3) == 0)
        memset(text, ' ', 3);
    for (char *p = text; *p; p++) {
        if (*p == '"' || *p == '\'') {
            const char *start = p;
            p += string_length(p);
            *why = "string without end";
            if (!*p)
                return start;
        } else if (*p == '#' || (p[0] == '/' && p[1] == '/')) {
            blank(p, strcspn(p, "\n"));
        } else if (p[0] == '/' && p[1] == '*') {
            const char *end = strstr(p + 2, "*/");
            *why = "comment without end";
            if (!end)
                return p;
            blank(p, (size_t)(end + 2 - p));
        } else if (*p == '{' && depth++ == 0) {
            outermost = p;
        } else if (*p == '}') {
            depth--;
        }
    }
    *why = "section or list without end";
    return depth > 0 ? outermost : NULL;
}

static int line_of(const char *text, const char *place) {
    int line = 1;
    for (; text < place; text++)
        line += *text == '\n';
    return line;
}

/* Reads the whole file, with a NUL after it, allocated; NULL, after the reason was written. */
static char *read_whole(const char *path, FILE *messages) {
    char *text = malloc(FILE_MAX + 1);
    FILE *file = text ? fopen(path, "re") : NULL;
    size_t n = 0;
    const char *reason = NULL;
    errno = text ? errno : ENOMEM;
    if (file) {
        errno = 0;
        n = fread(text, 1, FILE_MAX + 1, file);
    }
    if (!file || ferror(file))
        reason = strerror(errno);
    else if (n > FILE_MAX)
        reason = "larger than 1 MiB";
    else if (memchr(text, 0, n))
        reason = "not a text: it has zero bytes";
    if (file)
        fclose(file);
    if (reason) {
        fprintf(messages, "sluiced: %s: %s\n", path, reason);
        free(text);
        return NULL;
    }
    text[n] = 0;
    return text;
}

static int parse(struct reading *reading, const char *path, char *text) {
    cfg_opt_t *options = file_options(reading);
    cfg_t *cfg = options ? cfg_init(options, CFGF_NONE) : NULL;
    FILE *stream = *text ? fmemopen(text, strlen(text), "r") : NULL;
    int error = -ENOMEM;
    if (cfg && (stream || !*text) && (cfg->filename = strdup(path))) {
        cfg_set_error_function(cfg, read_error);
        error = stream && cfg_parse_fp(cfg, stream) != CFG_SUCCESS ? -EINVAL : 0;
    }
    if (error && !reading->told)
        fprintf(reading->problems->out, "sluiced: %s: %s\n", path, strerror(-error));
    if (stream)
        fclose(stream);
    if (cfg)
        cfg_free(cfg);
    free_options(options);
    return error;
}

int config_file_read(struct daemon_config *config, const char *path, struct problems *problems) {
    struct reading reading = {.config = config, .problems = problems};
    char *text = read_whole(path, problems->out);
    const char *open, *why;
    int error = -EINVAL;
    if (!text)
        return error;
    open = prepare(text, &why);
    if (open)
        fprintf(problems->out, "%s:%d: %s\n", path, line_of(text, open), why);
    else
        error = parse(&reading, path, text);
    free(text);
    return error;
}
