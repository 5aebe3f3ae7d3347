#include "tools/sluiced/sections.h"

#include "proto/object.h"
#include "reactor/listener_options.h"
#include "tools/sluiced/options.h"
#include "tools/sluiced/routes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct setting root_rows[] = {
#define SETTING(kind, field, initial, range, help)                                                           \
    {#field, SETTING_##kind, offsetof(struct root_config, field), initial, range, help},
#include "tools/sluiced/root.def"
#undef SETTING
};

static const struct settings_table root_table = {"root", root_rows, sizeof root_rows / sizeof *root_rows};

static const struct setting route_rows[] = {
#define SETTING(kind, field, initial, range, help)                                                           \
    {#field, SETTING_##kind, offsetof(struct route_config, field), initial, range, help},
#include "tools/sluiced/route.def"
#undef SETTING
#define SETTING(kind, field, initial, range, help)                                                           \
    {#field, SETTING_##kind, offsetof(struct route_config, gateway.field), initial, range, help},
#include "handlers/gateway/route.def"
#undef SETTING
};

static const struct settings_table route_table = {"route", route_rows,
                                                  sizeof route_rows / sizeof *route_rows};

void problems_add(struct problems *problems, const char *where, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(problems->out, "%s%s: ", where[0] == '-' ? "sluiced: " : "", where);
    vfprintf(problems->out, format, arguments);
    fputc('\n', problems->out);
    va_end(arguments);
    problems->count++;
}

static void check_root(const void *element, struct problems *problems) {
    const struct root_config *root = element;
    struct stat st;
    if (root->name[0]) {
        const char *reason = object_key_check(span_text(root->name));
        if (!reason && strchr(root->name, '/'))
            reason = "a root's name is one part of a key, without /";
        if (reason)
            problems_add(problems, root->where, "root '%s': %s", root->name, reason);
    }
    if (!root->path[0])
        problems_add(problems, root->where, "root '%s': path is missing", root->name);
    else if (stat(root->path, &st) != 0)
        problems_add(problems, root->where, "root '%s': path %s: %s", root->name, root->path,
                     strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        problems_add(problems, root->where, "root '%s': path %s is not a directory", root->name, root->path);
    else if (faccessat(AT_FDCWD, root->path, X_OK, AT_EACCESS) != 0) /* all of its keys would be denied */
        problems_add(problems, root->where, "root '%s': path %s: %s", root->name, root->path,
                     strerror(errno));
}

static bool listen_is_good(const struct listen_settings *listen, char *why, size_t why_size) {
    struct listener_options parsed;
    if (listener_options_parse(&parsed, listen, why, why_size) != 0)
        return false;
    listener_options_free(&parsed);
    return true;
}

/* Checks the address, then each option with the others at their defaults, so that no problem hides another. */
static void check_listen(const void *element, struct problems *problems) {
    const struct listen_settings *listen = element;
    struct listen_settings alone = {.address = listen->address};
    char why[CONFIG_WHY] = "out of memory";
    if (option_defaults(&listen_settings_table, &alone) != 0 || !listen_is_good(&alone, why, sizeof why)) {
        problems_add(problems, listen->where, "listen %s", why);
        option_release(&listen_settings_table, &alone);
        return;
    }
    for (size_t i = 0; i < listen_settings_table.count; i++) {
        const struct setting *row = &listen_settings_table.rows[i];
        char *text = option_text(row, listen);
        if (!text || option_set(row, &alone, text, why, sizeof why) != 0 ||
            !listen_is_good(&alone, why, sizeof why))
            problems_add(problems, listen->where, "listen '%s': %s", listen->address, why);
        option_set(row, &alone, row->initial, why, sizeof why);
        free(text);
    }
    option_release(&listen_settings_table, &alone);
}

static void check_upstream(const void *element, struct problems *problems) {
    const struct upstream_settings *upstream = element;
    char why[CONFIG_WHY];
    size_t step = 0;
    while (upstream_check(upstream, &step, why, sizeof why) != 0)
        problems_add(problems, upstream->where, "upstream '%s': %s", upstream->name, why);
}

static void check_ingest(const void *element, struct problems *problems) {
    const struct ingest_settings *ingest = element;
    const char *reason = ingest_settings_check(ingest);
    if (reason)
        problems_add(problems, ingest->where, "ingest: %s", reason);
}

static void check_forward_file(const struct forward_settings *forward, const char *option, const char *path,
                               struct problems *problems) {
    if (path[0] && access(path, R_OK) != 0)
        problems_add(problems, forward->where, "forward '%s': %s %s: %s", forward->name, option, path,
                     strerror(errno));
}

static void check_forward(const void *element, struct problems *problems) {
    const struct forward_settings *forward = element;
    const char *reason = forward_settings_check(forward);
    if (reason)
        problems_add(problems, forward->where, "forward '%s': %s", forward->name, reason);
    check_forward_file(forward, "credentials", forward->credentials, problems);
    check_forward_file(forward, "ca", forward->ca, problems);
}

static void check_tunnel(const void *element, struct problems *problems) {
    const struct tunnel_settings *tunnel = element;
    char why[CONFIG_WHY];
    size_t step = 0;
    while (tunnel_check(tunnel, &step, why, sizeof why) != 0)
        problems_add(problems, tunnel->listen.where, "tunnel '%s': %s", tunnel->listen.address, why);
}

static const struct section kinds[] = {
    {"root", "NAME", &root_table, sizeof(struct root_config), offsetof(struct daemon_config, roots),
     offsetof(struct daemon_config, roots_count), "a directory whose files have the keys NAME/...",
     check_root},
    {"listen", "ADDRESS", &listen_settings_table, sizeof(struct listen_settings),
     offsetof(struct daemon_config, listens), offsetof(struct daemon_config, listens_count),
     "a socket that takes connections: unix:/PATH, unix:@NAME, tcp:HOST:PORT", check_listen},
    {"upstream", "NAME", &upstream_settings_table, sizeof(struct upstream_settings),
     offsetof(struct daemon_config, upstreams), offsetof(struct daemon_config, upstreams_count),
     "servers that routes and tunnels lead to", check_upstream},
    {"tunnel", "ADDRESS", &tunnel_settings_table, sizeof(struct tunnel_settings),
     offsetof(struct daemon_config, tunnels), offsetof(struct daemon_config, tunnels_count),
     "a socket whose connections are passed on to an upstream, byte for byte", check_tunnel},
    {"route", "[METHOD or *] [HOST]/PATH", &route_table, sizeof(struct route_config),
     offsetof(struct daemon_config, routes), offsetof(struct daemon_config, routes_count),
     "HTTP requests that a handler or an upstream answers; in PATH :NAME is one segment, * at the end all "
     "below",
     routes_check_section},
    {"ingest", NULL, &ingest_settings_table, sizeof(struct ingest_settings),
     offsetof(struct daemon_config, ingests), offsetof(struct daemon_config, ingests_count),
     "turns ingestion on: metrics that are posted are in a log before they are acknowledged", check_ingest},
    {"forward", "nats", &forward_settings_table, sizeof(struct forward_settings),
     offsetof(struct daemon_config, forwards), offsetof(struct daemon_config, forwards_count),
     "ships the log of ingest to a broker: NATS JetStream", check_forward},
};

const struct section *section_kind(size_t i) {
    return i < sizeof kinds / sizeof *kinds ? &kinds[i] : NULL;
}

const struct section *section_named(const char *name) {
    const struct section *kind = kinds;
    while (strcmp(kind->name, name) != 0)
        kind++;
    return kind;
}

/* The arrays have different element types, so their pointers are read and written as bytes. */
static char *items_of(const struct section *kind, const struct daemon_config *config) {
    char *items;
    memcpy(&items, (const char *)config + kind->items, sizeof items);
    return items;
}

static size_t *count_of(const struct section *kind, struct daemon_config *config) {
    return (size_t *)(void *)((char *)config + kind->count);
}

size_t section_count(const struct section *kind, const struct daemon_config *config) {
    return *(const size_t *)(const void *)((const char *)config + kind->count);
}

struct section_head *section_at(const struct section *kind, const struct daemon_config *config, size_t i) {
    return (void *)(items_of(kind, config) + i * kind->size);
}

static void release_element(const struct section *kind, struct section_head *head) {
    option_release(kind->table, head);
    free(head->title);
    free(head->where);
}

void *section_add(const struct section *kind, struct daemon_config *config, size_t position,
                  const char *title, const char *where) {
    size_t *count = count_of(kind, config);
    char *items = reallocarray(items_of(kind, config), *count + 1, kind->size), *place;
    struct section_head *head;
    if (!items)
        return NULL;
    memcpy((char *)config + kind->items, &items, sizeof items);
    place = items + position * kind->size;
    memmove(place + kind->size, place, (*count - position) * kind->size);
    memset(place, 0, kind->size);
    head = (void *)place;
    head->title = strdup(title ? title : "");
    head->where = strdup(where);
    ++*count;
    if (head->title && head->where && option_defaults(kind->table, head) == 0)
        return head;
    release_element(kind, head);
    memmove(place, place + kind->size, (--*count - position) * kind->size);
    return NULL;
}

void sections_release(struct daemon_config *config) {
    const struct section *kind;
    for (size_t k = 0; (kind = section_kind(k)); k++) {
        for (size_t i = 0; i < section_count(kind, config); i++)
            release_element(kind, section_at(kind, config, i));
        free(items_of(kind, config));
    }
}
