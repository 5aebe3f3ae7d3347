/* mcp: a bridge between standard input and output and a running daemon, for MCP clients that start a command.
 *
 *     stdin -> socket        this thread; passes the end on to the server
 *     socket -> stdout       a thread of its own: neither direction waits for the other
 */
#include "tools/client/link.h"
#include "tools/client/transfer.h"
#include "tools/sluice/call.h"
#include "tools/sluice/command.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char command_mcp_help[] =
    "Speaks MCP over standard input and output, one message a line, and passes every line on to the\n"
    "daemon and back. MCP clients start it as a command; it ends with its input, or, with status 3, with\n"
    "the daemon.\n"
    "\n"
    "Example, in a client's configuration:\n"
    "  {\"mcpServers\": {\"sluice\": {\"command\": \"sluice\",\n"
    "                             \"args\": [\"-s\", \"unix:/run/sluice.sock\", \"mcp\"]}}}\n";

/* 0 at the end, or -errno; *writing: it is to that failed. */
static int pump(int from, int to, bool *writing) {
    char bytes[65536];
    int error = 0;
    while (!error) {
        ssize_t n = read(from, bytes, sizeof(bytes));
        if (n < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = from, .events = POLLIN};
            poll(&wait, 1, -1);
        } else if (n < 0 && errno != EINTR) {
            return -errno;
        } else if (n == 0) {
            return 0;
        } else if (n > 0) {
            error = transfer_write(to, bytes, (size_t)n);
        }
    }
    *writing = true;
    return error;
}

struct bridge {
    struct call *call;
    struct link link;
    atomic_bool asked; /* our input has ended: the server may end, too */
};

/* The server's end is the end of everything: the client sees it as the end of our output. */
static void *answers(void *argument) {
    struct bridge *bridge = argument;
    bool writing = false;
    int error = pump(bridge->link.fd, STDOUT_FILENO, &writing);
    if (writing)
        _exit(call_error(bridge->call, "standard output: %s", strerrordesc_np(-error)));
    if (!error && atomic_load(&bridge->asked))
        _exit(CALL_OK);
    _exit(call_disconnected(bridge->call, "%s",
                            error ? strerrordesc_np(-error) : "the server has ended the connection"));
}

int command_mcp_run(struct call *call, int argc, char **argv) {
    static struct bridge bridge; /* outlives this function: the thread ends the process */
    pthread_t thread;
    bool writing;
    int code = call_plain(call, argc, argv, 0, 0);
    if (code == CALL_GO_ON)
        code = call_address(call);
    if (code != CALL_GO_ON)
        return code;
    bridge.call = call;
    if (link_connect(&bridge.link, call->address, call->timeout_ms) != 0)
        return call_disconnected(call, "%s", bridge.link.error);
    signal(SIGPIPE, SIG_IGN);
    if (pthread_create(&thread, NULL, answers, &bridge) != 0)
        return call_error(call, "cannot start a thread");
    if (pump(STDIN_FILENO, bridge.link.fd, &writing) == 0)
        atomic_store(&bridge.asked, true);
    shutdown(bridge.link.fd, SHUT_WR);
    pthread_join(thread, NULL); /* ends the process when everything was answered */
    return CALL_OK;
}
