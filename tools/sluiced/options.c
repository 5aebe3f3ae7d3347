#include "tools/sluiced/options.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SECONDS_MAX 1e9 /* beyond that a deadline is a mistake; 0 says never */

static void *field_of(const struct setting *row, void *base) {
    return (char *)base + row->offset;
}

static const void *value_of(const struct setting *row, const void *base) {
    return (const char *)base + row->offset;
}

__attribute__((format(printf, 3, 4))) static int refuse(char *why, size_t why_size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, why_size, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

/* Digits and, for sizes, one of k, m, g. False: not a number, or over 64 bits. */
static bool read_number(const char *text, size_t n, bool suffix, uint64_t *out) {
    static const char suffixes[] = "kmg";
    uint64_t number = 0;
    unsigned shift = 0;
    if (suffix && n > 1) {
        const char *unit = strchr(suffixes, text[n - 1] | 0x20);
        if (unit && *unit) {
            shift = (unsigned)(unit - suffixes + 1) * 10;
            n--;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        if (__builtin_mul_overflow(number, 10u, &number) ||
            __builtin_add_overflow(number, (uint64_t)(text[i] - '0'), &number))
            return false;
    }
    *out = number << shift;
    return n > 0 && *out >> shift == number;
}

/* The bounds of "min..max", "min.." or "". */
static void read_range(const struct setting *row, uint64_t *low, uint64_t *high) {
    bool sizes = row->kind == SETTING_SIZE;
    const char *dots = strstr(row->range, "..");
    *low = 0;
    *high = INT64_MAX;
    if (!dots)
        return;
    read_number(row->range, (size_t)(dots - row->range), sizes, low);
    if (dots[2])
        read_number(dots + 2, strlen(dots + 2), sizes, high);
}

static int set_number(const struct setting *row, void *base, const char *text, char *why, size_t why_size) {
    bool size = row->kind == SETTING_SIZE;
    uint64_t value, low, high;
    if (!read_number(text, strlen(text), size, &value))
        return refuse(why, why_size, "'%s' is not a %s", text,
                      size ? "size, like 16384, 16k, 64m or 1g" : "whole number, like 16");
    read_range(row, &low, &high);
    if (value < low || value > high)
        return refuse(why, why_size, *row->range ? "%s is out of range %s" : "%s is too large", text,
                      row->range);
    if (size)
        *(uint64_t *)field_of(row, base) = value;
    else
        *(long *)field_of(row, base) = (long)value;
    return 0;
}

static int set_real(const struct setting *row, void *base, const char *text, char *why, size_t why_size) {
    size_t n = strspn(text, "0123456789.");
    const char *dots = strstr(row->range, "..");
    double low = dots ? atof(row->range) : 0, high = dots && dots[2] ? atof(dots + 2) : SECONDS_MAX;
    char *end;
    double value = strtod(text, &end);
    if (n == 0 || text[n] || *end) /* also keeps strtod's words and exponents out */
        return refuse(why, why_size, "'%s' is not a %s", text,
                      row->kind == SETTING_SHARE ? "share, like 0.8" : "number of seconds, like 10 or 0.2");
    if (value < low || value > high)
        return refuse(why, why_size, *row->range ? "%s is out of range %s" : "%s seconds are too many", text,
                      row->range);
    *(double *)field_of(row, base) = value;
    return 0;
}

/* The index of text among the words of "a|b|c", -1 if it is none of them. */
static int find_word(const char *words, const char *text) {
    size_t n = strlen(text);
    for (int index = 0;; index++) {
        size_t length = strcspn(words, "|");
        if (n == length && memcmp(words, text, n) == 0)
            return index;
        if (!words[length])
            return -1;
        words += length + 1;
    }
}

int option_flag(const char *text) {
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};
    for (int i = 0; i < (int)(sizeof words / sizeof *words); i++)
        if (strcasecmp(text, words[i]) == 0)
            return i % 2;
    return -1;
}

static int set_flag(const struct setting *row, void *base, const char *text, char *why, size_t why_size) {
    int flag = option_flag(text);
    if (flag < 0)
        return refuse(why, why_size, "'%s' is neither yes nor no", text);
    *(bool *)field_of(row, base) = flag;
    return 0;
}

static int set_choice(const struct setting *row, void *base, const char *text, char *why, size_t why_size) {
    int index = find_word(row->range, text), flag = option_flag(text);
    char words[OPTION_WHY];
    if (index < 0 && flag >= 0) /* true and false, where yes and no can be chosen */
        index = find_word(row->range, flag ? "yes" : "no");
    if (index >= 0) {
        *(int *)field_of(row, base) = index;
        return 0;
    }
    snprintf(words, sizeof words, "%s", row->range);
    for (char *bar; (bar = strchr(words, '|'));)
        *bar = ' ';
    return refuse(why, why_size, "'%s' is not one of: %s", text, words);
}

/* Takes over copy, which may be NULL. */
static int set_text(const struct setting *row, void *base, char *copy, char *why, size_t why_size) {
    char **field = field_of(row, base);
    if (!copy) {
        snprintf(why, why_size, "out of memory");
        return -ENOMEM;
    }
    free(*field);
    *field = copy;
    return 0;
}

/* Is the word one that the row offers, in "a,b,c"? A row without words offers any. */
static bool is_offered(const struct setting *row, const char *word, size_t n) {
    const char *offer = row->range;
    for (; *offer; offer += strspn(offer, ",")) {
        size_t length = strcspn(offer, ",");
        if (length == n && memcmp(offer, word, n) == 0)
            return true;
        offer += length;
    }
    return !row->range[0];
}

static int set_list(const struct setting *row, void *base, const char *text, char *why, size_t why_size) {
    char *copy = malloc(strlen(text) + 1), *end = copy;
    const char *joint = setting_joint(row);
    const char *word = text + strspn(text, " ");
    if (!copy)
        return set_text(row, base, NULL, why, why_size);
    while (*word || end > copy) {
        size_t length = strcspn(word, joint), n = length;
        while (n > 0 && word[n - 1] == ' ')
            n--;
        if (n == 0) {
            free(copy);
            return refuse(why, why_size, "'%s' has an empty word", text);
        }
        if (!is_offered(row, word, n)) {
            free(copy);
            return refuse(why, why_size, "'%.*s' is not one of: %s", (int)n, word, row->range);
        }
        memcpy(end, word, n);
        end += n;
        word += length;
        if (!*word)
            break;
        word++;
        word += strspn(word, " ");
        *end++ = *joint;
    }
    *end = 0;
    return set_text(row, base, copy, why, why_size);
}

int option_set(const struct setting *row, void *base, const char *text, char *why, size_t why_size) {
    switch (row->kind) {
    case SETTING_FLAG:
        return set_flag(row, base, text, why, why_size);
    case SETTING_NUMBER:
    case SETTING_SIZE:
        return set_number(row, base, text, why, why_size);
    case SETTING_SECONDS:
    case SETTING_SHARE:
        return set_real(row, base, text, why, why_size);
    case SETTING_CHOICE:
        return set_choice(row, base, text, why, why_size);
    case SETTING_TEXT:
        return set_text(row, base, strdup(text), why, why_size);
    case SETTING_LIST:
    case SETTING_SECRETS:
    case SETTING_LINES:
        return set_list(row, base, text, why, why_size);
    }
    return refuse(why, why_size, "no value can be given to %s", row->name);
}

int option_append(const struct setting *row, void *base, const char *word, char *why, size_t why_size) {
    char *const *field = value_of(row, base);
    char *joined;
    int error;
    if (!**field)
        return option_set(row, base, word, why, why_size);
    if (asprintf(&joined, "%s%s%s", *field, setting_joint(row), word) < 0)
        return set_text(row, base, NULL, why, why_size);
    error = option_set(row, base, joined, why, why_size);
    free(joined);
    return error;
}

int option_defaults(const struct settings_table *table, void *base) {
    char why[OPTION_WHY];
    for (size_t i = 0; i < table->count; i++) {
        int error = option_set(&table->rows[i], base, table->rows[i].initial, why, sizeof why);
        assert(error != -EINVAL); /* a default that its own range refuses */
        if (error)
            return error;
    }
    return 0;
}

void option_release(const struct settings_table *table, void *base) {
    for (size_t i = 0; i < table->count; i++) {
        const struct setting *row = &table->rows[i];
        if (row->kind == SETTING_TEXT || setting_joint(row)) {
            char **field = field_of(row, base);
            free(*field);
            *field = NULL;
        }
    }
}

const struct setting *option_find(const struct settings_table *table, const char *name) {
    for (size_t i = 0; i < table->count; i++) {
        const char *a = table->rows[i].name, *b = name;
        while (*a && (*a == *b || (*a == '_' && *b == '-')))
            a++, b++;
        if (!*a && !*b)
            return &table->rows[i];
    }
    return NULL;
}

bool option_has_words(const struct setting *row) {
    return row->range[0] && (row->kind == SETTING_CHOICE || row->kind == SETTING_LIST);
}

const char *option_value_name(const struct setting *row) {
    static const char *const names[] = {
        [SETTING_FLAG] = "yes|no",     [SETTING_NUMBER] = "N",    [SETTING_SIZE] = "SIZE",
        [SETTING_SECONDS] = "SECONDS", [SETTING_SHARE] = "SHARE", [SETTING_TEXT] = "TEXT",
        [SETTING_LIST] = "A,B",        [SETTING_LINES] = "A,B",   [SETTING_SECRETS] = "A,B"};
    return option_has_words(row) ? row->range : names[row->kind];
}

static void print_size(uint64_t value, char *out, size_t size) {
    static const char suffixes[] = "kmg";
    int unit = -1;
    while (value > 0 && value % 1024 == 0 && unit < 2) {
        value /= 1024;
        unit++;
    }
    snprintf(out, size, unit < 0 ? "%llu" : "%llu%c", (unsigned long long)value,
             unit < 0 ? 0 : suffixes[unit]);
}

static void print_real(double value, char *out, size_t size) {
    size_t n = (size_t)snprintf(out, size, "%.9f", value);
    while (out[n - 1] == '0')
        n--;
    if (out[n - 1] == '.')
        n--;
    out[n] = 0;
}

static char *copy_choice(const struct setting *row, int index) {
    const char *word = row->range;
    for (; index > 0; index--)
        word += strcspn(word, "|") + 1;
    return strndup(word, strcspn(word, "|"));
}

char *option_text(const struct setting *row, const void *base) {
    const void *value = value_of(row, base);
    char text[64] = "";
    switch (row->kind) {
    case SETTING_FLAG:
        return strdup(*(const bool *)value ? "yes" : "no");
    case SETTING_NUMBER:
        snprintf(text, sizeof text, "%ld", *(const long *)value);
        break;
    case SETTING_SIZE:
        print_size(*(const uint64_t *)value, text, sizeof text);
        break;
    case SETTING_SECONDS:
    case SETTING_SHARE:
        print_real(*(const double *)value, text, sizeof text);
        break;
    case SETTING_CHOICE:
        return copy_choice(row, *(const int *)value);
    case SETTING_TEXT:
    case SETTING_LIST:
    case SETTING_SECRETS:
    case SETTING_LINES:
        return strdup(*(char *const *)value);
    }
    return strdup(text);
}
