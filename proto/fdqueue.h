/* Descriptors received over a Unix stream, waiting for the frames that own them (docs/protocol.md, "Descriptors").
 *
 *     recvmsg -> control data -> [ fd fd fd ... ] -> each parsed header takes its nfds
 *
 * The queue owns what it holds until it is taken. */
#ifndef SLUICE_PROTO_FDQUEUE_H
#define SLUICE_PROTO_FDQUEUE_H

#include <stddef.h>
#include <sys/socket.h>

#define FDQUEUE_MESSAGE 253 /* descriptors of one message at most: the kernel's SCM_MAX_FD */
#define FDQUEUE_MAX     512 /* two full messages */
#define FDQUEUE_CONTROL CMSG_SPACE(FDQUEUE_MESSAGE * sizeof(int))

struct fdqueue {
    unsigned head, count;
    int fds[FDQUEUE_MAX];
};

void fdqueue_init(struct fdqueue *queue);
/* Takes the descriptors out of a received message's control data. 0, or -EPROTO: the control data was truncated
 * (MSG_CTRUNC: fds were lost) or the queue is full; everything is closed then. */
int fdqueue_receive(struct fdqueue *queue, const struct msghdr *message);
/* The oldest descriptor, now the caller's; -1 if there is none. */
int fdqueue_take(struct fdqueue *queue);
/* Closes what is left. */
void fdqueue_close(struct fdqueue *queue);

#endif
