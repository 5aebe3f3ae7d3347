/* ping: whether the server answers, and how fast. */
#include "tools/sluice/call.h"
#include "tools/sluice/command.h"

#include <stdio.h>
#include <time.h>

const char command_ping_help[] = "  -n, --count N          so many times, one after the other; default 1\n"
                                 "\n"
                                 "Example:\n"
                                 "  sluice -s tcp:localhost:7080 ping --count 5\n";

#define PING_BYTES 64

static int ping_once(struct call *call) {
    static const char bytes[PING_BYTES];
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    int result = sluice_ping(call->client, bytes, sizeof(bytes));
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (result != 0)
        return call_failed(call, result, call->address);
    double us = (double)(end.tv_sec - start.tv_sec) * 1e6 + (double)(end.tv_nsec - start.tv_nsec) / 1e3;
    bool written = printf("%d bytes from %s in %.1f us\n", PING_BYTES, call->address, us) >= 0;
    return written ? CALL_GO_ON : CALL_REFUSED; /* main tells why */
}

int command_ping_run(struct call *call, int argc, char **argv) {
    static const struct option options[] = {CALL_LONG, {"count", required_argument, NULL, 'n'}, {0}};
    uint64_t count = 1;
    int option, code = CALL_GO_ON;
    while (code == CALL_GO_ON && (option = getopt_long(argc, argv, CALL_SHORT "n:", options, NULL)) != -1) {
        if (option != 'n')
            code = call_option(call, option, argv);
        else if (!call_bytes(optarg, &count))
            code = call_usage(call, "--count %s: expected a number", optarg);
    }
    if (code == CALL_GO_ON)
        code = call_arguments(call, argc - optind, 0, 0);
    if (code == CALL_GO_ON)
        code = call_connect(call);
    for (uint64_t i = 0; code == CALL_GO_ON && i < count; i++)
        code = ping_once(call);
    return code == CALL_GO_ON ? CALL_OK : code;
}
