#include "tools/sluice/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static mode_t usual_mode(void) {
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

static void release(struct output *output) {
    free(output->name);
    free(output->temporary);
    *output = (struct output){.fd = -1};
}

static int open_temporary(struct output *output, mode_t mode) {
    if (asprintf(&output->temporary, "%s.XXXXXX", output->name) < 0) {
        output->temporary = NULL;
        return -ENOMEM;
    }
    output->fd = mkostemp(output->temporary, O_CLOEXEC);
    if (output->fd < 0)
        return -errno;
    if (fchmod(output->fd, mode) == 0)
        return 0;
    int error = -errno;
    output_drop(output);
    return error;
}

int output_open(struct output *output, const char *path) {
    struct stat status;
    *output = (struct output){.fd = STDOUT_FILENO};
    if (!path)
        return 0;
    bool exists = stat(path, &status) == 0;
    if (exists && !S_ISREG(status.st_mode)) {
        output->fd = open(path, O_WRONLY | O_CLOEXEC);
        return output->fd < 0 ? -errno : 0;
    }
    output->name = exists ? realpath(path, NULL) : strdup(path);
    int result =
        output->name ? open_temporary(output, exists ? status.st_mode & 07777 : usual_mode()) : -errno;
    if (result < 0)
        release(output);
    return result;
}

int output_keep(struct output *output) {
    int result = 0;
    if (output->fd != STDOUT_FILENO && close(output->fd) < 0)
        result = -errno; /* network file systems report lost writes here */
    if (output->temporary) {
        if (result == 0 && rename(output->temporary, output->name) < 0)
            result = -errno;
        if (result < 0)
            unlink(output->temporary);
    }
    release(output);
    return result;
}

void output_drop(struct output *output) {
    if (output->fd != STDOUT_FILENO)
        close(output->fd);
    if (output->temporary)
        unlink(output->temporary);
    release(output);
}
