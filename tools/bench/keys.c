#include "tools/bench/keys.h"

#include "proto/object.h"
#include "tools/client/sluice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define ZIPF         "zipf"
#define LIST_TIMEOUT 10000 /* ms */

/* Text that grows: lines, each ended by '\n'. */
struct lines {
    char *text;
    size_t n, size;
    int error;
};

static void add_line(struct lines *lines, const char *line, size_t n) {
    if (!lines->text || lines->n + n + 1 > lines->size) {
        size_t size = 2 * lines->size + n + 4096;
        char *text = realloc(lines->text, size);
        if (!text) {
            lines->error = -ENOMEM;
            return;
        }
        lines->text = text;
        lines->size = size;
    }
    memcpy(lines->text + lines->n, line, n);
    lines->n += n;
    lines->text[lines->n++] = '\n';
}

static void read_file(struct lines *lines, FILE *file) {
    char *line = NULL;
    size_t size = 0;
    for (ssize_t n; (n = getline(&line, &size, file)) >= 0;) {
        if (n > 0 && line[n - 1] == '\n')
            n--;
        if (n > 0 && line[n - 1] == '\r')
            n--;
        if (n > 0)
            add_line(lines, line, (size_t)n);
    }
    free(line);
}

static void split_words(struct lines *lines, const char *words) {
    for (const char *word = words; *word;) {
        size_t n = strcspn(word, ",");
        add_line(lines, word, n);
        word += n + (word[n] == ',');
    }
}

static int add_key(void *lines, const char *key) {
    add_line(lines, key, strlen(key));
    return 0;
}

/* Asks the first server for the keys that start with prefix. */
static int list_prefix(struct lines *lines, const char *servers, const char *prefix, char *why,
                       size_t why_size) {
    struct sluice *client = NULL;
    char *server = strndup(servers, strcspn(servers, ","));
    int result = server ? sluice_connect(&client, server, LIST_TIMEOUT) : -ENOMEM;
    if (result == 0)
        result = sluice_list(client, prefix, add_key, lines);
    if (result != 0)
        snprintf(why, why_size, "cannot list the keys%s%s: %s (--key names some; --mode http is for paths)",
                 *prefix ? " that start with " : "", prefix, sluice_error(client));
    sluice_close(client);
    free(server);
    return result > 0 ? -EPROTO : result;
}

/* Objects' keys, and not paths, methods or tools. */
static bool are_keys(const struct bench_settings *settings) {
    return settings->mode < MODE_HTTP && settings->mode != MODE_PING;
}

/* What is asked for when nothing is said. */
static const char *usual(const struct bench_settings *settings) {
    return settings->mode == MODE_HTTP ? "/" : settings->mode == MODE_RPC ? "ping" : "echo";
}

/* A file, of any kind but a directory: that may be the one whose name is a prefix of keys. NULL with errno. */
static FILE *open_list(const char *source) {
    struct stat info;
    if (stat(source, &info) == 0 && S_ISDIR(info.st_mode)) {
        errno = EISDIR;
        return NULL;
    }
    return fopen(source, "r");
}

/* A file if there is one of that name, a prefix otherwise. */
static int load_source(struct lines *lines, const char *source, const struct bench_settings *settings,
                       char *why, size_t why_size) {
    FILE *file = open_list(source);
    bool is_prefix = !file && are_keys(settings);
    int error = 0;
    if (is_prefix) {
        error = list_prefix(lines, settings->server, source, why, why_size);
    } else if (!file) {
        error = -errno;
        snprintf(why, why_size, "%s: %s", *source ? source : "--keys", strerror(errno));
    } else {
        read_file(lines, file);
        fclose(file);
    }
    if (error || lines->n > 0 || lines->error)
        return error;
    if (!*source)
        snprintf(why, why_size, "the server has no keys to ask for");
    else
        snprintf(why, why_size, is_prefix ? "'%s': no file here, and no key starts so" : "%s: no key in it",
                 source);
    return -ENOENT;
}

static int split_lines(struct keys *keys, struct lines *lines) {
    for (size_t i = 0; i < lines->n; i++)
        keys->count += lines->text[i] == '\n';
    keys->text = lines->text;
    keys->list = calloc(keys->count ? keys->count : 1, sizeof(*keys->list));
    if (lines->error || !keys->list)
        return -ENOMEM;
    const char *at = lines->text;
    for (size_t i = 0; at && i < keys->count; i++) {
        const char *end = memchr(at, '\n', (size_t)(lines->text + lines->n - at));
        keys->list[i] = span_of(at, (size_t)(end - at));
        at = end + 1;
    }
    return 0;
}

static int check_keys(const struct keys *keys, char *why, size_t why_size) {
    for (size_t i = 0; i < keys->count; i++) {
        const char *reason = object_key_check(keys->list[i]);
        if (reason) {
            snprintf(why, why_size, "key '%.*s': %s", (int)keys->list[i].n, keys->list[i].p, reason);
            return -EINVAL;
        }
    }
    return 0;
}

double *keys_zipf(size_t count) {
    double *popular = calloc(count ? count : 1, sizeof(*popular)), sum = 0;
    for (size_t i = 0; popular && i < count; i++)
        popular[i] = sum += 1.0 / (double)(i + 1);
    for (size_t i = 0; popular && i < count; i++)
        popular[i] /= sum;
    return popular;
}

/* "zipf", "zipf:SOURCE" or "SOURCE". */
static int load_named(struct lines *lines, const struct bench_settings *settings, bool *zipf, char *why,
                      size_t why_size) {
    const char *source = settings->keys;
    size_t n = strlen(ZIPF);
    *zipf = strncmp(source, ZIPF, n) == 0 && (source[n] == 0 || source[n] == ':');
    if (*zipf)
        source += source[n] ? n + 1 : n;
    return load_source(lines, source, settings, why, why_size);
}

int keys_load(struct keys *keys, const struct bench_settings *settings, char *why, size_t why_size) {
    struct lines lines = {0};
    bool zipf = false;
    int error = 0;
    *keys = (struct keys){0};
    snprintf(why, why_size, "out of memory");
    if (settings->mode == MODE_PING)
        add_line(&lines, "", 0);
    else if (*settings->key)
        split_words(&lines, settings->key);
    else if (!*settings->keys && !are_keys(settings))
        add_line(&lines, usual(settings), strlen(usual(settings)));
    else
        error = load_named(&lines, settings, &zipf, why, why_size);
    int split = split_lines(keys, &lines);
    if (!error)
        error = split;
    if (!error && are_keys(settings))
        error = check_keys(keys, why, why_size);
    if (!error && zipf && !(keys->popular = keys_zipf(keys->count)))
        error = -ENOMEM;
    return error;
}

void keys_free(struct keys *keys) {
    free(keys->list);
    free(keys->text);
    free(keys->popular);
    *keys = (struct keys){0};
}

void picker_init(struct picker *picker, const struct keys *keys, unsigned seed) {
    *picker = (struct picker){.keys = keys, .random = 0x9e3779b97f4a7c15u * (seed + 1)};
    picker->next = seed % keys->count;
}

/* xorshift64*: 53 good bits are enough for a share. */
static double random_share(struct picker *picker) {
    uint64_t x = picker->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    picker->random = x;
    return (double)((x * 0x2545f4914f6cdd1du) >> 11) * 0x1p-53;
}

static uint32_t pick_popular(struct picker *picker) {
    const struct keys *keys = picker->keys;
    double share = random_share(picker);
    size_t low = 0, high = keys->count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (keys->popular[middle] > share)
            high = middle;
        else
            low = middle + 1;
    }
    return (uint32_t)low;
}

uint32_t picker_next(struct picker *picker) {
    if (picker->keys->popular)
        return pick_popular(picker);
    uint32_t key = (uint32_t)picker->next;
    picker->next = key + 1 < picker->keys->count ? key + 1 : 0;
    return key;
}
