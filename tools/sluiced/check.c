#include "tools/sluiced/check.h"

#include "offload/cpus.h"
#include "proto/object.h"
#include "tools/sluiced/options.h"
#include "tools/sluiced/sections.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VALUE_COLUMN 34

/* Reports what is wrong with a top-level option, with its name unless it was set on the command line. */
static void option_problem(const struct daemon_config *config, const char *name, const char *reason,
                           struct problems *problems) {
    const char *where = config_where(config, name);
    bool named = where[0] == '-';
    problems_add(problems, where, "%s%s%s", named ? "" : name, named ? "" : ": ", reason);
}

static void check_cpus(const struct daemon_config *config, const char *name, const char *text,
                       struct problems *problems) {
    cpu_set_t chosen;
    int error = cpus_choose(text, &chosen);
    if (error == -ENODEV)
        option_problem(config, name, "this process may use none of these CPUs", problems);
    else if (error)
        option_problem(config, name, "not a list of CPUs like 0,2-3", problems);
}

/* A section without a title is the only one of its kind. */
static void check_single(const struct daemon_config *config, struct problems *problems) {
    const struct section *kind;
    for (size_t k = 0; (kind = section_kind(k)); k++)
        for (size_t i = 1; !kind->title && i < section_count(kind, config); i++)
            problems_add(problems, section_at(kind, config, i)->where, "there is an '%s' section already",
                         kind->name);
}

/* What the forwarder needs of the ingest section. */
static void check_forwarding(const struct daemon_config *config, struct problems *problems) {
    const char *reason = "there is no ingest section whose log it could forward";
    if (config->forwards_count == 0)
        return;
    if (config->forwards_count > 1)
        problems_add(problems, config->forwards[1].where, "there is a 'forward' section already");
    if (config->ingests_count > 0)
        reason = forward_settings_fit(config->ingests);
    if (reason)
        problems_add(problems, config->forwards->where, "forward '%s': %s", config->forwards->name, reason);
}

/* Those of listen sections, then those of tunnels. */
static const struct listen_settings *listener_at(const struct daemon_config *config, size_t i) {
    return i < config->listens_count ? &config->listens[i]
                                     : &config->tunnels[i - config->listens_count].listen;
}

/* Finds an address that is used twice: by --listen and the file, by --listen twice, or by a tunnel; libconfuse finds
 * repeated sections of the same kind. */
static void check_listen_twice(const struct daemon_config *config, struct problems *problems) {
    for (size_t i = 1; i < config->listens_count + config->tunnels_count; i++) {
        const struct listen_settings *listen = listener_at(config, i);
        size_t n = strlen(listen->address);
        bool any_port = n > 2 && strcmp(listen->address + n - 2, ":0") == 0;
        for (size_t j = 0; j < i && !any_port; j++) {
            if (strcmp(listener_at(config, j)->address, listen->address) == 0) {
                problems_add(problems, listen->where, "%s '%s': the address has a listener already (%s)",
                             i < config->listens_count ? "listen" : "tunnel", listen->address,
                             listener_at(config, j)->where);
                break;
            }
        }
    }
}

unsigned check_config(const struct daemon_config *config, FILE *messages) {
    struct problems problems = {.out = messages};
    const struct section *kind;
    for (size_t k = 0; (kind = section_kind(k)); k++)
        for (size_t i = 0; i < section_count(kind, config); i++)
            kind->check(section_at(kind, config, i), &problems);
    check_single(config, &problems);
    check_listen_twice(config, &problems);
    check_forwarding(config, &problems);
    check_cpus(config, "pool_cpus", config->offload.pool_cpus, &problems);
    check_cpus(config, "loop_cpus", config->reactor.loop_cpus, &problems);
    const char *reason = *config->http.index ? object_key_check(span_text(config->http.index)) : NULL;
    if (reason)
        option_problem(config, "index", reason, &problems);
    if (config->listens_count + config->tunnels_count == 0)
        problems_add(&problems, "--listen",
                     "no listener: give one here or in the file, like unix:/run/sluice.sock");
    return problems.count;
}

/* 0 if the directory that holds this path is there, or -errno. */
static int parent_check(const char *path) {
    struct stat st;
    char *copy = strdup(path);
    int error = !copy ? -ENOMEM : stat(dirname(copy), &st) != 0 ? -errno : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
    free(copy);
    return error;
}

static int directory_check(const char *path) {
    struct stat st;
    if (stat(path, &st) != 0)
        return parent_check(path);
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static void file_problem(const struct daemon_config *config, const char *name, const char *path, int error,
                         struct problems *problems) {
    char reason[CONFIG_WHY];
    snprintf(reason, sizeof reason, "%s: %s", path, strerrordesc_np(-error));
    if (error)
        option_problem(config, name, reason, problems);
}

unsigned check_files(const struct daemon_config *config, FILE *messages) {
    struct problems problems = {.out = messages};
    const char *log = config->http.access_log_file, *key = config->mcp.mcp_key_file;
    if (config->http.access_log != ACCESS_OFF && log[0])
        file_problem(config, "access_log_file", log, parent_check(log), &problems);
    if (config->mcp.mcp && key[0])
        file_problem(config, "mcp_key_file", key, access(key, R_OK) == 0 ? 0 : -errno, &problems);
    for (size_t i = 0; i < config->ingests_count; i++) {
        const struct ingest_settings *ingest = &config->ingests[i];
        int error = ingest->path[0] ? directory_check(ingest->path) : 0;
        if (error)
            problems_add(&problems, ingest->where, "ingest: path %s: %s", ingest->path,
                         strerrordesc_np(-error));
    }
    return problems.count;
}

/* Reports that there are not enough descriptors: at an option that was set, else at the upstream that may take most,
 * else without a place. */
static void descriptor_problem(const struct daemon_config *config, const char *reason,
                               struct problems *problems) {
    static const char *const names[] = {"connections", "open_files", "shared_max", "hot_max", "pipes"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (config_where(config, names[i])) {
            option_problem(config, names[i], reason, problems);
            return;
        }
    }
    const struct upstream_settings *most = config->upstreams;
    for (size_t i = 1; i < config->upstreams_count; i++)
        if (config_upstream_fds(&config->upstreams[i]) > config_upstream_fds(most))
            most = &config->upstreams[i];
    if (most) {
        problems_add(problems, most->where, "upstream '%s': max_connections %ld to each server: %s",
                     most->name, most->max_connections, reason);
        return;
    }
    fprintf(problems->out, "sluiced: %s\n", reason);
    problems->count++;
}

unsigned check_resolved(struct daemon_config *config, long nofile, FILE *messages) {
    struct problems problems = {.out = messages};
    char reason[CONFIG_WHY];
    if (config_resolve(config, nofile, reason, sizeof reason) != 0)
        descriptor_problem(config, reason, &problems);
    long most = config->offload.threads_max, threads = offload_thread_count(&config->offload);
    if (most > 0 && threads > most) {
        snprintf(reason, sizeof reason, "%ld are too few, the least is %ld", most, threads);
        option_problem(config, "threads_max", reason, &problems);
    }
    return problems.count;
}

/* A text as libconfuse reads it: n bytes in double quotes. */
static int print_quoted(const char *text, size_t n, FILE *out) {
    int width = 2;
    fputc('"', out);
    for (size_t i = 0; i < n; i++) {
        if (strchr("\"\\$", text[i])) /* $ would start the name of an environment variable */
            width += fprintf(out, "\\%c", text[i]);
        else if ((unsigned char)text[i] < 0x20)
            width += fprintf(out, "\\x%02x", (unsigned char)text[i]);
        else
            width += fprintf(out, "%c", text[i]);
    }
    fputc('"', out);
    return width;
}

/* Prints a word of SETTING_SECRETS without its secret: three stars stand for a field's value, or a URL's user and
 * password. */
static int print_hidden(const char *word, size_t n, FILE *out) {
    char shown[CONFIG_WHY];
    const char *colon = memchr(word, ':', n), *end = word + n, *rest = end;
    if (colon && end - colon > 2 && colon[1] == '/' && colon[2] == '/') {
        rest = memrchr(colon, '@', (size_t)(end - colon));
        if (!rest)
            return print_quoted(word, n, out);
        colon += 2;
    }
    size_t kept = colon ? (size_t)(colon + 1 - word) : 0;
    int length = snprintf(shown, sizeof shown, "%.*s%s***%.*s", (int)kept, word, rest == end ? " " : "",
                          (int)(end - rest), rest);
    return print_quoted(shown, length < (int)sizeof shown ? (size_t)length : sizeof shown - 1, out);
}

/* Prints NAME = VALUE; returns its width. */
static int print_setting(const struct setting *row, const void *base, bool secrets, FILE *out) {
    char *text = option_text(row, base);
    int width = fprintf(out, "%s = ", row->name);
    const char *word = text ? text : "";
    const char *joint = setting_joint(row);
    if (joint) {
        bool hidden = row->kind == SETTING_SECRETS && !secrets;
        width += fprintf(out, "{");
        while (*word) {
            size_t n = strcspn(word, joint);
            width += (hidden ? print_hidden : print_quoted)(word, n, out);
            word += n + (word[n] != '\0');
            width += *word ? fprintf(out, ", ") : 0;
        }
        width += fprintf(out, "}");
    } else if (row->kind == SETTING_TEXT) {
        width += print_quoted(word, strlen(word), out);
    } else {
        width += fprintf(out, "%s", word);
    }
    free(text);
    return width;
}

/* Prints where a value comes from; for a default that was resolved, that is what "auto" means. */
static void print_origin(const struct daemon_config *config, const struct setting *row, const void *base,
                         FILE *out) {
    const char *where = config_where(config, row->name);
    char *text = option_text(row, base);
    bool derived = text && strcmp(text, row->initial) != 0;
    fprintf(out, "# %s\n", where ? where : derived ? "automatic" : "default");
    free(text);
}

static void print_tables(const struct daemon_config *config, bool secrets, FILE *out) {
    const struct config_table *joined;
    for (size_t t = 0; (joined = config_table(t)); t++) {
        const void *base = (const char *)config + joined->offset;
        fprintf(out, "# %s\n", joined->table->title);
        for (size_t i = 0; i < joined->table->count; i++) {
            int width = print_setting(&joined->table->rows[i], base, secrets, out);
            fprintf(out, "%*s", width < VALUE_COLUMN ? VALUE_COLUMN - width : 1, "");
            print_origin(config, &joined->table->rows[i], base, out);
        }
        fputc('\n', out);
    }
}

static void print_sections(const struct daemon_config *config, bool secrets, FILE *out) {
    const struct section *kind;
    for (size_t k = 0; (kind = section_kind(k)); k++) {
        for (size_t i = 0; i < section_count(kind, config); i++) {
            const struct section_head *head = section_at(kind, config, i);
            fprintf(out, "%s ", kind->name);
            if (kind->title)
                print_quoted(head->title, strlen(head->title), out);
            fprintf(out, " { # %s\n", head->where);
            for (size_t r = 0; r < kind->table->count; r++) {
                fprintf(out, "    ");
                print_setting(&kind->table->rows[r], head, secrets, out);
                fputc('\n', out);
            }
            fprintf(out, "}\n");
        }
    }
    fputc('\n', out);
}

static void print_derived(const struct daemon_config *config, long nofile, FILE *out) {
    const struct offload_settings *offload = &config->offload;
    const struct reactor_settings *reactor = &config->reactor;
    long fixed = config_fixed_fds(config);
    fprintf(out,
            "# threads: loop 1 + files %ld + handlers %ld + names 1 + io_uring workers at most %ld = %ld\n",
            offload->pool, offload->handler_threads, offload_ring_workers(offload),
            offload_thread_count(offload) + 1);
    fprintf(out,
            "# queues: %ld jobs of files and of handlers each, %ld entries of the ring, %ld requests of a "
            "connection\n",
            offload->queue_depth, offload->uring_entries, reactor->pipeline);
    fprintf(out,
            "# descriptors: connections %ld + open_files %ld + caches, pipes, listeners, upstreams %ld + "
            "reserve %d = %ld of RLIMIT_NOFILE %ld\n",
            reactor->connections, reactor->open_files, fixed, REACTOR_RESERVE,
            reactor->connections + reactor->open_files + fixed + REACTOR_RESERVE, nofile);
    if (config->forwards_count > 0) {
        const struct ingest_settings *ingest = config->ingests;
        uint64_t rate = forward_settings_rate(config->forwards, ingest);
        if (rate != UINT64_MAX)
            fprintf(out,
                    "# log: (keep_bytes %" PRIu64 " - 3 segments) / keep %g s = %" PRIu64
                    " bytes a second at most; when more is forwarded, posts are answered 503\n",
                    ingest->keep_bytes, config->forwards->keep, rate);
    }
}

static void tell_idle(const struct listen_settings *listen, const char *reason, FILE *out) {
    fprintf(out, "# %s: %s: nobody is kept out of '%s' by it\n", listen->where, reason, listen->address);
}

/* Points out restrictions that have no effect on this kind of socket, although they look as if they had. */
static void print_idle(const struct daemon_config *config, FILE *out) {
    for (size_t i = 0; i < config->listens_count + config->tunnels_count; i++) {
        const struct listen_settings *listen = listener_at(config, i);
        bool is_unix = strncmp(listen->address, "unix:", 5) == 0;
        if (is_unix && listen->allow[0])
            tell_idle(listen, "allow is for TCP", out);
        if (!is_unix && (listen->allow_uid[0] || listen->allow_gid[0]))
            tell_idle(listen, "allow_uid and allow_gid are for Unix sockets", out);
        if (strncmp(listen->address, "unix:/", 6) != 0 && (strtoul(listen->mode, NULL, 8) & 0222) != 0222)
            tell_idle(listen, "mode is for files of Unix sockets", out);
    }
}

void check_print(const struct daemon_config *config, long nofile, bool secrets, FILE *out) {
    print_tables(config, secrets, out);
    print_sections(config, secrets, out);
    print_derived(config, nofile, out);
    print_idle(config, out);
}
