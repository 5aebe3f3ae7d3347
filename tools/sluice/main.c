/* sluice: the command-line client of sluiced.
 *
 *     arguments -> command (commands.def) -> one call: connect, ask, print -> exit code
 */
#include "tools/sluice/call.h"
#include "tools/sluice/command.h"
#include "tools/standard_fds.h"
#include "tools/version.h"

#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS 30000

/* The options before the command; argv[optind] is the command then. CALL_GO_ON or an exit code. */
static int parse_common(struct call *call, int argc, char **argv) {
    static const struct option options[] = {CALL_LONG, {"version", no_argument, NULL, 'V'}, {0}};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "+V" CALL_SHORT, options, NULL)) != -1) {
        if (option == 'V') {
            puts("sluice " SLUICE_VERSION);
            return CALL_OK;
        }
        int code = call_option(call, option, argv);
        if (code != CALL_GO_ON)
            return code;
    }
    if (optind == argc)
        return call_usage(call, "a command is missing");
    return CALL_GO_ON;
}

static int run(struct call *call, int argc, char **argv) {
    int code = parse_common(call, argc, argv);
    if (code != CALL_GO_ON)
        return code;
    const struct command *command = command_find(argv[optind]);
    if (!command)
        return call_usage(call, "%s: no such command", argv[optind]);
    argc -= optind;
    argv += optind;
    optind = 0; /* getopt starts anew (getopt(3), notes) */
    call->command = command;
    return command->run(call, argc, argv);
}

int main(int argc, char **argv) {
    standard_fds_take();
    struct call call = {.address = getenv("SLUICE_ADDR"), .timeout_ms = TIMEOUT_MS};
    int code = run(&call, argc, argv);
    sluice_close(call.client);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("sluice: standard output");
        code = code == CALL_OK ? CALL_REFUSED : code;
    }
    return code;
}
