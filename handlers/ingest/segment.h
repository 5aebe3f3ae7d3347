/* The log's files and the records in them: what writer, recovery and `sluice log` share.
 *
 *     DIR/0000000042.log:  "SLUICELG" u32 version u32 0 | record | record | ... | zeros (preallocated)
 *     record, little endian:
 *       off size field
 *         0   4  length    of the payload; 0: no record, the log ends here
 *         4   4  crc32c    of the length and of everything from the sequence on
 *         8   8  sequence  of the first sample; each sample has one, in their order
 *        16   8  time      of acceptance, ms since 1970
 *        24   2  format    enum record_format: what the samples came in
 *        26   2  flags
 *        28   4  count     of samples
 *        32      payload   [answer (RECORD_KEYED)] samples (proto/sample.h)
 *
 * A file is written by one process, once, from its start on; sequences grow from record to record and from file to
 * file. It ends at its last byte, at a length of 0, or at a torn record; but if the torn record's length leads to
 * another record, the disk has damaged just that one. Records are not searched for anywhere else: bytes that look like
 * one may be part of somebody's sample. */
#ifndef SLUICE_HANDLERS_INGEST_SEGMENT_H
#define SLUICE_HANDLERS_INGEST_SEGMENT_H

#include "proto/span.h"

#include <stdint.h>
#include <sys/types.h>

#define SEGMENT_HEAD      16
#define SEGMENT_NAME_SIZE 32
#define RECORD_HEAD       32
#define RECORD_MAX        (32u << 20) /* payload bytes; a longer one is torn, or not ours */

#define RECORD_KEYED     1 /* flag: u16 n, key, u32 n, answer come before the samples */
#define RECORD_ACK_SHIFT 1 /* of a keyed record: two bits for what was promised, ACK_* */
#define RECORD_ACK_MASK  3

enum record_format {
#define INGEST_FORMAT(name, word) RECORD_##name,
#include "handlers/ingest/format.def"
#undef INGEST_FORMAT
    RECORD_FORMATS
};

struct record {
    uint64_t sequence;
    int64_t time_ms;
    uint16_t format, flags;
    uint32_t count;
    struct span payload;
};

/* Reads records one by one; its buffer holds the current one. */
struct segment_reader {
    int fd;          /* -1: closed */
    uint64_t offset; /* of the next record in the file */
    char *buffer;
    size_t start, filled, room; /* the buffer holds the file from offset on in [start, filled) */
};

/* "json", "influx", ... */
const char *record_format_name(unsigned format);
/* Writes the head of a record whose payload stands behind it, at bytes + RECORD_HEAD. */
void record_seal(char *bytes, const struct record *record);
/* The record at the start of bytes: its size; 0: the log ends here; -EAGAIN: it needs more bytes than these;
 * -EBADMSG: torn. */
ssize_t record_parse(struct span bytes, struct record *out);
/* Splits a payload: the samples, and key and answer (empty without). 0 or -EBADMSG. */
int record_split(const struct record *record, struct span *key, struct span *answer, struct span *samples);

void segment_name(uint64_t number, char name[SEGMENT_NAME_SIZE]);
/* The numbers of all segments of a directory, ascending; to be freed. 0 or -errno. */
int segment_list(int directory, uint64_t **numbers, size_t *count);
/* Creates a segment of size bytes, allocated and on the disk with its name. The fd or -errno (-ENOSPC: nothing was
 * left behind). May sleep. */
int segment_create(int directory, uint64_t number, uint64_t size);
/* Is it one of the errors of a process or machine that is short of memory or descriptors, and not the log's? */
bool segment_is_shortage(int error);
/* Ends a segment at offset, for good: 0 or -errno. May sleep. */
int segment_end(int fd, uint64_t offset);

/* Opens a segment for reading. 0; -EBADMSG: it has no whole head; or -errno. */
int segment_open(struct segment_reader *reader, int directory, uint64_t number);
void segment_close(struct segment_reader *reader);
/* The next record, valid until the next call: 1; 0: the log ends here (a later call may find more);
 * -EBADMSG: torn; or -errno. */
int segment_next(struct segment_reader *reader, struct record *out);
/* Skips a torn record if its length leads to one that is not torn: 0. Else -EBADMSG, or another -errno. */
int segment_skip(struct segment_reader *reader);

#endif
