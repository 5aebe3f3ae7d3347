/* A disk that fails, for LD_PRELOAD: while the file $SLUICE_FAULT exists its first word says what goes wrong.
 *
 *     "sync EIO", "sync ENOSPC"    fdatasync fails
 *     "write ENOSPC", "write EIO"  pwrite fails
 *     "short"                      pwrite writes half
 *     "slow", "stuck"              fdatasync takes 200 ms, or waits until this changes */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* True if this is what goes wrong now. */
static int fault(const char *what) {
    char text[32] = "";
    const char *path = getenv("SLUICE_FAULT");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    return n > 0 && strncmp(text, what, strlen(what)) == 0;
}

int fdatasync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    if (fault("slow"))
        usleep(200000);
    while (fault("stuck"))
        usleep(1000);
    if (fault("sync")) {
        errno = fault("sync EIO") ? EIO : ENOSPC;
        return -1;
    }
    return real(fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t offset) {
    ssize_t (*real)(int, const void *, size_t, off_t) =
        (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    if (fault("write")) {
        errno = fault("write EIO") ? EIO : ENOSPC;
        return -1;
    }
    return real(fd, bytes, fault("short") && n > 1 ? n / 2 : n, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t offset) {
    return pwrite(fd, bytes, n, (off_t)offset);
}
