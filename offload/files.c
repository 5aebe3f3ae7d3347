#include "offload/files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

/* Of cachestat(2), which Debian 12's headers do not have yet. */
struct cache_range {
    uint64_t offset, length;
};
struct cache_state {
    uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

/* A lease holder gets this long to give way (doubled from 1 ms), a racing rename this many tries. */
#define LEASE_TRIES  6
#define RENAME_TRIES 3

/* For opens on the spot: no sleeping, and no other mount, which might not be local. */
#define RESOLVE_SPOT (RESOLVE_CACHED | RESOLVE_NO_XDEV)

static int call_openat2(int root, const char *path, uint64_t flags, uint64_t resolve) {
    struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
    long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
    return fd < 0 ? -errno : (int)fd;
}

int files_open_beneath(int root, const char *path, uint64_t flags, uint64_t resolve) {
    return call_openat2(root, path, flags, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve);
}

int files_init(struct files *files, size_t spot_max) {
    *files = (struct files){.spot_max = spot_max, .page = (size_t)sysconf(_SC_PAGESIZE)};
    int fd = call_openat2(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    close(fd);
    fd = call_openat2(AT_FDCWD, "/", O_PATH | O_DIRECTORY, RESOLVE_CACHED);
    files->cached_lookup = fd != -EINVAL;
    if (fd >= 0)
        close(fd);
    files->cachestat = syscall(SYS_cachestat, -1, NULL, NULL, 0) != 0 && errno == EBADF;
    return 0;
}

/* ---- open -------------------------------------------------------------------------------------- */

/* Opens regular files only. O_NONBLOCK, because opening a FIFO would wait for its writer and a device for its carrier;
 * it stays set unless blocking is asked for. */
static int open_regular(struct job *job, uint64_t resolve, bool blocking) {
    job->open.fd = -1;
    job->open.st.st_mode = 0;
    int fd = files_open_beneath(job->open.root, job->open.path, O_RDONLY | O_NONBLOCK | O_NOCTTY, resolve);
    if (fd < 0)
        return fd == -ENXIO ? -EISDIR : fd; /* ENXIO: a socket, or a device that is not there */
    int error = 0;
    if (fstat(fd, &job->open.st) != 0)
        error = -errno;
    else if (!S_ISREG(job->open.st.st_mode))
        error = -EISDIR;
    else if (blocking && fcntl(fd, F_SETFL, 0) != 0)
        error = -errno;
    if (error)
        close(fd);
    else
        job->open.fd = fd;
    return error;
}

static enum spot spot_open(struct files *files, struct job *job) {
    unsigned abilities = filesystems_root(&files->filesystems, job->open.root);
    if (!files->cached_lookup || !(abilities & FILESYSTEM_LOCAL))
        return SPOT_UNSUPPORTED;
    job->error = open_regular(job, RESOLVE_SPOT, job->open.hand_out);
    job->open.filesystem = abilities;
    /* EAGAIN: not cached, or a lease; EXDEV: another mount, or a way out of the root; a thread tells them apart. */
    return job->error == -EAGAIN || job->error == -EXDEV || job->error == -EINTR ? SPOT_AGAIN : SPOT_DONE;
}

int files_look(struct files *files, int root, const char *path, struct stat *st) {
    if (!files->cached_lookup || !(filesystems_root(&files->filesystems, root) & FILESYSTEM_LOCAL))
        return -EAGAIN;
    int fd = files_open_beneath(root, path, O_PATH, RESOLVE_SPOT);
    if (fd < 0)
        return fd;
    int error = fstat(fd, st) == 0 ? 0 : -errno;
    close(fd);
    return error;
}

static void pause_ms(long ms) {
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* O_NONBLOCK is always cleared: io_uring takes it for a promise that reads never wait, which FUSE and NFS do not
 * keep. */
static int run_open(struct job *job) {
    int error = -EAGAIN;
    for (int i = 0; i < RENAME_TRIES + LEASE_TRIES && (error == -EAGAIN || error == -EINTR); i++) {
        if (i >= RENAME_TRIES)
            pause_ms(1L << (i - RENAME_TRIES));
        error = open_regular(job, 0, true);
    }
    if (!error && job->open.st.st_dev != job->open.remote)
        job->open.filesystem = filesystems_ask(job->open.fd);
    return error;
}

/* ---- what is in memory ------------------------------------------------------------------------- */

enum cached { CACHED_NO, CACHED_YES, CACHED_UNKNOWN };

/* Are all pages of a range in the page cache? Unknown before Linux 6.5, and on newer kernels to processes that neither
 * own the file nor may write to it. */
static enum cached cached(const struct files *files, int fd, uint64_t offset, size_t size) {
    struct cache_range range = {offset, size};
    struct cache_state state;
    if (size == 0)
        return CACHED_YES;
    if (!files->cachestat || syscall(SYS_cachestat, fd, &range, &state, 0) != 0)
        return CACHED_UNKNOWN;
    uint64_t pages = (offset + size - 1) / files->page - offset / files->page + 1;
    return state.cached >= pages ? CACHED_YES : CACHED_NO;
}

/* Probes one byte at each end of a range: all that RWF_NOWAIT can tell without reading it. */
static bool ends_cached(int fd, uint64_t offset, size_t size) {
    char byte;
    struct iovec one = {&byte, 1};
    return preadv2(fd, &one, 1, (off_t)(offset + size - 1), RWF_NOWAIT) == 1 &&
           preadv2(fd, &one, 1, (off_t)offset, RWF_NOWAIT) == 1;
}

bool files_resident(struct files *files, int fd, dev_t device, uint64_t offset, size_t size) {
    unsigned abilities = filesystems_file(&files->filesystems, fd, device);
    if (!(abilities & FILESYSTEM_LOCAL))
        return false;
    enum cached answer = cached(files, fd, offset, size);
    if (answer == CACHED_UNKNOWN)
        return (abilities & FILESYSTEM_MEMORY) || ends_cached(fd, offset, size);
    return answer == CACHED_YES;
}

/* ---- read -------------------------------------------------------------------------------------- */

static ssize_t read_next(struct job *job, int flags) {
    struct iovec rest = {(char *)job->read.buffer + job->read.got, job->read.want - job->read.got};
    off_t offset = (off_t)(job->read.offset + job->read.got);
    ssize_t n = flags ? preadv2(job->read.fd, &rest, 1, offset, flags)
                      : pread(job->read.fd, rest.iov_base, rest.iov_len, offset);
    return n < 0 ? -errno : n;
}

/* Reads until want bytes are there or the file ends (0), or until an error, which it returns. */
static int read_all(struct job *job, int flags) {
    while (job->read.got < job->read.want) {
        ssize_t n = read_next(job, flags);
        if (n > 0)
            job->read.got += (size_t)n;
        else if (n != -EINTR)
            return (int)n;
    }
    return 0;
}

bool files_is_remote(struct files *files, const struct job *job) {
    return !(filesystems_file(&files->filesystems, job->read.fd, job->read.device) & FILESYSTEM_LOCAL);
}

/* Reads of more than most bytes are left to the ring, except on memory file systems. */
static enum spot spot_read(struct files *files, struct job *job, size_t most) {
    unsigned abilities = filesystems_file(&files->filesystems, job->read.fd, job->read.device);
    if (abilities & FILESYSTEM_MEMORY) {
        /* RWF_NOWAIT is refused here. Only swap makes a read sleep, and cachestat sees that. */
        if (cached(files, job->read.fd, job->read.offset, job->read.want) == CACHED_NO)
            return SPOT_AGAIN;
        job->error = read_all(job, 0);
        return SPOT_DONE;
    }
    if (job->read.want > most)
        return SPOT_ELSEWHERE;
    if (!(abilities & FILESYSTEM_NOWAIT))
        return SPOT_UNSUPPORTED;
    int error = read_all(job, RWF_NOWAIT);
    if (error == -EAGAIN)
        return SPOT_AGAIN;
    if (error == -EOPNOTSUPP || error == -EPERM || error == -ENOSYS) { /* the latter two: seccomp */
        filesystems_lack(&files->filesystems, job->read.fd, job->read.device, FILESYSTEM_NOWAIT);
        return SPOT_UNSUPPORTED;
    }
    job->error = error;
    return SPOT_DONE;
}

/* ---- splice ------------------------------------------------------------------------------------ */

static int splice_all(struct job *job) {
    while (job->splice.got < job->splice.want) {
        loff_t offset = (loff_t)(job->splice.offset + job->splice.got);
        ssize_t n = splice(job->splice.fd, &offset, job->splice.pipe, NULL,
                           job->splice.want - job->splice.got, SPLICE_F_NONBLOCK);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            job->splice.got += (size_t)n;
    }
    return 0;
}

static enum spot spot_splice(struct files *files, struct job *job) {
    if (!(filesystems_file(&files->filesystems, job->splice.fd, job->splice.device) & FILESYSTEM_LOCAL))
        return SPOT_UNSUPPORTED;
    /* A splice cannot tell that it would sleep, and the ring hands each one to a thread: 38 us instead of 3 us for 256
     * KiB of resident pages. So ask for the pages first. */
    switch (cached(files, job->splice.fd, job->splice.offset, job->splice.want)) {
    case CACHED_NO:
        return SPOT_AGAIN;
    case CACHED_UNKNOWN:
        return SPOT_UNSUPPORTED;
    case CACHED_YES:
        break;
    }
    job->error = splice_all(job);
    return SPOT_DONE;
}

/* ---- write ------------------------------------------------------------------------------------- */

/* Continues where a ring stopped. fdatasync(2) is called only once: after a failure the kernel may have dropped the
 * dirty pages, and a second call would report success. */
static int run_write(struct job *job) {
    while (job->write.got < job->write.want) {
        ssize_t n = pwrite(job->write.fd, (const char *)job->write.buffer + job->write.got,
                           job->write.want - job->write.got, (off_t)(job->write.offset + job->write.got));
        if (n == 0)
            return -EIO;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            job->write.got += (size_t)n;
    }
    if (!job->write.sync || fdatasync(job->write.fd) == 0)
        return 0;
    job->write.sync_failed = true;
    return -errno;
}

/* ---- all --------------------------------------------------------------------------------------- */

enum spot files_spot(struct files *files, struct job *job) {
    switch (job->kind) {
    case JOB_OPEN:
        return spot_open(files, job);
    case JOB_READ:
        return spot_read(files, job, files->spot_max);
    case JOB_SPLICE:
        return spot_splice(files, job);
    case JOB_WRITE:
    case JOB_CALL:
        break;
    }
    return SPOT_ELSEWHERE;
}

enum spot files_read_now(struct files *files, struct job *job) {
    return spot_read(files, job, SIZE_MAX);
}

void files_run(struct job *job) {
    switch (job->kind) {
    case JOB_OPEN:
        job->error = run_open(job);
        break;
    case JOB_READ:
        job->error = read_all(job, 0);
        break;
    case JOB_SPLICE:
        job->error = splice_all(job);
        break;
    case JOB_WRITE:
        job->error = run_write(job);
        break;
    case JOB_CALL:
        job->call.run(job);
        break;
    }
}
