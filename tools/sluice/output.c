#include "tools/sluice/output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
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

/* Opens a file without a name in the directory of the output; it can be linked through /proc only. -1: it cannot. */
static int open_nameless(const char *name) {
    size_t n = strlen(name);
    if (n == 0 || name[n - 1] == '/' || access("/proc/self/fd", X_OK) != 0)
        return -1;
    char *copy = strdup(name);
    int fd = copy ? open(dirname(copy), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600) : -1;
    free(copy);
    return fd;
}

static int open_file(struct output *output, mode_t mode) {
    output->fd = open_nameless(output->name);
    if (output->fd < 0) {
        if (asprintf(&output->temporary, "%s.XXXXXX", output->name) < 0) {
            output->temporary = NULL;
            return -ENOMEM;
        }
        output->fd = mkostemp(output->temporary, O_CLOEXEC);
    }
    if (output->fd < 0)
        return -errno;
    if (fchmod(output->fd, mode) == 0)
        return 0;
    int error = -errno;
    output_drop(output);
    return error;
}

/* Gives a file without a name one beside its own. 0 or -errno. */
static int link_temporary(struct output *output) {
    char path[32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", output->fd);
    for (unsigned i = 0;; i++) {
        if (asprintf(&output->temporary, "%s.%d-%u", output->name, (int)getpid(), i) < 0) {
            output->temporary = NULL;
            return -ENOMEM;
        }
        if (linkat(AT_FDCWD, path, AT_FDCWD, output->temporary, AT_SYMLINK_FOLLOW) == 0)
            return 0;
        int error = -errno;
        free(output->temporary);
        output->temporary = NULL;
        if (error != -EEXIST)
            return error;
    }
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
    int result = output->name ? open_file(output, exists ? status.st_mode & 07777 : usual_mode()) : -errno;
    if (result < 0)
        release(output);
    return result;
}

int output_keep(struct output *output) {
    int result = output->name && !output->temporary ? link_temporary(output) : 0;
    if (output->fd != STDOUT_FILENO && close(output->fd) < 0 && result == 0)
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
