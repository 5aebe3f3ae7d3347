#include "handlers/objects/transfer.h"

#include "handlers/objects/short_read.h"
#include "reactor/conn.h"
#include "reactor/stream.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define SENDFILE_PIECE (256u * 1024)
#define SLOW_READ_NS   100000 /* a read that took longer has slept: read ahead from then on */

/* A piece of the file that is in memory, or being read. */
struct chunk {
    char *bytes; /* NULL: none */
    struct bufpool *pool;
    struct job *job; /* reading into bytes */
    uint64_t offset; /* in the file, of bytes[0] */
    size_t n, sent;
};

struct transfer {
    struct body body;
    TAILQ_ENTRY(transfer) link; /* holders or starved */
    struct objects *objects;
    struct request *request; /* lives as long as the body */
    enum transfer_mode mode;
    bool holding, starving, slow, failed;
    bool by_sendfile;      /* some of it, at least */
    struct object object;  /* its path is gone */
    uint64_t offset, left; /* not yet sent */
    struct chunk now, ahead;
    struct pipe_pair *pipe;
    struct job *splice_job;
    size_t in_pipe;
};

static struct transfer *transfer_of(struct body *body) {
    return (struct transfer *)(void *)body;
}

static struct loop *loop_of(const struct transfer *transfer) {
    return transfer->objects->loop;
}

static void set_holding(struct transfer *transfer, bool holding) {
    if (transfer->holding == holding)
        return;
    transfer->holding = holding;
    if (holding)
        TAILQ_INSERT_TAIL(&transfer->objects->holders, transfer, link);
    else
        TAILQ_REMOVE(&transfer->objects->holders, transfer, link);
}

static void set_starving(struct transfer *transfer, bool starving) {
    if (transfer->starving == starving)
        return;
    transfer->starving = starving;
    if (starving)
        TAILQ_INSERT_TAIL(&transfer->objects->starved, transfer, link);
    else
        TAILQ_REMOVE(&transfer->objects->starved, transfer, link);
}

static void give_buffer(struct objects *objects, struct bufpool *pool, void *bytes, size_t size) {
    bufpool_give(pool, bytes);
    objects->stats.buffer_bytes -= size;
    struct transfer *next = TAILQ_FIRST(&objects->starved);
    if (next)
        stream_wake(next->body.stream);
}

static void drop_chunk(struct transfer *transfer, struct chunk *chunk) {
    if (chunk->job)
        offload_cancel(loop_of(transfer)->offload, chunk->job); /* its done() gives the buffer back */
    else if (chunk->bytes)
        give_buffer(transfer->objects, chunk->pool, chunk->bytes, chunk->pool->size);
    *chunk = (struct chunk){0};
}

/* Takes the buffers of the other transfer that has been blocked with unsent bytes for longest, including what it was
 * reading ahead, since its next piece must start where the taken one did. */
static bool take_from_blocked(const struct transfer *taker) {
    struct objects *objects = taker->objects;
    struct transfer *victim;
    TAILQ_FOREACH (victim, &objects->holders, link)
        if (victim != taker && victim->body.stream->writing)
            break;
    if (!victim)
        return false;
    objects->stats.buffers_taken++;
    set_holding(victim, false);
    drop_chunk(victim, &victim->now);
    drop_chunk(victim, &victim->ahead);
    return true;
}

static void *take_buffer(struct transfer *transfer, struct bufpool *pool) {
    void *bytes = bufpool_take(pool);
    if (!bytes && take_from_blocked(transfer))
        bytes = bufpool_take(pool);
    if (bytes)
        transfer->objects->stats.buffer_bytes += pool->size;
    return bytes;
}

static struct chunk *chunk_of_job(struct transfer *transfer, const struct job *job) {
    return transfer->now.job == job ? &transfer->now : transfer->ahead.job == job ? &transfer->ahead : NULL;
}

static void read_done(struct job *job) {
    struct objects *objects = job->context;
    struct bufpool *pool = job->extra;
    struct request *request = request_find(objects->loop, job->owner);
    struct transfer *transfer = request ? request->state : NULL;
    struct chunk *chunk = transfer ? chunk_of_job(transfer, job) : NULL;
    ledger_release(&objects->loop->ledger, job->read.fd);
    if (!chunk) {
        give_buffer(objects, pool, job->read.buffer, pool->size);
        return;
    }
    chunk->job = NULL;
    chunk->n = job->read.got;
    transfer->slow = job->finished_ns - job->submitted_ns > SLOW_READ_NS;
    if (job->error || chunk->n < job->read.want)
        transfer->failed = true;
    set_holding(transfer, true);
    stream_wake(transfer->body.stream);
}

/* How much to ask for in one read: a chunk, or less if the connection's share of memory is smaller. */
static size_t read_size(const struct transfer *transfer, uint64_t left) {
    const struct objects *objects = transfer->objects;
    uint64_t size = objects->chunks.size, share = loop_of(transfer)->settings.bytes_connection / 2;
    if (share && share < size)
        size = share < objects->small.size ? objects->small.size : share;
    return left < size ? (size_t)left : (size_t)size;
}

/* The pool of buffers for a read of so many bytes. */
static struct bufpool *pool_for(struct objects *objects, size_t want) {
    return want <= objects->small.size ? &objects->small : &objects->chunks;
}

/* Starts reading left bytes from offset into chunk. False: no buffer or job is free. */
static bool start_read(struct transfer *transfer, struct chunk *chunk, uint64_t offset, uint64_t left) {
    struct objects *objects = transfer->objects;
    struct loop *loop = objects->loop;
    size_t want = read_size(transfer, left);
    struct bufpool *pool = pool_for(objects, want);
    struct job *job = offload_job(loop->offload, JOB_READ, JOB_POOL_FILES);
    if (!job)
        return false;
    void *bytes = take_buffer(transfer, pool);
    if (!bytes) {
        offload_release(loop->offload, job);
        return false;
    }
    *chunk = (struct chunk){.bytes = bytes, .pool = pool, .job = job, .offset = offset, .n = want};
    ledger_hold(&loop->ledger, transfer->object.fd);
    job->owner = request_handle(transfer->request);
    job->done = read_done;
    job->context = objects;
    job->extra = pool;
    job->read.fd = transfer->object.fd;
    job->read.device = transfer->object.device;
    job->read.offset = offset;
    job->read.want = want;
    job->read.buffer = bytes;
    offload_submit(loop->offload, job);
    return true;
}

static void splice_done(struct job *job) {
    struct objects *objects = job->context;
    struct pipe_pair *pipe = job->extra;
    struct request *request = request_find(objects->loop, job->owner);
    struct transfer *transfer = request ? request->state : NULL;
    ledger_release(&objects->loop->ledger, job->splice.fd);
    if (!transfer || transfer->splice_job != job) {
        offload_pipe_release(objects->loop->offload, pipe, job->splice.got == 0);
        return;
    }
    transfer->splice_job = NULL;
    transfer->in_pipe = job->splice.got;
    if (job->error || job->splice.got < job->splice.want)
        transfer->failed = true;
    stream_wake(transfer->body.stream);
}

/* Starts moving file pages into the transfer's pipe. False: no pipe or job is free. */
static bool start_splice(struct transfer *transfer) {
    struct loop *loop = loop_of(transfer);
    if (!transfer->pipe)
        transfer->pipe = offload_pipe(loop->offload);
    if (!transfer->pipe)
        return false;
    struct job *job = offload_job(loop->offload, JOB_SPLICE, JOB_POOL_FILES);
    if (!job)
        return false;
    size_t size = transfer->pipe->size;
    ledger_hold(&loop->ledger, transfer->object.fd);
    job->owner = request_handle(transfer->request);
    job->done = splice_done;
    job->context = transfer->objects;
    job->extra = transfer->pipe;
    job->splice.fd = transfer->object.fd;
    job->splice.device = transfer->object.device;
    job->splice.offset = transfer->offset;
    job->splice.want = transfer->left < size ? (size_t)transfer->left : size;
    job->splice.pipe = transfer->pipe->write_end;
    transfer->splice_job = job;
    offload_submit(loop->offload, job);
    return true;
}

static void give_pipe(struct transfer *transfer) {
    if (transfer->pipe && !transfer->splice_job)
        offload_pipe_release(loop_of(transfer)->offload, transfer->pipe, transfer->in_pipe == 0);
    transfer->pipe = NULL;
}

/* Starts what brings the next bytes; false: everything that it needs is in use. */
static bool start_next(struct transfer *transfer) {
    if (transfer->mode == TRANSFER_SPLICE && start_splice(transfer))
        return true;
    if (transfer->mode == TRANSFER_SPLICE && !transfer->pipe) {
        transfer->mode = TRANSFER_COPY;
        transfer->objects->stats.splice_as_copy++;
    }
    return start_read(transfer, &transfer->now, transfer->offset, transfer->left);
}

/* After a read that slept, the next one runs while this one is sent. */
static void read_ahead(struct transfer *transfer) {
    const struct chunk *now = &transfer->now;
    uint64_t rest = transfer->left - (now->n - now->sent);
    if (transfer->slow && rest > 0 && !transfer->ahead.bytes && !transfer->failed)
        start_read(transfer, &transfer->ahead, now->offset + now->n, rest);
}

static bool sendfile_piece(struct transfer *transfer, struct piece *piece) {
    struct loop *loop = loop_of(transfer);
    size_t n = transfer->left < SENDFILE_PIECE ? (size_t)transfer->left : SENDFILE_PIECE;
    if (transfer->mode != TRANSFER_SENDFILE ||
        !resident_has(&transfer->objects->resident, loop->offload, &transfer->object, transfer->offset, n,
                      loop->now_ns))
        return false;
    *piece = (struct piece){.kind = PIECE_FILE,
                            .fd = transfer->object.fd,
                            .offset = transfer->offset,
                            .n = n,
                            .more = n < transfer->left};
    return true;
}

/* Reads what the kernel has cached. The last transfer used the same buffer a moment ago, so it is warm. */
static bool read_now(struct transfer *transfer) {
    struct objects *objects = transfer->objects;
    size_t want = read_size(transfer, transfer->left);
    struct bufpool *pool = pool_for(objects, want);
    void *bytes = transfer->mode == TRANSFER_SPLICE ? NULL : take_buffer(transfer, pool);
    if (!bytes)
        return false;
    ssize_t n = offload_read_now(objects->loop->offload, transfer->object.fd, transfer->object.device, bytes,
                                 want, transfer->offset);
    if (n <= 0) {
        give_buffer(objects, pool, bytes, pool->size);
        transfer->failed = n != -EAGAIN;
        return false;
    }
    transfer->now = (struct chunk){.bytes = bytes, .pool = pool, .offset = transfer->offset, .n = (size_t)n};
    set_holding(transfer, true);
    return true;
}

static void bytes_piece(struct transfer *transfer, struct piece *piece) {
    const struct chunk *now = &transfer->now;
    read_ahead(transfer);
    *piece = (struct piece){.kind = PIECE_BYTES, .p = now->bytes + now->sent, .n = now->n - now->sent};
}

static void pipe_piece(const struct transfer *transfer, struct piece *piece) {
    *piece = (struct piece){.kind = PIECE_PIPE,
                            .fd = transfer->pipe->read_end,
                            .n = transfer->in_pipe,
                            .more = transfer->in_pipe < transfer->left};
}

/* Nothing is ready or being read: decides what to do next. */
static void fetch(struct transfer *transfer, struct piece *piece) {
    set_starving(transfer, false);
    if (sendfile_piece(transfer, piece))
        return;
    if (read_now(transfer)) {
        bytes_piece(transfer, piece);
    } else if (transfer->failed) {
        piece->kind = PIECE_FAIL;
    } else if (!start_next(transfer)) {
        set_starving(transfer, true);
        piece->kind = PIECE_STARVED;
    }
}

static void next(struct body *body, struct piece *piece) {
    struct transfer *transfer = transfer_of(body);
    struct chunk *now = &transfer->now;
    *piece = (struct piece){.kind = transfer->left ? PIECE_WAIT : PIECE_END};
    if (transfer->left == 0)
        return;
    if (!now->bytes && transfer->ahead.bytes) {
        *now = transfer->ahead;
        transfer->ahead = (struct chunk){0};
        set_holding(transfer, !now->job);
    }
    if (transfer->in_pipe > 0)
        pipe_piece(transfer, piece);
    else if (now->bytes && !now->job && now->sent < now->n)
        bytes_piece(transfer, piece);
    else if (transfer->failed)
        piece->kind = PIECE_FAIL;
    else if (!now->job && !transfer->splice_job)
        fetch(transfer, piece);
}

static void sent(struct body *body, size_t n) {
    struct transfer *transfer = transfer_of(body);
    struct objects_stats *stats = &transfer->objects->stats;
    assert(n <= transfer->left);
    transfer->offset += n;
    transfer->left -= n;
    if (transfer->in_pipe) {
        transfer->in_pipe -= n;
        stats->bytes_splice += n;
    } else if (transfer->now.bytes) {
        struct chunk *now = &transfer->now;
        now->sent += n;
        stats->bytes_copy += n;
        if (now->sent == now->n) {
            set_holding(transfer, false);
            drop_chunk(transfer, now);
        }
    } else {
        stats->bytes_sendfile += n;
        transfer->by_sendfile = true;
    }
}

static void count_end(struct transfer *transfer) {
    struct objects *objects = transfer->objects;
    struct objects_stats *stats = &objects->stats;
    bool copied = transfer->request->op == OBJECT_OP_COPY || transfer->mode == TRANSFER_COPY;
    objects_latency(copied ? &stats->latency_copy : &stats->latency_splice, transfer->request);
    (*(transfer->mode == TRANSFER_SPLICE ? &stats->served_splice
       : transfer->by_sendfile           ? &stats->served_sendfile
                                         : &stats->served_copy))++;
}

static void end(struct body *body, bool whole) {
    struct transfer *transfer = transfer_of(body);
    struct loop *loop = loop_of(transfer);
    struct request *request = transfer->request;
    if (whole)
        count_end(transfer);
    set_holding(transfer, false);
    set_starving(transfer, false);
    request->state = NULL; /* what is still being read finds no transfer */
    drop_chunk(transfer, &transfer->now);
    drop_chunk(transfer, &transfer->ahead);
    if (transfer->splice_job)
        offload_cancel(loop->offload, transfer->splice_job);
    give_pipe(transfer);
    ledger_release(&loop->ledger, transfer->object.fd);
    transfer->objects->stats.transfers--;
    free(transfer);
    request_body_ended(request, whole);
}

static const struct body_class transfer_class = {.next = next, .sent = sent, .end = end};

struct body *transfer_new(struct objects *objects, struct request *request, enum transfer_mode mode,
                          const struct object *object) {
    struct transfer *transfer = calloc(1, sizeof(*transfer));
    if (!transfer)
        return NULL;
    transfer->body.class = &transfer_class;
    transfer->objects = objects;
    transfer->request = request;
    transfer->mode = mode;
    transfer->object = *object;
    transfer->offset = object->fields.offset;
    transfer->left = object->fields.count;
    request->state = transfer;
    objects->stats.transfers++;
    if (object->fields.size > SHORT_READ_MAX)
        hot_offer(objects, object, span_of(NULL, 0));
    return &transfer->body;
}

void transfer_again(struct body *body, uint64_t offset, uint64_t count) {
    struct transfer *transfer = transfer_of(body);
    assert(transfer->left == 0);
    transfer->offset = offset;
    transfer->left = count;
}
