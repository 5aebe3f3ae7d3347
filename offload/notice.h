/* Telling the owner of the ledger about descriptors that offload opens for itself. */
#ifndef SLUICE_OFFLOAD_NOTICE_H
#define SLUICE_OFFLOAD_NOTICE_H

#include <stdbool.h>
#include <unistd.h>

/* Called once for every fd that offload opens for itself and keeps (eventfd, ring, pipes), before it is
 * used, and with opened false before it is closed; kind is a constant. */
typedef void offload_fd_notice(void *context, int fd, const char *kind, bool opened);

struct notice {
    offload_fd_notice *call; /* NULL: nobody wants to know */
    void *context;
};

static inline void notice_opened(const struct notice *notice, int fd, const char *kind) {
    if (notice->call)
        notice->call(notice->context, fd, kind, true);
}

static inline void notice_closing(const struct notice *notice, int fd, const char *kind) {
    if (notice->call)
        notice->call(notice->context, fd, kind, false);
}

#endif
