#include "proto/fdqueue.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void fdqueue_init(struct fdqueue *queue) {
    queue->head = queue->count = 0;
}

/* Appends the descriptors of one SCM_RIGHTS block; those that do not fit are closed. */
static int queue_block(struct fdqueue *queue, const struct cmsghdr *block) {
    const unsigned char *data = CMSG_DATA(block);
    size_t n = (block->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    int result = 0;
    for (size_t i = 0; i < n; i++) {
        int fd;
        memcpy(&fd, data + i * sizeof(fd), sizeof(fd));
        if (queue->count < FDQUEUE_MAX) {
            queue->fds[(queue->head + queue->count++) % FDQUEUE_MAX] = fd;
        } else {
            close(fd);
            result = -EPROTO;
        }
    }
    return result;
}

int fdqueue_receive(struct fdqueue *queue, const struct msghdr *message) {
    struct msghdr *header = (struct msghdr *)message; /* the macros want it writable; they only read */
    int result = message->msg_flags & MSG_CTRUNC ? -EPROTO : 0;
    for (struct cmsghdr *block = CMSG_FIRSTHDR(header); block; block = CMSG_NXTHDR(header, block)) {
        if (block->cmsg_level == SOL_SOCKET && block->cmsg_type == SCM_RIGHTS &&
            queue_block(queue, block) < 0)
            result = -EPROTO;
    }
    if (result < 0)
        fdqueue_close(queue);
    return result;
}

int fdqueue_take(struct fdqueue *queue) {
    if (queue->count == 0)
        return -1;
    int fd = queue->fds[queue->head];
    queue->head = (queue->head + 1) % FDQUEUE_MAX;
    queue->count--;
    return fd;
}

void fdqueue_close(struct fdqueue *queue) {
    for (int fd = fdqueue_take(queue); fd >= 0; fd = fdqueue_take(queue))
        close(fd);
}
