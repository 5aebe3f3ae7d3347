/* A job: work that may sleep, on its way from the loop to whoever runs it, and back.
 *
 *     loop:     offload_job() -> fill in -> offload_submit()
 *     offload:                                 '-> on the spot | pool | ring --.
 *     loop:                                                                    '-> offload_reap() -> job->done(job)
 *                                                                                                 -> offload_release()
 *
 * Ownership (docs/design.md, contract 5): from submit until done() the job owns the fds, pipes and buffers named in it;
 * done() takes them. A job names its owner by handle, never by pointer (docs/design.md, contract 3): done() looks the
 * handle up, and if the owner is gone it closes and frees what the job holds. Members marked "in" are set by the
 * submitter, those marked "out" by whoever ran the job. offload never calls done() itself. */
#ifndef SLUICE_OFFLOAD_JOB_H
#define SLUICE_OFFLOAD_JOB_H

#include "proto/object.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum job_kind {
    JOB_OPEN,   /* a name below a root -> an fd of a regular file and its stat */
    JOB_READ,   /* bytes of a file -> a buffer */
    JOB_SPLICE, /* bytes of a file -> an empty pipe */
    JOB_WRITE,  /* a buffer -> a file, and on to its disk */
    JOB_CALL,   /* a function of the caller's, in the named pool */
};

enum job_where { JOB_SPOT, JOB_POOL, JOB_RING };

enum job_pool { JOB_POOL_FILES, JOB_POOL_HANDLERS, JOB_POOL_NAMES, JOB_POOLS };

struct job {
    struct job *next; /* link of whichever queue holds the job */
    uint64_t owner;   /* handle of the owner; not used by offload */
    void *context;    /* for done(): something that outlives the job, or NULL */
    void *extra;      /* for done(): something that the job owns, or NULL */
    void (*done)(struct job *job);
    enum job_kind kind;
    enum job_where where;  /* out: who ran it */
    enum job_pool pool;    /* of offload_job(): where a JOB_CALL runs, and where the job is counted */
    int error;             /* out: 0 or -errno */
    atomic_bool cancelled; /* the owner left: not worth starting; error becomes -ECANCELED */
    int64_t submitted_ns, started_ns, finished_ns; /* CLOCK_MONOTONIC; 0 for jobs finished on the spot */
    union {
        struct {
            int root;                      /* in: directory fd (O_PATH); not owned */
            bool hand_out;                 /* in: the fd is for a client: O_NONBLOCK is cleared */
            int fd;                        /* out: owned by the job; -1 on error */
            struct stat st;                /* out: fstat of that fd; -EISDIR: st_mode of what it is, or 0 */
            dev_t remote;                  /* set on the way: a device that is known not to be local */
            unsigned filesystem;           /* out: abilities of the one that it is on (filesystems.h) */
            char path[OBJECT_KEY_MAX + 1]; /* in: relative to root */
        } open;
        struct {
            int fd;          /* in: not owned, must stay open until done() */
            dev_t device;    /* in: st_dev of fd, spares an fstat; 0: not known */
            uint64_t offset; /* in */
            size_t want;     /* in */
            void *buffer;    /* in: room for want bytes; stays until done() */
            size_t got;      /* out: < want only at the end of the file */
            bool remote;     /* set on the way: even the try of a read may sleep */
        } read;
        struct {
            int fd;          /* in: not owned, must stay open until done() */
            dev_t device;    /* in: st_dev of fd, spares an fstat; 0: not known */
            uint64_t offset; /* in */
            size_t want;     /* in: at most the pipe's size */
            int pipe;        /* in: write end of an empty pipe */
            size_t got;      /* out: bytes in the pipe; < want only at the end of the file */
        } splice;
        struct {
            int fd;    /* in: not owned, must stay open until done() */
            bool sync; /* in: done() without an error only after fdatasync(2); one that failed is final */
            bool sync_failed;   /* out: all bytes were written, error is that of fdatasync(2) */
            uint64_t offset;    /* in */
            size_t want;        /* in: > 0 */
            const void *buffer; /* in: want bytes; stays until done() */
            size_t got;         /* out: bytes written; < want only with an error */
        } write;
        struct {
            void (*run)(struct job *job); /* in: called in the pool's thread; may set error */
            void *argument;               /* in: owned by the job until done() */
        } call;
    };
};

#endif
