/* rpc: one JSON-RPC call. */
#include "proto/jsontext.h"
#include "tools/client/link.h"
#include "tools/sluice/call.h"
#include "tools/sluice/command.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char command_rpc_help[] =
    "Calls METHOD with PARAMS, an object or an array as JSON, and prints its result. The method\n"
    "rpc.discover lists all methods and their parameters.\n"
    "\n"
    "Examples:\n"
    "  sluice -s unix:/run/sluice.sock rpc object.list '{\"prefix\":\"models/\",\"limit\":10}'\n"
    "  sluice -s tcp:localhost:7080 rpc stats.get\n";

#define PIECE 8192 /* bytes handed to the link at once */
#define DEPTH 1000 /* of an answer's arrays and objects */

static int send_text(struct link *link, const char *text) {
    size_t n = strlen(text);
    for (size_t at = 0; at < n; at += PIECE) {
        int error = link_send(link, text + at, n - at < PIECE ? n - at : PIECE);
        if (error)
            return error;
    }
    return 0;
}

/* What the server has said: the line that is looked at, then bytes behind it. */
struct received {
    char *p;
    size_t line; /* bytes of the line, its end included */
    size_t n, size;
};

/* The next line, with a NUL for its end, until the next call; NULL: the connection failed, see link->error. */
static char *next_line(struct link *link, struct received *received) {
    size_t seen = 0;
    received->n -= received->line;
    if (received->line)
        memmove(received->p, received->p + received->line, received->n);
    for (;;) {
        char *end = seen < received->n ? memchr(received->p + seen, '\n', received->n - seen) : NULL;
        if (end) {
            *end = '\0';
            received->line = (size_t)(end - received->p) + 1;
            return received->p;
        }
        seen = received->n;
        if (received->size - received->n < PIECE) {
            size_t size = received->size ? 2 * received->size : 8 * PIECE;
            char *larger = size <= CALL_ANSWER_MAX ? realloc(received->p, size) : NULL;
            if (!larger) {
                link_fail(link, -ENOMEM, "the answer is too long");
                return NULL;
            }
            received->p = larger;
            received->size = size;
        }
        ssize_t got = link_read(link, received->p + received->n, received->size - received->n);
        if (got < 0)
            return NULL;
        received->n += (size_t)got;
    }
}

/* Prints a value with indents; numbers and strings stay as they were written. */
static void print_value(struct span value, int depth) {
    bool object = jsontext_kind(value) == JSONTEXT_OBJECT, first = true;
    struct span rest, name, member;
    if (!object && jsontext_kind(value) != JSONTEXT_ARRAY) {
        fwrite(value.p, 1, value.n, stdout);
        return;
    }
    putchar(value.p[0]);
    rest = jsontext_inside(value);
    while (object ? jsontext_member(&rest, &name, &member) : jsontext_element(&rest, &member)) {
        printf("%s\n%*s", first ? "" : ",", 2 * depth + 2, "");
        if (object)
            printf("%.*s: ", (int)name.n, name.p);
        print_value(member, depth + 1);
        first = false;
    }
    if (!first)
        printf("\n%*s", 2 * depth, "");
    putchar(value.p[value.n - 1]);
}

static int say_error(struct call *call, struct span text) {
    json_t *error = json_loadb(text.p, text.n, JSON_DECODE_ANY, NULL);
    const json_t *data = json_object_get(error, "data");
    char *details = data ? json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    const char *message = json_string_value(json_object_get(error, "message"));
    int code = call_error(call, "%s (%lld)%s%s", message ? message : "error",
                          (long long)json_integer_value(json_object_get(error, "code")), details ? " " : "",
                          details ? details : "");
    free(details);
    json_decref(error);
    return code;
}

/* Prints the result, or says the error. CALL_GO_ON: the line is no answer but something in between. */
static int show(struct call *call, const char *line) {
    struct span reply;
    if (jsontext_check(span_text(line), DEPTH, &reply))
        return call_error(call, "the server's answer is not JSON: %.100s", line);
    struct span result = jsontext_find(reply, "result"), error = jsontext_find(reply, "error");
    if (jsontext_find(reply, "method").p)
        return CALL_GO_ON;
    if (!result.p && !error.p)
        return call_error(call, "the server's answer is not a JSON-RPC response: %.100s", line);
    if (error.p)
        return say_error(call, error);
    print_value(result, 0);
    putchar('\n');
    return CALL_OK;
}

static int ask(struct call *call, struct link *link, const char *text) {
    struct received received = {0};
    int code = CALL_GO_ON;
    if (send_text(link, text) != 0)
        return call_disconnected(call, "%s", link->error);
    while (code == CALL_GO_ON) {
        const char *line = next_line(link, &received);
        code = line ? show(call, line) : call_disconnected(call, "%s", link->error);
    }
    free(received.p);
    return code;
}

/* The request as a line; NULL: the method is no UTF-8, or params are no JSON. To be freed. */
static char *make_request(const char *method, const char *params) {
    json_t *request = json_pack("{s:s, s:s, s:i}", "jsonrpc", "2.0", "method", method, "id", 1);
    json_t *given = params ? json_loads(params, 0, NULL) : NULL;
    if (given)
        json_object_set(request, "params", given);
    char *text = given || !params ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(given);
    json_decref(request);
    char *line = NULL;
    if (text && asprintf(&line, "%s\n", text) < 0)
        line = NULL;
    free(text);
    return line;
}

static int connect_and_ask(struct call *call, const char *text) {
    struct link *link = calloc(1, sizeof(*link));
    if (!link)
        return call_error(call, "no memory");
    int code = link_connect(link, call->address, call->timeout_ms) == 0
                   ? ask(call, link, text)
                   : call_disconnected(call, "%s", link->error);
    link_close(link);
    free(link);
    return code;
}

int command_rpc_run(struct call *call, int argc, char **argv) {
    int code = call_plain(call, argc, argv, 1, 2);
    if (code != CALL_GO_ON)
        return code;
    const char *params = argc - optind > 1 ? argv[optind + 1] : NULL;
    char *text = make_request(argv[optind], params);
    if (!text)
        return call_usage(call, "METHOD must be UTF-8, and PARAMS a JSON object or array");
    code = call_address(call);
    if (code == CALL_GO_ON)
        code = connect_and_ask(call, text);
    free(text);
    return code;
}
