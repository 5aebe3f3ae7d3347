/* exec: a program that inherits the object as descriptor 3. */
#include "tools/sluice/call.h"
#include "tools/sluice/command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char command_exec_help[] =
    "COMMAND takes this program's place, with the open object as descriptor 3, read-only and at its\n"
    "beginning, and SLUICE_KEY, SLUICE_SIZE and SLUICE_VERSION in its environment. Unix sockets only.\n"
    "If COMMAND cannot be run, the exit code is 127 (not found) or 126.\n"
    "\n"
    "Example:\n"
    "  sluice -s unix:/run/sluice.sock exec models/a.bin -- sha256sum /dev/fd/3\n";

#define OBJECT_FD       3
#define EXIT_NOT_RUN    126 /* as shells have it */
#define EXIT_NO_COMMAND 127

static int set_environment(const char *key, const struct sluice_object *object) {
    char size[24], version[24];
    snprintf(size, sizeof(size), "%" PRIu64, object->size);
    snprintf(version, sizeof(version), "%016" PRIx64, object->version);
    if (setenv("SLUICE_KEY", key, 1) < 0 || setenv("SLUICE_SIZE", size, 1) < 0 ||
        setenv("SLUICE_VERSION", version, 1) < 0)
        return -errno;
    return 0;
}

/* dup2 clears FD_CLOEXEC, but does nothing at all if the number is right already. */
static int place_object(int fd) {
    int result = fd == OBJECT_FD ? fcntl(fd, F_SETFD, 0) : dup2(fd, OBJECT_FD);
    return result < 0 ? -errno : 0;
}

int command_exec_run(struct call *call, int argc, char **argv) {
    struct sluice_object object;
    int code = call_plain(call, argc, argv, 2, argc);
    if (code == CALL_GO_ON)
        code = call_connect(call);
    if (code != CALL_GO_ON)
        return code;
    const char *key = argv[optind];
    int result = sluice_get(call->client, SLUICE_FDPASS, key, 0, 0, 0, &object);
    if (result != 0)
        return call_failed(call, result, key);
    sluice_close(call->client); /* frees descriptor 3, if the connection has it */
    call->client = NULL;
    result = set_environment(key, &object);
    if (result == 0)
        result = place_object(object.fd);
    if (result < 0)
        return call_error(call, "%s", strerror(-result));
    execvp(argv[optind + 1], argv + optind + 1);
    int error = errno;
    call_error(call, "%s: %s", argv[optind + 1], strerror(error));
    return error == ENOENT ? EXIT_NO_COMMAND : EXIT_NOT_RUN;
}
