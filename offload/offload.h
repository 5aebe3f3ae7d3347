/* Offload: decides who runs a job. The only entry point to the pools and the ring.
 *
 *                          +-> on the spot (the kernel need not sleep) --+
 *     offload_submit(job) -+-> pool: files | handlers | names -- mailbox -+-> offload_reap()
 *                          +-> ring: read, splice -----------------------+
 *
 * Everything here is called by the loop thread alone. One eventfd tells the loop of completions; a turn is
 *     repeat { while ((job = offload_reap())) job->done(job); ...; offload_flush(); } until nothing is left
 *     offload_sleep()  true: nothing is pending, the loop may sleep until the eventfd
 *     ... epoll ...
 *     offload_wake() */
#ifndef SLUICE_OFFLOAD_OFFLOAD_H
#define SLUICE_OFFLOAD_OFFLOAD_H

#include "offload/declare.h"
#include "offload/job.h"
#include "offload/notice.h"
#include "offload/pipes.h"
#include "offload/settings.h"
#include "offload/stats.h"

struct offload;

/* Most opens that the files pool may have in hand: a descriptor that it has opened counts nowhere until the loop reaps
 * the job. */
#define OFFLOAD_OPENS 256

/* Starts pools, ring and pipes. settings: copied; offload_resolve() has replaced 0 = auto. notice: see notice.h. Must
 * be called by the loop's thread. 0 or -errno with a sentence in why (for uring=require: the cause). */
int offload_start(struct offload **out, const struct offload_settings *settings, offload_fd_notice *notice,
                  void *context, char *why, size_t why_size);
/* Cancels what has not started and waits up to deadline_s seconds for what is running. From then on there are no new
 * jobs, and offload_reap() returns every old one. False: something is still running. */
bool offload_drain(struct offload *offload, double deadline_s);
/* Drains, drops jobs that nobody reaped (closing what they opened), closes and frees everything. Descriptors and
 * buffers lent to a job, and the argument of a JOB_CALL, are the caller's: reap first. Memory of what is still running
 * at the deadline is not freed: the process should exit. */
void offload_stop(struct offload *offload, double deadline_s);

/* A job to fill in, zeroed except for open.path, or NULL when queue_depth jobs are open: answer BUSY. Jobs of the
 * handlers pool are counted separately, so that slow handlers leave room for files. The job reaped last does not count:
 * its done() can submit another one even if queue_depth is 1. pool: where a JOB_CALL runs; JOB_POOL_FILES for the
 * other kinds. */
struct job *offload_job(struct offload *offload, enum job_kind kind, enum job_pool pool);
/* Hands the job over. Whoever runs it, it comes back through offload_reap(), never from inside this call. */
void offload_submit(struct offload *offload, struct job *job);
/* Reads cached bytes at once, for a body that sends them now. device: st_dev of the file. Returns the number of bytes
 * read; 0 at the end of the file; -EAGAIN: submit a job instead (the read would sleep, offload = always, or the turn's
 * budget is spent); or -errno. */
ssize_t offload_read_now(struct offload *offload, int fd, dev_t device, void *buffer, size_t want,
                         uint64_t offset);
/* The next finished job, now the caller's; NULL if there is none at the moment. */
struct job *offload_reap(struct offload *offload);
/* Gives a reaped (or never submitted) job back. */
void offload_release(struct offload *offload, struct job *job);
/* The owner of the job has left: a job that has not started will not. It still comes back. */
void offload_cancel(struct offload *offload, struct job *job);

/* The largest number of threads that the pool may have. */
unsigned offload_threads(const struct offload *offload, enum job_pool pool);
/* Jobs taken by offload_job() and not released. */
unsigned offload_open_jobs(const struct offload *offload);

/* Starts a turn: refills the on-the-spot budget. */
void offload_turn(struct offload *offload);
/* Hands over what this turn collected for pools and ring. */
void offload_flush(struct offload *offload);
/* Flushes and announces that the loop is about to sleep. False: something is to be reaped, do not. */
bool offload_sleep(struct offload *offload);
/* The loop is awake again: pool threads need not write the eventfd. */
void offload_wake(struct offload *offload);
/* The eventfd to watch for reading; offload_drain_eventfd() empties it. */
int offload_eventfd(const struct offload *offload);
void offload_drain_eventfd(struct offload *offload);
/* For testing that the eventfd misses nothing (reap = eventfd): from now on offload_reap() looks at pools and ring only
 * after offload_drain_eventfd(). */
void offload_reap_on_eventfd_only(struct offload *offload);

/* True if size bytes at offset of fd (device: its st_dev, 0: not known) can be sent by sendfile(2) without sleeping:
 * resident, on a local file system. */
bool offload_resident(struct offload *offload, int fd, dev_t device, uint64_t offset, size_t size);
/* Looks up, and remembers, which file system root is on: jobs are going to open files below it, and this may sleep. */
void offload_know_root(struct offload *offload, int root);
/* fstat(2) of what the name below root stands for now. 0 or -errno; -EAGAIN: that might sleep, submit a JOB_OPEN. */
int offload_look(struct offload *offload, int root, const char *path, struct stat *st);
/* An empty pipe from the pool, or NULL if all are in use: answer by copy. */
struct pipe_pair *offload_pipe(struct offload *offload);
/* Gives a pipe back. If it is not empty (drained false) it is closed and replaced, so that no byte leaks to the next
 * user. */
void offload_pipe_release(struct offload *offload, struct pipe_pair *pipe, bool drained);

/* Brings the gauges up to date and returns the statistics. */
struct offload_stats *offload_stats(struct offload *offload);
struct counters_table offload_counters(struct offload *offload);
/* One line for the log: ring flags and worker caps, or why there is no ring. */
const char *offload_describe(const struct offload *offload);

#endif
