/* The work of jobs: opening, reading, splicing and writing files, either on the spot where the kernel need not sleep,
 * or in a thread that may.
 *
 *     files_spot(job)  loop thread:  DONE | AGAIN: it would sleep | UNSUPPORTED: it cannot tell | ELSEWHERE
 *     files_run(job)   any thread:   may sleep; continues after the bytes that an earlier attempt (on the spot or by
 * the
 *                                    ring) has counted in got */
#ifndef SLUICE_OFFLOAD_FILES_H
#define SLUICE_OFFLOAD_FILES_H

#include "offload/filesystems.h"
#include "offload/job.h"

enum spot {
    SPOT_DONE,        /* error and results are set */
    SPOT_AGAIN,       /* the kernel would have to sleep for it */
    SPOT_UNSUPPORTED, /* this file system cannot tell whether it would */
    SPOT_ELSEWHERE,   /* not tried: the ring reads what is cached as cheaply, many at once */
};

struct files {
    struct filesystems filesystems;
    size_t spot_max;    /* longest read that is tried on the spot */
    size_t page;        /* bytes of a page */
    bool cached_lookup; /* the kernel has RESOLVE_CACHED (5.12) */
    bool cachestat;     /* and cachestat(2) (6.5) */
};

/* Finds out what the kernel can do. 0, or -errno if there is no openat2(2): nothing works without it. */
int files_init(struct files *files, size_t spot_max);
/* Tries a JOB_OPEN, JOB_READ or JOB_SPLICE without sleeping. */
enum spot files_spot(struct files *files, struct job *job);
/* The same for a JOB_READ of any length whose bytes are sent at once: a single warm buffer for all such reads is
 * cheaper than the many that the ring would fill in a turn. */
enum spot files_read_now(struct files *files, struct job *job);
/* openat2(2) of a path below root: no absolute name, ".." or symbolic link leads out, and magic links of /proc lead
 * nowhere. flags: of open(2), O_CLOEXEC is added; resolve: further RESOLVE_ flags. A descriptor or -errno. */
int files_open_beneath(int root, const char *path, uint64_t flags, uint64_t resolve);
/* Does a job of any kind; may sleep. Sets job->error. */
void files_run(struct job *job);
/* fstat(2) of what the name below root stands for now, by a lookup that does not sleep. 0 or -errno; -EAGAIN: the
 * lookup would sleep, or might. */
int files_look(struct files *files, int root, const char *path, struct stat *st);
/* Is a JOB_READ's file on a file system that may wait for a network or for another program? */
bool files_is_remote(struct files *files, const struct job *job);
/* True if the range of fd, on the device (0: unknown), is in memory and the file system is local. */
bool files_resident(struct files *files, int fd, dev_t device, uint64_t offset, size_t size);

#endif
