/* ls: keys, one a line. */
#include "tools/sluice/call.h"
#include "tools/sluice/command.h"

#include <stdio.h>

const char command_ls_help[] =
    "Prints all keys that start with PREFIX, one a line, in bytewise order. PREFIX may end\n"
    "anywhere: \"models/a\" finds models/a.bin and models/abc/x.\n"
    "\n"
    "Example:\n"
    "  sluice -s unix:/run/sluice.sock ls models/ | wc -l\n";

static int print_key(void *context, const char *key) {
    (void)context;
    return puts(key) < 0; /* nobody reads on: the list may end */
}

int command_ls_run(struct call *call, int argc, char **argv) {
    int code = call_plain(call, argc, argv, 0, 1);
    if (code == CALL_GO_ON)
        code = call_connect(call);
    if (code != CALL_GO_ON)
        return code;
    const char *prefix = optind < argc ? argv[optind] : "";
    int result = sluice_list(call->client, prefix, print_key, NULL);
    return result == 0 ? CALL_OK : call_failed(call, result, prefix[0] ? prefix : "list");
}
