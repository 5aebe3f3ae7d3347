/* ctl: the servers behind the gateway, and shutting down the daemon; over HTTP, on a listener with administration.
 *
 *     upstreams                     GET  /_/upstreams        -> a table
 *     drain | undrain | weight      POST /_/upstreams?...
 *     drain without a server        POST /_/drain */
#include "tools/client/link.h"
#include "tools/sluice/call.h"
#include "tools/sluice/command.h"
#include "tools/sluice/rows.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

const char command_ctl_help[] =
    "  upstreams              show the servers behind the gateway: state, connections, reuse, latency\n"
    "  drain UPSTREAM/SERVER  no new requests for this server; those in progress go on\n"
    "  undrain UPSTREAM/SERVER\n"
    "  weight UPSTREAM/SERVER N\n"
    "  drain                  shut the daemon down once requests in progress are answered\n"
    "  -j, --json             print the server's document as it is, for scripts\n"
    "\n"
    "Example:\n"
    "  sluice -s unix:/run/sluice.sock ctl drain api/tcp:127.0.0.1:9001\n";

#define REQUEST_MAX 1024

/* An answer: its status, and its body as text, allocated. */
struct answer {
    int status;
    char *text;
};

/* Reads the head of the answer, and what came of the body with it. The head's size, or -errno. */
static ssize_t read_head(struct link *link) {
    for (size_t have = 1;; have = link_bytes(link).n + 1) {
        if (have > LINK_BUFFER)
            return link_fail(link, -EPROTO, "the head of the answer is too long");
        int error = link_need(link, have);
        if (error)
            return error;
        struct span bytes = link_bytes(link);
        const char *end = memmem(bytes.p, bytes.n, "\r\n\r\n", 4);
        if (end)
            return end + 4 - bytes.p;
    }
}

static int read_answer(struct link *link, struct answer *answer) {
    ssize_t head = read_head(link);
    if (head < 0)
        return (int)head;
    char *text = calloc(1, (size_t)head + 1);
    if (text)
        memcpy(text, link_bytes(link).p, (size_t)head);
    const char *length = text ? strcasestr(text, "\r\ncontent-length:") : NULL;
    size_t n = length ? strtoul(strchr(length, ':') + 1, NULL, 10) : 0, got = 0;
    answer->status = text && strlen(text) > 12 ? atoi(text + 9) : 0;
    free(text);
    if (n > CALL_ANSWER_MAX)
        return link_fail(link, -EPROTO, "the answer is too long");
    link_drop(link, (uint64_t)head);
    answer->text = calloc(1, n + 1);
    while (answer->text && got < n) {
        ssize_t piece = link_read(link, answer->text + got, n - got);
        if (piece < 0)
            return (int)piece;
        got += (size_t)piece;
    }
    return answer->text && answer->status ? 0 : link_fail(link, -EPROTO, "the answer is not HTTP");
}

/* CALL_GO_ON with an answer, or an exit code. */
static int ask(struct call *call, const char *method, const char *target, struct answer *answer) {
    char request[REQUEST_MAX];
    int code = call_address(call);
    struct link *link = code == CALL_GO_ON ? calloc(1, sizeof(*link)) : NULL;
    if (!link)
        return code == CALL_GO_ON ? call_error(call, "no memory") : code;
    int n = snprintf(request, sizeof(request),
                     "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", method, target);
    int error = link_connect(link, call->address, call->timeout_ms);
    if (!error)
        error = n < REQUEST_MAX ? link_send(link, request, (size_t)n) : -ENAMETOOLONG;
    if (!error)
        error = read_answer(link, answer);
    if (error)
        code = call_disconnected(call, "%s", link->error[0] ? link->error : strerror(-error));
    link_close(link);
    free(link);
    return code;
}

static int print_answer(struct call *call, const struct answer *answer, bool json) {
    json_error_t error;
    json_t *document = json_loads(answer->text, 0, &error);
    const char *message = json_string_value(json_object_get(document, "message"));
    int code = CALL_OK;
    if (answer->status >= 300)
        code = call_error(call, "%s",
                          message ? message : "the server has no such page: is it one with administration?");
    else if (json)
        puts(answer->text);
    else if (json_is_array(document) && !rows_print(document))
        code = call_error(call, "out of memory");
    json_decref(document);
    return code;
}

/* Appends &NAME=WORD, whatever is in the word (a path may hold any byte). False: no room. */
static bool put_parameter(char *room, size_t size, const char *name, const char *word) {
    size_t n = strlen(room);
    n += (size_t)snprintf(room + n, size - n, "&%s=", name);
    for (; *word && n + 4 < size; word++)
        n += (size_t)snprintf(room + n, size - n, "%%%02X", (unsigned char)*word);
    return !*word;
}

/* The target for the words of the command line; NULL: they are not an action. */
static const char *target_of(int count, char **words, char *room, size_t size) {
    const char *action = words[0];
    bool drains = strcmp(action, "drain") == 0 || strcmp(action, "undrain") == 0;
    bool weighs = strcmp(action, "weight") == 0;
    if (strcmp(action, "upstreams") == 0)
        return count == 1 ? "/_/upstreams" : NULL;
    if (strcmp(action, "drain") == 0 && count == 1)
        return "/_/drain";
    if (!(drains && count == 2) && !(weighs && count == 3))
        return NULL;
    snprintf(room, size, "/_/upstreams?action=%s", action);
    bool whole = put_parameter(room, size, "server", words[1]);
    if (weighs)
        whole = whole && put_parameter(room, size, "weight", words[2]);
    return whole ? room : NULL;
}

int command_ctl_run(struct call *call, int argc, char **argv) {
    struct answer answer = {0};
    char room[REQUEST_MAX / 2];
    bool json;
    int code = call_json(call, argc, argv, 1, 3, &json);
    if (code != CALL_GO_ON)
        return code;
    const char *target = target_of(argc - optind, argv + optind, room, sizeof(room));
    if (!target)
        return call_usage(call, "%s: not an action with its arguments", argv[optind]);
    bool show = strcmp(argv[optind], "upstreams") == 0;
    code = ask(call, show ? "GET" : "POST", target, &answer);
    if (code == CALL_GO_ON)
        code = print_answer(call, &answer, json);
    free(answer.text);
    return code;
}
