#include "tests/unit/soft_ring.h"

#include <errno.h>
#include <string.h>

static struct soft_ring *soft_of(struct ring_driver *driver) {
    return (struct soft_ring *)(void *)driver;
}

unsigned soft_ring_random(struct soft_ring *soft, unsigned n) {
    soft->seed ^= soft->seed << 13;
    soft->seed ^= soft->seed >> 7;
    soft->seed ^= soft->seed << 17;
    return (unsigned)(soft->seed >> 32) % n;
}

static bool happens(struct soft_ring *soft, unsigned percent) {
    return percent > 0 && soft_ring_random(soft, 100) < percent;
}

static bool soft_prepare(struct ring_driver *driver, const struct ring_request *request) {
    struct soft_ring *soft = soft_of(driver);
    if (soft->queued + (request->sync ? 2 : 1) > soft->entries)
        return false;
    soft->queue[soft->queued++] = *request;
    if (request->sync)
        soft->queue[soft->queued++] = (struct ring_request){
            .op = RING_SYNC, .sync = true, .user_data = request->user_data | RING_LINKED};
    return true;
}

/* A link that a submit cut in two is none: neither end of it waits or fails for the other. */
static void cut_link(struct soft_ring *soft, unsigned n) {
    if (n > 0 && n < soft->queued && soft->queue[n].op == RING_SYNC && soft->queue[n].sync)
        soft->queue[n].sync = soft->queue[n - 1].sync = false;
}

static int soft_submit(struct ring_driver *driver) {
    struct soft_ring *soft = soft_of(driver);
    soft->submits++;
    if (soft->submit_error)
        return soft->submit_error;
    if (happens(soft, soft->faults.refuse))
        return soft_ring_random(soft, 2) ? -EBUSY : -EAGAIN;
    unsigned n = soft->queued;
    if (n > 1 && happens(soft, soft->faults.partial))
        n = 1 + soft_ring_random(soft, n);
    if (soft->submit_most && n > soft->submit_most)
        n = soft->submit_most;
    cut_link(soft, n);
    memcpy(soft->held + soft->holding, soft->queue, n * sizeof(*soft->queue));
    soft->holding += n;
    soft->seen += n;
    soft->queued -= n;
    memmove(soft->queue, soft->queue + n, soft->queued * sizeof(*soft->queue));
    unsigned in_flight = soft->holding + soft->ready_count + soft->done_count;
    if (in_flight > soft->most_in_flight)
        soft->most_in_flight = in_flight;
    return (int)n;
}

/* The request at the other end of a link that is held; NULL: none. */
static struct ring_request *linked(struct soft_ring *soft, const struct ring_request *request) {
    for (unsigned i = 0; request->sync && i < soft->holding; i++)
        if (soft->held[i].user_data == (request->user_data ^ RING_LINKED))
            return &soft->held[i];
    return NULL;
}

static int carry_out_sync(struct soft_ring *soft, const struct ring_request *request) {
    if (request->length > 0) /* its write failed or was short */
        return -ECANCELED;
    soft->syncs++;
    if (soft->sync_error)
        return soft->sync_error;
    memcpy(soft->disk, soft->cache, sizeof(soft->disk));
    return 0;
}

/* Writes some or all of the bytes; a linked sync is let go or called off. */
static int carry_out_write(struct soft_ring *soft, const struct ring_request *request, int fault) {
    struct ring_request *sync = linked(soft, request);
    unsigned n = request->length;
    if (n > 1 && happens(soft, soft->faults.shorten))
        n = 1 + soft_ring_random(soft, n - 1);
    int result = fault ? fault : soft->write_error ? soft->write_error : (int)n;
    if (result > 0)
        memcpy(soft->cache + request->offset, request->buffer, n);
    if (sync)
        sync->length = result != (int)request->length;
    return result;
}

static int fault_of(struct soft_ring *soft) {
    if (happens(soft, soft->faults.again))
        return -EAGAIN;
    if (happens(soft, soft->faults.interrupt))
        return -EINTR;
    if (happens(soft, soft->faults.invalid))
        return -EINVAL;
    return happens(soft, soft->faults.io_error) ? -EIO : 0;
}

/* Does what a request asks for, or a part of it. Its result. */
static int carry_out(struct soft_ring *soft, const struct ring_request *request) {
    int fault = request->op == RING_SYNC ? 0 : fault_of(soft);
    if (request->op == RING_WRITE)
        return carry_out_write(soft, request, fault);
    if (request->op == RING_SYNC)
        return carry_out_sync(soft, request);
    if (fault)
        return fault;
    uint64_t left = request->offset < soft->file_size ? soft->file_size - request->offset : 0;
    unsigned n = left < request->length ? (unsigned)left : request->length;
    if (n > 1 && happens(soft, soft->faults.shorten))
        n = 1 + soft_ring_random(soft, n - 1);
    if (request->op == RING_SPLICE) {
        soft->piped[request->pipe] += n;
        soft->pipe_end[request->pipe] = request->offset + n;
        return (int)n;
    }
    for (unsigned i = 0; i < n; i++)
        ((unsigned char *)request->buffer)[i] = soft_byte(request->offset + i);
    return (int)n;
}

static void post(struct soft_ring *soft, struct ring_completion completion) {
    if (soft->deferred || soft->ready_count == soft->room)
        soft->done[soft->done_count++] = completion;
    else
        soft->ready[soft->ready_count++] = completion;
}

void soft_ring_step(struct soft_ring *soft) {
    for (unsigned left = soft->holding; left > 0; left--) {
        if (happens(soft, soft->faults.delay))
            continue;
        unsigned i = soft_ring_random(soft, soft->holding);
        if (soft->held[i].op == RING_SYNC && linked(soft, &soft->held[i]))
            continue;
        struct ring_completion completion = {soft->held[i].user_data, carry_out(soft, &soft->held[i])};
        soft->held[i] = soft->held[--soft->holding];
        post(soft, completion);
        if (happens(soft, soft->faults.repeat))
            post(soft, completion);
    }
}

static unsigned soft_state(struct ring_driver *driver) {
    struct soft_ring *soft = soft_of(driver);
    unsigned kept = !soft->done_count ? 0 : soft->deferred ? RING_DEFERRED : RING_OVERFLOWN;
    return (soft->ready_count ? RING_READY : 0) | kept;
}

static int soft_enter(struct ring_driver *driver) {
    struct soft_ring *soft = soft_of(driver);
    if (soft->enter_error)
        return soft->enter_error;
    unsigned n = soft->room - soft->ready_count;
    n = n < soft->done_count ? n : soft->done_count;
    memcpy(soft->ready + soft->ready_count, soft->done, n * sizeof(*soft->done));
    soft->ready_count += n;
    soft->done_count -= n;
    memmove(soft->done, soft->done + n, soft->done_count * sizeof(*soft->done));
    return 0;
}

static unsigned soft_reap(struct ring_driver *driver, struct ring_completion *out, unsigned n) {
    struct soft_ring *soft = soft_of(driver);
    n = n < soft->ready_count ? n : soft->ready_count;
    memcpy(out, soft->ready, n * sizeof(*out));
    soft->ready_count -= n;
    memmove(soft->ready, soft->ready + n, soft->ready_count * sizeof(*out));
    return n;
}

static void soft_close(struct ring_driver *driver) {
    soft_of(driver)->closed = true;
}

static const struct ring_driver_class soft_class = {
    .prepare = soft_prepare,
    .submit = soft_submit,
    .state = soft_state,
    .enter = soft_enter,
    .reap = soft_reap,
    .close = soft_close,
};

void soft_ring_init(struct soft_ring *soft, uint64_t seed, unsigned entries, unsigned room, unsigned budget) {
    *soft = (struct soft_ring){
        .driver = {&soft_class, budget, "software ring"},
        .seed = seed * 0x9e3779b97f4a7c15ull + 1,
        .file_size = 10000,
        .entries = entries,
        .room = room,
    };
}
