/* info: an object's size, version and time. */
#include "tools/sluice/call.h"
#include "tools/sluice/command.h"
#include "tools/sluice/units.h"

#include <inttypes.h>
#include <stdio.h>

const char command_info_help[] = "Prints lines of NAME: VALUE. Equal versions mean equal content.\n"
                                 "\n"
                                 "Example:\n"
                                 "  sluice -s unix:/run/sluice.sock info models/a.bin\n";

int command_info_run(struct call *call, int argc, char **argv) {
    struct sluice_object object;
    char modified[UNITS_TEXT];
    int code = call_plain(call, argc, argv, 1, 1);
    if (code == CALL_GO_ON)
        code = call_connect(call);
    if (code != CALL_GO_ON)
        return code;
    const char *key = argv[optind];
    int result = sluice_info(call->client, key, &object);
    if (result != 0)
        return call_failed(call, result, key);
    units_time(modified, object.mtime_ns);
    printf("key: %s\nsize: %" PRIu64 "\nversion: %016" PRIx64 "\nmodified: %s\n", key, object.size,
           object.version, modified);
    return CALL_OK;
}
