/* Offload: decides who runs a job. The only entrance to pools and ring.
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

/* Opens that the files pool may have in hand: what it has opened counts nowhere until the loop reaps it. */
#define OFFLOAD_OPENS 256

/* Starts pools, ring and pipes for settings (copied; 0 = auto already replaced by offload_resolve()).
 * The loop thread must be the caller. 0 or -errno with a sentence in why (for uring=require: the cause). */
int offload_start(struct offload **out, const struct offload_settings *settings, offload_fd_notice *notice,
                  void *context, char *why, size_t why_size);
/* Cancels what has not started and waits for what is running, deadline_s at most. From here on there are no
 * new jobs, and offload_reap() gives back every old one. False: something is still running. */
bool offload_drain(struct offload *offload, double deadline_s);
/* Drains, drops what nobody reaped (closing what it opened), closes and frees everything. Descriptors and
 * buffers that are lent to a job, and the argument of a JOB_CALL, are the caller's: reap before. What is
 * still running at the deadline keeps its memory: the process had better exit. */
void offload_stop(struct offload *offload, double deadline_s);

/* A job to fill in, zeroed but for open.path, or NULL when queue_depth jobs are open: answer BUSY. Those of the
 * handlers pool are counted apart, so that slow handlers leave room for files. The one reaped last does not count: its
 * done() may go on with another even if queue_depth is 1. pool: where a JOB_CALL runs; JOB_POOL_FILES for the other
 * kinds. */
struct job *offload_job(struct offload *offload, enum job_kind kind, enum job_pool pool);
/* Hands the job over. Whoever runs it, it comes back by offload_reap(), never from inside this call. */
void offload_submit(struct offload *offload, struct job *job);
/* Reads what the kernel has at hand, at once, for a body that sends it now. device: st_dev of the file. The
 * bytes read, 0 at the end of the file, -EAGAIN: submit a job instead (it would sleep, offload = always, or
 * the turn's budget is spent), or -errno. */
ssize_t offload_read_now(struct offload *offload, int fd, dev_t device, void *buffer, size_t want,
                         uint64_t offset);
/* The next finished job, now the caller's; NULL if there is none at the moment. */
struct job *offload_reap(struct offload *offload);
/* Gives a reaped (or never submitted) job back. */
void offload_release(struct offload *offload, struct job *job);
/* The owner of the job left: what has not started is not started. The job still comes back. */
void offload_cancel(struct offload *offload, struct job *job);

/* The most threads of the pool. */
unsigned offload_threads(const struct offload *offload, enum job_pool pool);
/* Jobs that are open: taken by offload_job() and not released. */
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
/* For the test that the eventfd misses nothing: from now on offload_reap() looks at pools and ring only
 * after offload_drain_eventfd(). */
void offload_reap_on_eventfd_only(struct offload *offload);

/* True if size bytes at offset of fd (device: its st_dev, 0: not known) can leave by sendfile without
 * sleeping (resident, local file system). */
bool offload_resident(struct offload *offload, int fd, dev_t device, uint64_t offset, size_t size);
/* What the name below root stands for now. 0; -errno, -EAGAIN: to know it might take sleep, submit a JOB_OPEN. */
int offload_look(struct offload *offload, int root, const char *path, struct stat *st);
/* An empty pipe from the pool, or NULL if all are in use: answer by copy. */
struct pipe_pair *offload_pipe(struct offload *offload);
/* Gives a pipe back. Not empty (drained false): it is closed and replaced, so that no byte leaks. */
void offload_pipe_release(struct offload *offload, struct pipe_pair *pipe, bool drained);

/* The gauges are brought up to date by this call. */
struct offload_stats *offload_stats(struct offload *offload);
struct counters_table offload_counters(struct offload *offload);
/* One line for the log: ring flags and worker caps, or why there is no ring. */
const char *offload_describe(const struct offload *offload);

#endif
