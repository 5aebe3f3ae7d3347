/* Recovery: what a start makes of the log that the last run left.
 *
 *     newest segment -> no record: removed, or set aside as NAME.bad if there is something in it; the one before is
 *                       looked at
 *                    -> records: up to the first that is torn or out of order; cut there, for good
 *     then everything written since a moment is shown to a visitor, oldest first
 *
 * Usually a tail is torn because its group did not reach the disk completely, and nothing of it was acknowledged. But
 * the disk may also have damaged a record that was acknowledged: if records after the damage can still be read, the
 * file is kept as NAME.bad before it is cut, and their sequences are not reused. Older segments are as complete as the
 * disk left them. */
#ifndef SLUICE_HANDLERS_INGEST_RECOVER_H
#define SLUICE_HANDLERS_INGEST_RECOVER_H

#include "handlers/ingest/segment.h"

struct recovery {
    uint64_t next_number;   /* of a new segment */
    uint64_t next_sequence; /* of a new sample; the first ever is 1 */
    uint64_t segments;      /* that are there */
    uint64_t records;       /* shown to the visitor */
    uint64_t cut_bytes;     /* of what was cut: up to the last byte that is not 0 */
    uint64_t cut_number, cut_offset;
    bool set_aside;   /* a file that was cut is kept as it was: it had no record, or some behind the cut */
    uint64_t damaged; /* records of older segments that cannot be read: their disk lost something */
};

/* Opens the directory, creating it if necessary, and locks it for as long as the fd is open, since it may have only one
 * writer. Waits a second for the lock. The fd, or -errno: -EBUSY when another daemon has the lock. */
int recover_directory(const char *path);

/* Called for each record; valid during the call. */
typedef void recover_visit(void *context, const struct record *record);

/* Recovers the log of a directory, and calls visit for the records in segments that were changed since since_ms (ms
 * since 1970). 0 or -errno. Blocks; for startup only. */
int recover_log(int directory, int64_t since_ms, recover_visit *visit, void *context, struct recovery *out);

#endif
