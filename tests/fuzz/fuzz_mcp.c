/* JSON-RPC and MCP as a whole: a server in this process, on which the input is a client's bytes. Detection decides what
 * they are: lines, MCP1 frames, POST /rpc or /mcp. Whatever they are, replies on lines are JSON-RPC, the connection
 * ends, and no call is left over.
 *
 *     input: what a client sends before it ends its side */
#include "handlers/http/http.h"
#include "handlers/mcp/mcp.h"
#include "handlers/rpc/http.h"
#include "proto/jsontext.h"
#include "reactor/listener.h"
#include "tests/fuzz/fuzz.h"
#include "tools/sluiced/arguments.h"
#include "tools/sluiced/config.h"
#include "tools/sluiced/methods.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define INPUT_MAX  16384
#define OUTPUT_MAX (4u << 20)
#define WAITS      3000 /* milliseconds that a connection may take to end */
#define SILENT     20   /* milliseconds of silence that make the client leave */

struct rig {
    struct daemon_config config;
    struct loop loop;
    struct objects objects;
    struct http http;
    struct gateway gateway;
    struct rpc rpc;
    struct methods methods;
    struct mcp mcp;
    struct sockaddr_un name;
    socklen_t name_n;
};

static void start_families(struct rig *server, char *why, size_t size) {
    const struct daemon_config *config = &server->config;
    struct rpc *rpc = &server->rpc;
    fuzz_check(objects_init(&server->objects, &server->loop, &config->objects, &config->offload, why, size) ==
               0);
    fuzz_check(http_init(&server->http, &server->loop, &server->objects, &config->http, why, size) == 0);
    gateway_init(&server->gateway, &server->loop, &server->http);
    fuzz_check(rpc_init(rpc, &server->loop, &config->rpc) == 0);
    fuzz_check(methods_add(&server->methods, rpc, &server->objects, &server->http.mime, &server->gateway,
                           NULL) == 0);
    http_add_path(&server->http, RPC_HTTP_PATH, &rpc->http_handler);
    fuzz_check(mcp_init(&server->mcp, rpc, &server->methods.objects.calls, &config->mcp, why, size) == 0);
    http_add_path(&server->http, MCP_HTTP_PATH, &server->mcp.http_handler);
}

static struct rig *start(void) {
    struct rig *server = calloc(1, sizeof(*server));
    char why[256] = "", address[64];
    char *arguments[] = {(char *)"sluiced", (char *)"--listen", address,     (char *)"--uring",
                         (char *)"off",     (char *)"--pool",   (char *)"1", NULL};
    server->name.sun_family = AF_UNIX;
    int n = snprintf(address, sizeof(address), "unix:@sluice-fuzz-%d", (int)getpid());
    memcpy(server->name.sun_path + 1, address + 6, (size_t)n - 6);
    server->name_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n - 5);
    signal(SIGPIPE, SIG_IGN);
    fuzz_check(config_init(&server->config) == 0);
    fuzz_check(arguments_read(&server->config, 7, arguments, stdout, stderr) == ARGUMENTS_RUN);
    server->config.listens[0].admin = 0; /* no fuzzer ends the server */
    fuzz_check(loop_init(&server->loop, &server->config.reactor, &server->config.offload, NULL, why,
                         sizeof(why)) == 0);
    start_families(server, why, sizeof(why));
    fuzz_check(listener_open(&server->loop, &server->config.listens[0], why, sizeof(why)) == 0);
    return server;
}

/* Turns until the client has its end of file; how many bytes came. */
static size_t talk(struct rig *server, int client, const uint8_t *data, size_t size, char *out) {
    struct pollfd readable = {.fd = client, .events = POLLIN};
    size_t got = 0, sent = 0;
    unsigned silent = 0;
    while (silent < SILENT && got < OUTPUT_MAX) {
        ssize_t n = sent < size ? send(client, data + sent, size - sent, MSG_DONTWAIT) : 0;
        sent += n > 0 ? (size_t)n : 0;
        if (sent == size)
            shutdown(client, SHUT_WR);
        ev_run(server->loop.ev, EVRUN_NOWAIT);
        n = recv(client, out + got, OUTPUT_MAX - got, MSG_DONTWAIT);
        if (n == 0)
            break;
        got += n > 0 ? (size_t)n : 0;
        if (n < 0 && poll(&readable, 1, 1) == 0)
            silent++;
        else
            silent = 0;
    }
    return got;
}

static void check_lines(const char *text, size_t n) {
    while (n > 0) {
        const char *end = memchr(text, '\n', n);
        struct span value;
        fuzz_check(end);
        fuzz_check(!jsontext_check(span_of(text, (size_t)(end - text)), 128, &value));
        fuzz_check(jsontext_kind(value) == JSONTEXT_OBJECT || jsontext_kind(value) == JSONTEXT_ARRAY);
        n -= (size_t)(end + 1 - text);
        text = end + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct rig *server;
    static char out[OUTPUT_MAX];
    if (!server)
        server = start();
    if (size == 0 || size > INPUT_MAX)
        return 0;
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fuzz_check(connect(client, (struct sockaddr *)&server->name, server->name_n) == 0);
    size_t got = talk(server, client, data, size, out);
    if ((data[0] == '{' || data[0] == '[') && got < OUTPUT_MAX)
        check_lines(out, got);
    close(client);
    for (unsigned i = 0; server->loop.conns.used > 0 || server->rpc.stats.rpc_open > 0; i++) {
        ev_run(server->loop.ev, EVRUN_NOWAIT);
        fuzz_check(i < WAITS);
        if (server->loop.conns.used > 0 || server->rpc.stats.rpc_open > 0)
            poll(NULL, 0, 1);
    }
    return 0;
}
