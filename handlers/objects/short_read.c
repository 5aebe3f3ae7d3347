#include "handlers/objects/short_read.h"

#include "handlers/objects/hot.h"

#include <errno.h>
#include <stdlib.h>

/* got: bytes read, or -errno. The object is closed. */
static void answer(struct request *request, const struct short_read *read, ssize_t got) {
    struct objects *objects = read->objects;
    objects_release(objects, &read->object);
    if (!request)
        return;
    if (got < 0) {
        request_fail_errno(request, (int)got);
    } else if ((uint64_t)got < read->object.fields.count) {
        request_fail(request, STATUS_IO, "the object shrank while it was read");
    } else {
        objects->stats.served_copy++;
        objects->stats.bytes_copy += (uint64_t)got;
        read->done(request, read);
    }
}

static void read_done(struct job *job) {
    struct objects *objects = job->context;
    struct short_read *read = job->extra;
    struct request *request = request_of_job(objects->loop, job);
    answer(request, read, job->error ? job->error : (ssize_t)job->read.got);
    free(read);
}

/* It would sleep: a job reads into memory of its own. */
static int read_by_job(struct request *request, const struct short_read *begun) {
    struct objects *objects = begun->objects;
    struct job *job = offload_job(objects->loop->offload, JOB_READ, JOB_POOL_FILES);
    struct short_read *read = job ? malloc(sizeof(*read)) : NULL;
    if (!read) {
        if (job)
            offload_release(objects->loop->offload, job);
        return -EBUSY;
    }
    memcpy(read, begun, offsetof(struct short_read, bytes));
    job->extra = read;
    job->read.fd = read->object.fd;
    job->read.device = read->object.device;
    job->read.offset = read->object.fields.offset;
    job->read.want = (size_t)read->object.fields.count;
    job->read.buffer = read->bytes;
    request_submit(request, job, read_done, objects);
    return 0;
}

int short_read_start(struct objects *objects, struct request *request, const struct object *object,
                     uint8_t mark, void (*done)(struct request *request, const struct short_read *read)) {
    struct short_read read;
    read.objects = objects;
    read.object = *object;
    read.done = done;
    read.mark = mark;
    size_t count = (size_t)object->fields.count;
    ssize_t got = offload_read_now(objects->loop->offload, object->fd, object->device, read.bytes, count,
                                   object->fields.offset);
    if (got == -EAGAIN || (got > 0 && (size_t)got < count))
        return read_by_job(request, &read);
    if ((size_t)got == count && count == object->fields.size)
        hot_offer(objects, object, short_read_bytes(&read));
    answer(request, &read, got);
    return 0;
}
