/* rpc: one JSON-RPC call. */
#include "tools/client/link.h"
#include "tools/sluice/call.h"
#include "tools/sluice/command.h"

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

static int send_text(struct link *link, const char *text) {
    size_t n = strlen(text);
    for (size_t at = 0; at < n; at += PIECE) {
        int error = link_send(link, text + at, n - at < PIECE ? n - at : PIECE);
        if (error)
            return error;
    }
    return 0;
}

/* The line that the server answers with, without its end; NULL: the connection failed. To be freed. */
static char *receive_line(struct link *link) {
    size_t n = 0, size = 65536;
    char *line = malloc(size);
    while (line) {
        ssize_t got = link_read(link, line + n, size - n - 1);
        if (got <= 0)
            break;
        char *end = memchr(line + n, '\n', (size_t)got);
        n += (size_t)got;
        if (end) {
            *end = '\0';
            return line;
        }
        if (size - n < 4096) {
            char *larger = realloc(line, size *= 2);
            if (!larger)
                break;
            line = larger;
        }
    }
    free(line);
    return NULL;
}

/* Prints the result, or says the error. */
static int show(struct call *call, const char *line) {
    json_t *reply = json_loads(line, JSON_ALLOW_NUL, NULL), *error = json_object_get(reply, "error");
    int code = CALL_OK;
    if (!reply) {
        code = call_error(call, "the server's answer is no JSON: %.100s", line);
    } else if (error) {
        json_t *data = json_object_get(error, "data");
        char *details = data ? json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
        const char *message = json_string_value(json_object_get(error, "message"));
        code = call_error(call, "%s (%lld)%s%s", message ? message : "error",
                          (long long)json_integer_value(json_object_get(error, "code")), details ? " " : "",
                          details ? details : "");
        free(details);
    } else {
        json_dumpf(json_object_get(reply, "result"), stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
        putchar('\n');
    }
    json_decref(reply);
    return code;
}

static int ask(struct call *call, struct link *link, const char *text) {
    if (send_text(link, text) != 0)
        return call_error(call, "%s", link->error), CALL_CONNECTION;
    char *line = receive_line(link);
    if (!line)
        return call_error(call, "%s", *link->error ? link->error : "the connection ended"), CALL_CONNECTION;
    int code = show(call, line);
    free(line);
    return code;
}

/* The request as a line; NULL: params are no JSON. To be freed. */
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

int command_rpc_run(struct call *call, int argc, char **argv) {
    int code = call_plain(call, argc, argv, 1, 2);
    if (code != CALL_GO_ON)
        return code;
    const char *params = argc - optind > 1 ? argv[optind + 1] : NULL;
    char *text = make_request(argv[optind], params);
    if (!text)
        return call_usage(call, "%s: PARAMS must be a JSON object or array", params ? params : "");
    struct link *link = calloc(1, sizeof(*link));
    if (!call->address)
        code = call_usage(call, "no server: give -s ADDR or set SLUICE_ADDR");
    else if (!link)
        code = call_error(call, "no memory");
    else if (link_connect(link, call->address, call->timeout_ms) != 0)
        code = (call_error(call, "%s", link->error), CALL_CONNECTION);
    else
        code = ask(call, link, text);
    if (link && call->address)
        link_close(link);
    free(link);
    free(text);
    return code;
}
