#include "reactor/listener_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

struct parse {
    struct listener_options *out;
    char *why;
    size_t why_size;
};

static int refuse(const struct parse *parse, const char *option, struct span word, const char *reason) {
    snprintf(parse->why, parse->why_size, "%s: '%.*s' %s", option, (int)word.n, word.p, reason);
    return -EINVAL;
}

/* Calls take for each word of a comma-separated list; stops at the first error. */
static int each_word(const struct parse *parse, const char *list,
                     int (*take)(const struct parse *parse, struct span word)) {
    int error = 0;
    for (struct span word; !error && setting_next_word(&list, ',', &word);)
        error = take(parse, word);
    return error;
}

static unsigned count_words(const char *list) {
    unsigned count = *list != '\0';
    for (; *list; list++)
        count += *list == ',';
    return count;
}

static int take_protocol(const struct parse *parse, struct span word) {
    static const enum protocol known[] = {PROTOCOL_SLC1, PROTOCOL_HTTP1, PROTOCOL_JSON, PROTOCOL_MCP1};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (span_equal(word, span_text(protocol_name(known[i])))) {
            parse->out->offers[known[i]] = true;
            return 0;
        }
    return refuse(parse, "protocols", word, "is none of slc, http, rpc, mcp");
}

static bool parse_id(struct span word, uint32_t *id) {
    char text[16], *end;
    if (word.n == 0 || word.n >= sizeof(text) || word.p[0] < '0' || word.p[0] > '9')
        return false;
    memcpy(text, word.p, word.n);
    text[word.n] = '\0';
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (*end || errno || value > UINT32_MAX - 1)
        return false;
    *id = (uint32_t)value;
    return true;
}

static int take_uid(const struct parse *parse, struct span word) {
    struct listener_options *out = parse->out;
    return parse_id(word, &out->uids[out->uids_count++]) ? 0
                                                         : refuse(parse, "allow_uid", word, "is no user id");
}

static int take_gid(const struct parse *parse, struct span word) {
    struct listener_options *out = parse->out;
    return parse_id(word, &out->gids[out->gids_count++]) ? 0
                                                         : refuse(parse, "allow_gid", word, "is no group id");
}

/* "10.0.0.0/8", "::1": IPv4 is kept mapped, so that both compare alike. */
static bool parse_network(struct span word, struct network *network) {
    char text[64];
    if (word.n >= sizeof(text))
        return false;
    memcpy(text, word.p, word.n);
    text[word.n] = '\0';
    char *slash = strchr(text, '/');
    if (slash)
        *slash = '\0';
    unsigned most = 128, base = 0;
    if (inet_pton(AF_INET, text, network->address + 12) == 1) {
        memset(network->address, 0, 10);
        memset(network->address + 10, 0xff, 2);
        most = 32;
        base = 96;
    } else if (inet_pton(AF_INET6, text, network->address) != 1) {
        return false;
    }
    uint32_t bits = most;
    if (slash && !parse_id(span_text(slash + 1), &bits))
        return false;
    network->bits = base + bits;
    return bits <= most;
}

static int take_proxy(const struct parse *parse, struct span word) {
    struct listener_options *out = parse->out;
    return parse_network(word, &out->proxies[out->proxies_count++])
               ? 0
               : refuse(parse, "proxy_from", word, "is no network like 10.0.0.0/8 or 2001:db8::/32");
}

static int take_network(const struct parse *parse, struct span word) {
    struct listener_options *out = parse->out;
    return parse_network(word, &out->networks[out->networks_count++])
               ? 0
               : refuse(parse, "allow", word, "is no network like 10.0.0.0/8 or 2001:db8::/32");
}

static int parse_mode(const struct parse *parse) {
    const char *text = parse->out->settings->mode;
    char *end;
    unsigned long mode = strtoul(text, &end, 8);
    if (!*text || *end || mode > 0777)
        return refuse(parse, "mode", span_text(text), "is no octal file mode like 0660");
    parse->out->mode = (mode_t)mode;
    return 0;
}

static int parse_owner(const struct parse *parse) {
    struct listener_options *out = parse->out;
    const char *owner = out->settings->owner, *group = out->settings->group;
    uint32_t id;
    out->owner = (uid_t)-1;
    out->group = (gid_t)-1;
    if (*owner) {
        const struct passwd *user = getpwnam(owner);
        if (!user && !parse_id(span_text(owner), &id))
            return refuse(parse, "owner", span_text(owner), "is no user");
        out->owner = user ? user->pw_uid : id;
    }
    if (*group) {
        const struct group *entry = getgrnam(group);
        if (!entry && !parse_id(span_text(group), &id))
            return refuse(parse, "group", span_text(group), "is no group");
        out->group = entry ? entry->gr_gid : id;
    }
    return 0;
}

static bool is_loopback(const struct address *address) {
    uint8_t bytes[16];
    if (inet_pton(AF_INET, address->host, bytes) == 1)
        return bytes[0] == 127;
    return strcmp(address->host, "::1") == 0 || strcmp(address->host, "localhost") == 0;
}

/* Unix and loopback: everything; elsewhere slc and http without administration (docs/design.md, "Listeners"). */
static void set_defaults(struct listener_options *out) {
    bool local = out->is_unix || out->is_loopback;
    out->admin = out->settings->admin == LISTEN_ADMIN_AUTO ? local : out->settings->admin == LISTEN_ADMIN_YES;
    if (!*out->settings->protocols) {
        out->offers[PROTOCOL_SLC1] = out->offers[PROTOCOL_HTTP1] = true;
        out->offers[PROTOCOL_JSON] = out->offers[PROTOCOL_MCP1] = local;
    }
}

static int allocate_lists(struct listener_options *out) {
    const struct listen_settings *settings = out->settings;
    out->uids = calloc(count_words(settings->allow_uid) + 1, sizeof(uint32_t));
    out->gids = calloc(count_words(settings->allow_gid) + 1, sizeof(uint32_t));
    out->networks = calloc(count_words(settings->allow) + 1, sizeof(struct network));
    out->proxies = calloc(count_words(settings->proxy_from) + 1, sizeof(struct network));
    return out->uids && out->gids && out->networks && out->proxies ? 0 : -ENOMEM;
}

int listener_options_parse(struct listener_options *out, const struct listen_settings *settings, char *why,
                           size_t why_size) {
    struct parse parse = {out, why, why_size};
    *out = (struct listener_options){.settings = settings};
    const char *reason = address_parse(span_text(settings->address), &out->address);
    if (!reason && out->address.kind != ADDRESS_UNIX && out->address.kind != ADDRESS_TCP)
        reason = "only unix: and tcp: addresses can be listened on";
    if (reason) {
        snprintf(why, why_size, "'%s': %s", settings->address, reason);
        return -EINVAL;
    }
    out->is_unix = out->address.kind == ADDRESS_UNIX;
    out->is_loopback = !out->is_unix && is_loopback(&out->address);
    set_defaults(out);
    int error = allocate_lists(out);
    error = error ? error : each_word(&parse, settings->protocols, take_protocol);
    error = error ? error : each_word(&parse, settings->allow_uid, take_uid);
    error = error ? error : each_word(&parse, settings->allow_gid, take_gid);
    error = error ? error : each_word(&parse, settings->allow, take_network);
    error = error ? error : each_word(&parse, settings->proxy_from, take_proxy);
    error = error ? error : parse_mode(&parse);
    error = error ? error : parse_owner(&parse);
    if (error)
        listener_options_free(out);
    return error;
}

void listener_options_free(struct listener_options *options) {
    free(options->uids);
    free(options->gids);
    free(options->networks);
    free(options->proxies);
    options->proxies = NULL;
    options->uids = options->gids = NULL;
    options->networks = NULL;
}
