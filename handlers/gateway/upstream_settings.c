#include "handlers/gateway/upstream_settings.h"

#include "handlers/gateway/hashkey.h"
#include "handlers/gateway/upstream.h"
#include "proto/chars.h"
#include "proto/uri.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const struct setting upstream_rows[] = {
#define SETTING(kind, field, initial, range, help)                                                           \
    {#field, SETTING_##kind, offsetof(struct upstream_settings, field), initial, range, help},
#include "handlers/gateway/upstream.def"
#undef SETTING
};

const struct settings_table upstream_settings_table = {"upstream", upstream_rows,
                                                       sizeof(upstream_rows) / sizeof(upstream_rows[0])};

static size_t count_words(const char *list) {
    size_t count = *list != '\0';
    for (; *list; list++)
        count += *list == ',';
    return count;
}

/* The name is part of UPSTREAM/ADDRESS and of Prometheus' labels. */
static int parse_name(struct upstream *upstream, char *why, size_t why_size) {
    struct span name = span_text(upstream->settings->name);
    if (name.n > 0 && char_run(name.p, name.n, CHAR_UNRESERVED) == name.n)
        return 0;
    snprintf(why, why_size, "a name is made of letters, digits, '-', '.', '_' and '~'");
    return -EINVAL;
}

static bool is_given(const struct upstream *upstream, const struct address *address) {
    char text[ADDRESS_TEXT], other[ADDRESS_TEXT];
    address_print(address, text, sizeof(text));
    for (size_t i = 0; i < upstream->servers_count; i++) {
        address_print(&upstream->servers[i].address, other, sizeof(other));
        if (strcmp(text, other) == 0)
            return true;
    }
    return false;
}

static int parse_servers(struct upstream *upstream, char *why, size_t why_size) {
    const char *rest = upstream->settings->servers;
    size_t count = count_words(rest);
    if (count == 0 || count > UPSTREAM_ENDPOINTS) {
        snprintf(why, why_size, "servers: %s", count ? "more than 64" : "none is given");
        return -EINVAL;
    }
    if (!(upstream->servers = calloc(count, sizeof(*upstream->servers))))
        return -ENOMEM;
    for (struct span word; setting_next_word(&rest, ',', &word);) {
        char reason[400];
        struct server *server = &upstream->servers[upstream->servers_count];
        if (server_parse(word, server, reason, sizeof(reason)) != 0) {
            snprintf(why, why_size, "servers: %s", reason);
            return -EINVAL;
        }
        if (is_given(upstream, &server->address)) {
            snprintf(why, why_size, "servers: '%.*s': is there already", (int)word.n, word.p);
            return -EINVAL;
        }
        upstream->servers_count++;
    }
    return 0;
}

static int parse_sources(struct upstream *upstream, char *why, size_t why_size) {
    const char *rest = upstream->settings->source;
    size_t count = count_words(rest);
    if (count > 0 && !(upstream->sources = calloc(count, sizeof(*upstream->sources))))
        return -ENOMEM;
    for (struct span word; setting_next_word(&rest, ',', &word);) {
        char reason[400];
        if (server_parse_source(word, &upstream->sources[upstream->sources_count++], reason,
                                sizeof(reason)) != 0) {
            snprintf(why, why_size, "source: %s", reason);
            return -EINVAL;
        }
    }
    return 0;
}

static bool is_status(struct span text, int *out) {
    uint64_t number = 0;
    bool good = text.n == 3 && span_number(text, 599, &number) == 0 && number >= 100;
    *out = (int)number;
    return good;
}

static int parse_check(struct upstream *upstream, char *why, size_t why_size) {
    const struct upstream_settings *settings = upstream->settings;
    struct span text = span_text(settings->check_status), path = span_text(settings->check_path);
    const char *dash = strchr(settings->check_status, '-');
    struct span from = dash ? span_of(text.p, (size_t)(dash - text.p)) : text;
    struct span to = dash ? span_text(dash + 1) : text;
    struct uri_authority host;
    if (!is_status(from, &upstream->check_from) || !is_status(to, &upstream->check_to) ||
        upstream->check_from > upstream->check_to) {
        snprintf(why, why_size, "check_status: '%s' is no status like 200 nor a range like 200-299",
                 settings->check_status);
        return -EINVAL;
    }
    if (path.n == 0 || path.p[0] != '/' || char_run(path.p, path.n, CHAR_TARGET) != path.n) {
        snprintf(why, why_size, "check_path: '%s' is not a path", settings->check_path);
        return -EINVAL;
    }
    if (*settings->check_host && uri_authority_decode(span_text(settings->check_host), &host) != 0) {
        snprintf(why, why_size, "check_host: '%s' is not a host, with or without a port",
                 settings->check_host);
        return -EINVAL;
    }
    return 0;
}

static int parse_pool(struct upstream *upstream, char *why, size_t why_size) {
    const struct upstream_settings *settings = upstream->settings;
    if (settings->min_idle <= settings->max_idle && settings->min_idle <= settings->max_connections)
        return 0;
    snprintf(why, why_size, "min_idle: more than max_idle or max_connections");
    return -EINVAL;
}

static int parse_balance(struct upstream *upstream, char *why, size_t why_size) {
    const struct upstream_settings *settings = upstream->settings;
    if (hashkey_is_good(settings->hash_key))
        return 0;
    snprintf(why, why_size, "hash_key: '%s' is not source, path, uri, header:NAME nor cookie:NAME",
             settings->hash_key);
    return -EINVAL;
}

static int (*const parsers[])(struct upstream *upstream, char *why, size_t why_size) = {
    parse_name, parse_servers, parse_sources, parse_pool, parse_balance, parse_check};

int upstream_parse(struct upstream *upstream, size_t *step, char *why, size_t why_size) {
    int error = 0;
    while (!error && *step < sizeof(parsers) / sizeof(parsers[0]))
        error = parsers[(*step)++](upstream, why, why_size);
    return error;
}

int upstream_check(const struct upstream_settings *settings, size_t *step, char *why, size_t why_size) {
    struct upstream upstream = {.settings = settings};
    snprintf(why, why_size, "out of memory");
    int error = upstream_parse(&upstream, step, why, why_size);
    free(upstream.servers);
    free(upstream.sources);
    return error;
}
