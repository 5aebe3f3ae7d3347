#include "handlers/ingest/journal.h"

#include "handlers/ingest/forward.h"
#include "handlers/ingest/segment_op.h"
#include "offload/clock.h"
#include "reactor/container.h"
#include "reactor/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define CLEAR_SECONDS 60.0 /* between checks for segments that are too old */

static void start_group(struct journal *journal);
static void kick(struct journal *journal);

/* ---- segments that go -------------------------------------------------------------------------- */

static struct segment_op op_for(struct journal *journal) {
    const struct ingest_settings *settings = journal->settings;
    uint64_t held = journal->forward ? forward_holds_from(journal->forward) : UINT64_MAX;
    return (struct segment_op){
        .journal = journal,
        .directory = journal->directory,
        .removable_below = held < journal->active_number ? held : journal->active_number,
        .most_bytes = settings->keep_bytes,
        .oldest_ms = settings->keep_age > 0 ? clock_wall_ms() - (int64_t)(settings->keep_age * 1000) : 0,
    };
}

static void cleared(struct job *job) {
    struct segment_op *op = job->call.argument;
    struct journal *journal = op->journal;
    journal->clearing = false;
    if (job->error && job->error != -ECANCELED)
        log_warn(journal->loop->log, "ingest retention", log_text("error", strerrordesc_np(-job->error)));
    if (job->error == 0)
        journal->stats->segments = op->removed.kept;
    journal->stats->segments_removed += op->removed.removed;
    deadline_set(&journal->clear, &journal->clear_class);
    free(op);
}

/* Removes segments that are too many or too old; the active one and its successors stay. */
static void clear_old(struct journal *journal) {
    struct segment_op op = op_for(journal);
    if (journal->clearing)
        return;
    journal->clearing = segment_op_clear(journal->loop, &op, cleared);
    if (!journal->clearing)
        deadline_set(&journal->clear, &journal->clear_class);
}

static void on_clear(struct deadline *deadline) {
    struct journal *journal = CONTAINER_OF(deadline, struct journal, clear);
    clear_old(journal);
}

static void ended(struct job *job) {
    struct segment_op *op = job->call.argument;
    struct journal *journal = op->journal;
    if (job->error && job->error != -ECANCELED)
        log_warn(journal->loop->log, "ingest segment not ended",
                 log_text("error", strerrordesc_np(-job->error)), log_number("number", (int64_t)op->number));
    ledger_release(&journal->loop->ledger, op->fd);
    free(op);
    clear_old(journal);
}

/* Ends the active segment. */
static void end_active(struct journal *journal) {
    struct segment_op op = {
        .journal = journal, .fd = journal->active, .number = journal->active_number, .size = journal->offset};
    if (journal->active < 0)
        return;
    journal->active = -1;
    if (!segment_op_end(journal->loop, &op, ended)) /* its end stays open: readers stop at the zeros there */
        ledger_release(&journal->loop->ledger, op.fd);
}

static void sample(struct journal *journal) {
    journal->stats->queue_depth = journal->queue.count;
    journal->stats->queue_size = journal->queue.bytes;
    journal->stats->ready = journal->state == JOURNAL_WORKING;
}

/* ---- refusals ---------------------------------------------------------------------------------- */

static void conclude(struct journal *journal, struct batch *batch, int error) {
    queue_let_go(&journal->queue, batch);
    sample(journal);
    batch->done(batch, error);
}

/* Ends the batches of a list with 0 or an error; those that were acknowledged from memory may have to wait for another
 * try. A batch's done() may hand in more, and so start the next group. */
static void conclude_all(struct journal *journal, struct batch_list *list, int error, bool may_wait) {
    struct batch_list over = STAILQ_HEAD_INITIALIZER(over), patient = STAILQ_HEAD_INITIALIZER(patient);
    STAILQ_CONCAT(&over, list);
    for (struct batch *batch; (batch = STAILQ_FIRST(&over));) {
        STAILQ_REMOVE_HEAD(&over, link);
        if (may_wait && batch->ack == ACK_MEMORY)
            STAILQ_INSERT_TAIL(&patient, batch, link);
        else
            conclude(journal, batch, error);
    }
    queue_put_back(&journal->queue, &patient);
}

static void refuse_waiting(struct journal *journal, int error, bool may_wait) {
    struct batch_list waiting = STAILQ_HEAD_INITIALIZER(waiting);
    for (struct batch *batch; (batch = queue_take(&journal->queue));)
        STAILQ_INSERT_TAIL(&waiting, batch, link);
    conclude_all(journal, &waiting, error, may_wait);
}

static void fail(struct journal *journal, int error, const char *what) {
    if (journal->state == JOURNAL_FAILED)
        return;
    journal->state = JOURNAL_FAILED;
    log_error(journal->loop->log, "ingest log failed", log_text("at", what),
              log_text("error", strerrordesc_np(-error)),
              log_text("consequence", "nothing is taken until a restart"));
    refuse_waiting(journal, -EIO, false);
    sample(journal);
}

/* -EAGAIN: the log is as large as it may be, and the forwarder holds all of it. */
static void fill_up(struct journal *journal, int error) {
    bool held = error == -EAGAIN;
    if (journal->state == JOURNAL_WORKING && held)
        log_error(journal->loop->log, "ingest log at its cap",
                  log_text("cause", "the forwarder has not sent it yet, or keeps it (keep_bytes, keep)"));
    else if (journal->state == JOURNAL_WORKING)
        log_error(journal->loop->log, "ingest disk full", log_text("error", strerrordesc_np(-error)));
    journal->state = held ? JOURNAL_HELD : JOURNAL_FULL;
    refuse_waiting(journal, held ? -EAGAIN : -ENOSPC, true);
    sample(journal);
    deadline_set(&journal->retry, &journal->retry_class);
}

/* EFBIG: RLIMIT_FSIZE. */
static bool is_full(int error) {
    return error == -ENOSPC || error == -EDQUOT || error == -EFBIG;
}

/* True for errors after which there may be room again. */
static bool passes(int error) {
    return is_full(error) || error == -EAGAIN;
}

/* ---- segments ---------------------------------------------------------------------------------- */

static void created(struct job *job);

static void create_spare(struct journal *journal) {
    if (journal->creating || journal->spare >= 0 || journal->state == JOURNAL_FAILED)
        return;
    struct segment_op op = op_for(journal);
    op.number = journal->next_number;
    op.size = journal->settings->segment;
    journal->creating = segment_op_create(journal->loop, &op, created);
    if (journal->creating)
        journal->next_number++;
    else
        deadline_set(&journal->retry, &journal->retry_class);
}

/* There is a segment to write to. */
static void work_again(struct journal *journal) {
    if (journal->state == JOURNAL_WORKING)
        return;
    log_info(journal->loop->log, "ingest log has room",
             log_number("segment", (int64_t)journal->next_number - 1));
    journal->state = JOURNAL_WORKING;
    sample(journal);
}

static void created(struct job *job) {
    struct segment_op *op = job->call.argument;
    struct journal *journal = op->journal;
    int error = job->error;
    journal->creating = false;
    journal->stats->segments_removed += op->removed.removed;
    journal->stats->segments -= op->removed.removed;
    if (error == 0) {
        ledger_enter(&journal->loop->ledger, op->fd, FD_LOG, 0, loop_now(journal->loop));
        journal->spare = op->fd;
        work_again(journal);
    } else if (error == -EEXIST) { /* a name that is taken is never ours to overwrite */
        create_spare(journal);
    } else if (passes(error) && journal->active < 0) {
        fill_up(journal, error);
    } else if (passes(error)) { /* there still is the rest of the active one */
        deadline_set(&journal->retry, &journal->retry_class);
    } else if (segment_is_shortage(error)) { /* batches wait, without a try for each of them */
        deadline_set(&journal->retry, &journal->retry_class);
        free(op);
        return;
    } else if (error != -ECANCELED) {
        fail(journal, error, "creating a segment");
    }
    free(op);
    kick(journal);
}

static void on_retry(struct deadline *deadline) {
    struct journal *journal = CONTAINER_OF(deadline, struct journal, retry);
    if (journal->state != JOURNAL_FAILED && journal->spare >= 0)
        work_again(journal);
    create_spare(journal);
    kick(journal);
}

static void take_spare(struct journal *journal) {
    journal->active = journal->spare;
    journal->active_number = journal->next_number - 1;
    journal->offset = SEGMENT_HEAD;
    journal->spare = -1;
    journal->stats->segments++;
}

static bool fits(const struct journal *journal, size_t n) {
    return journal->active >= 0 && journal->offset + n <= journal->settings->segment;
}

/* Is there room for n bytes in the active segment? If not, the spare takes its place or is waited for. */
static bool have_room(struct journal *journal, size_t n) {
    if (fits(journal, n))
        return true;
    end_active(journal);
    if (journal->spare < 0) {
        create_spare(journal);
        return false;
    }
    take_spare(journal);
    return true;
}

/* ---- groups ------------------------------------------------------------------------------------ */

/* Gathers the next group, for which the active segment has room. */
static void gather(struct journal *journal) {
    int64_t now = clock_ns();
    struct batch *batch;
    group_gather(&journal->group, &journal->queue, journal->settings->segment - journal->offset);
    STAILQ_FOREACH (batch, &journal->group.list, link)
        histogram_add(&journal->stats->queue_wait, (uint64_t)(now - batch->queued_ns));
}

static void tell_forwarder(struct journal *journal) {
    struct log_bound bound = {.segment = journal->active_number,
                              .offset = journal->offset,
                              .sequence = journal->group.end,
                              .bytes = journal->stats->log_bytes,
                              .synced = journal->group.sync};
    if (journal->forward)
        forward_written(journal->forward, &bound);
}

static void written(struct job *job) {
    struct journal *journal = job->context;
    struct ingest_stats *stats = journal->stats;
    int error = job->error;
    bool sync_failed = job->write.sync_failed;
    journal->writing = false;
    journal->last_ns = clock_ns();
    if (job->finished_ns > job->submitted_ns)
        histogram_add(&stats->sync, (uint64_t)(job->finished_ns - job->submitted_ns));
    if (error == 0) {
        stats->groups++;
        stats->log_bytes += journal->group.n;
        histogram_add(&stats->group_batches, journal->group.count);
        journal->offset += journal->group.n;
        tell_forwarder(journal);
        conclude_all(journal, &journal->group.list, 0, false);
        if (journal->offset > journal->settings->segment / 2)
            create_spare(journal);
        kick(journal);
        return;
    }
    if (error == -ECANCELED && !sync_failed) { /* the loop ends: journal_close() writes them */
        queue_put_back(&journal->queue, &journal->group.list);
        return;
    }
    stats->write_errors++;
    bool full = is_full(error) && !sync_failed;
    if (full) { /* what was written of the group goes with the end of its segment */
        end_active(journal);
        fill_up(journal, error);
    } else {
        fail(journal, error, sync_failed ? "fdatasync" : "write");
    }
    conclude_all(journal, &journal->group.list, full ? -ENOSPC : -EIO, full);
}

static void start_group(struct journal *journal) {
    struct batch *first = STAILQ_FIRST(&journal->queue.list);
    deadline_clear(&journal->window);
    if (!have_room(journal, first->n))
        return;
    struct job *job = offload_job(journal->loop->offload, JOB_WRITE, JOB_POOL_FILES);
    if (!job) { /* too much work in hand: in a moment */
        deadline_set(&journal->window, &journal->window_class);
        return;
    }
    gather(journal);
    job->write.fd = journal->active;
    job->write.offset = journal->offset;
    job->write.buffer = journal->group.bytes;
    job->write.want = journal->group.n;
    job->write.sync = journal->group.sync;
    job->context = journal;
    job->done = written;
    journal->writing = true;
    journal->before_count = journal->last_count;
    journal->last_count = journal->group.count;
    offload_submit(journal->loop->offload, job);
}

/* Starts a group, or waits a little for it to grow: under load, for as many batches as the last ones had. */
static void kick(struct journal *journal) {
    const struct ingest_settings *settings = journal->settings;
    const struct queue *queue = &journal->queue;
    if (journal->writing || journal->state != JOURNAL_WORKING || queue->waiting == 0 ||
        journal->loop->state == LOOP_STOPPED) /* journal_close() writes the rest */
        return;
    unsigned expected =
        journal->last_count > journal->before_count ? journal->last_count : journal->before_count;
    bool idle = (double)(clock_ns() - journal->last_ns) > settings->group_window * 1e9;
    if (idle || queue->waiting >= expected || queue->waiting_bytes >= settings->group_bytes ||
        settings->group_window <= 0)
        start_group(journal);
    else if (!deadline_is(&journal->window, &journal->window_class))
        deadline_set(&journal->window, &journal->window_class);
}

static void on_window(struct deadline *deadline) {
    struct journal *journal = CONTAINER_OF(deadline, struct journal, window);
    if (!journal->writing && journal->state == JOURNAL_WORKING && journal->queue.waiting > 0)
        start_group(journal);
}

/* ---- what others call -------------------------------------------------------------------------- */

int journal_open(struct journal *journal, struct loop *loop, const struct ingest_settings *settings,
                 struct ingest_stats *stats, int directory, const struct recovery *recovery,
                 struct forward *forward, char *why, size_t why_size) {
    *journal = (struct journal){.loop = loop,
                                .settings = settings,
                                .stats = stats,
                                .directory = directory,
                                .forward = forward,
                                .active = -1,
                                .spare = -1,
                                .next_number = recovery->next_number,
                                .next_sequence = recovery->next_sequence};
    stats->segments = recovery->segments;
    journal->active_number = journal->next_number;
    snprintf(why, why_size, "no memory for a group of batches");
    if (group_init(&journal->group, settings->group_bytes) != 0)
        return -ENOMEM;
    queue_init(&journal->queue, (uint64_t)settings->queue_batches, settings->queue_bytes);
    deadlines_add(&loop->deadlines, &journal->window_class,
                  settings->group_window > 0 ? settings->group_window : 0.001, on_window);
    deadlines_add(&loop->deadlines, &journal->retry_class, settings->retry, on_retry);
    deadlines_add(&loop->deadlines, &journal->clear_class, CLEAR_SECONDS, on_clear);
    int fd = segment_create(directory, journal->next_number++, settings->segment);
    if (is_full(fd) && fd != -EFBIG) { /* a limit below a segment is a mistake */
        fill_up(journal, fd);
    } else if (fd < 0) {
        snprintf(why, why_size, "%s: cannot create a segment: %s", settings->path, strerrordesc_np(-fd));
        return fd;
    } else {
        ledger_enter(&loop->ledger, fd, FD_LOG, 0, loop_now(loop));
        journal->spare = fd;
    }
    sample(journal);
    clear_old(journal);
    struct log_bound bound = {.segment = journal->next_number - (journal->spare >= 0),
                              .offset = SEGMENT_HEAD,
                              .sequence = journal->next_sequence,
                              .synced = true};
    return forward ? forward_start(forward, &bound, why, why_size) : 0;
}

static void close_active(struct journal *journal) {
    if (journal->active < 0)
        return;
    segment_end(journal->active, journal->offset);
    ledger_release(&journal->loop->ledger, journal->active);
    journal->active = -1;
}

/* Like have_room(), when threads no longer work for us. */
static bool make_room(struct journal *journal, size_t n) {
    if (fits(journal, n))
        return true;
    close_active(journal);
    if (journal->spare < 0) {
        int fd = segment_create(journal->directory, journal->next_number, journal->settings->segment);
        if (fd < 0)
            return false;
        ledger_enter(&journal->loop->ledger, fd, FD_LOG, 0, loop_now(journal->loop));
        journal->spare = fd;
        journal->next_number++;
    }
    take_spare(journal);
    return true;
}

static bool write_group(struct journal *journal) {
    gather(journal);
    ssize_t n = pwrite(journal->active, journal->group.bytes, journal->group.n, (off_t)journal->offset);
    bool good = n == (ssize_t)journal->group.n && fdatasync(journal->active) == 0;
    journal->offset += good ? journal->group.n : 0;
    conclude_all(journal, &journal->group.list, good ? 0 : -EIO, false);
    return good;
}

/* Writes what was acknowledged from memory and did not get into a group, even if it was waiting for room. */
static void write_rest(struct journal *journal) {
    uint64_t waiting = journal->queue.waiting;
    bool good = journal->state != JOURNAL_FAILED;
    while (good && journal->queue.waiting > 0)
        good = make_room(journal, STAILQ_FIRST(&journal->queue.list)->n) && write_group(journal);
    if (!good && waiting > 0)
        log_error(journal->loop->log, "ingest batches lost at the end", log_number("of", (int64_t)waiting));
}

/* Does a thread or the kernel still have work of ours? */
static bool is_busy(const struct journal *journal) {
    return journal->writing || journal->creating || journal->clearing;
}

void journal_leave(struct journal *journal) {
    if (!is_busy(journal))
        write_rest(journal);
}

void journal_close(struct journal *journal) {
    struct ledger *ledger = &journal->loop->ledger;
    if (is_busy(journal))
        return; /* the process ends with it */
    write_rest(journal);
    refuse_waiting(journal, -EIO, false);
    close_active(journal);
    if (journal->spare >= 0) {
        char name[SEGMENT_NAME_SIZE];
        segment_name(journal->next_number - 1, name);
        unlinkat(journal->directory, name, 0);
        ledger_release(ledger, journal->spare);
    }
    ledger_release(ledger, journal->directory);
    group_free(&journal->group);
}

int journal_refusal(struct journal *journal) {
    if (journal->state == JOURNAL_WORKING)
        return queue_has_room(&journal->queue) ? 0 : -EBUSY;
    return journal->state == JOURNAL_FULL ? -ENOSPC : journal->state == JOURNAL_HELD ? -EAGAIN : -EIO;
}

int journal_append(struct journal *journal, struct batch *batch) {
    int refusal = journal_refusal(journal);
    if (refusal)
        return refusal;
    if (batch->n > journal->settings->segment - SEGMENT_HEAD || batch->n > RECORD_HEAD + (size_t)RECORD_MAX)
        return -E2BIG;
    struct record record = {.sequence = journal->next_sequence,
                            .time_ms = clock_wall_ms(),
                            .format = (uint16_t)batch->format,
                            .flags = batch->flags,
                            .count = batch->count,
                            .payload = span_of(batch->bytes + RECORD_HEAD, batch->n - RECORD_HEAD)};
    batch->sequence = record.sequence;
    batch->queued_ns = clock_ns();
    journal->next_sequence += batch->count;
    record_seal(batch->bytes, &record);
    queue_push(&journal->queue, batch);
    sample(journal);
    kick(journal);
    return 0;
}
