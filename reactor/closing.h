/* Descriptors whose close may sleep, as that of a file of NFS or FUSE, or of a stranger's: a thread closes them.
 *
 *     ledger_release() -> the last holder of a slow one -> with the turn: closing_slow() -> a job of the files pool
 *
 * They have left the ledger by then: once closed, a number may come back before the job does. */
#ifndef SLUICE_REACTOR_CLOSING_H
#define SLUICE_REACTOR_CLOSING_H

struct loop;

/* Closes descriptors that are not in the ledger: here if no job is to be had. */
void closing_start(struct loop *loop, const int *fds, unsigned count);
/* Closes the slow ones that the ledger has ready. */
void closing_slow(struct loop *loop);

#endif
