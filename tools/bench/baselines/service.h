/* The work that all models share: read requests of a connection, open, and pass the descriptor (F) or send
 * the bytes (C), with blocking system calls; or take metrics (ingest.c). What differs between the models is only which
 * thread does it.
 *
 *     session --recv--> in --> each whole request: openat2, fstat -> sendmsg with the fd | pread, send -> close
 *
 * For comparison only: no limits, no deadlines, no drain. */
#ifndef SLUICE_BASELINES_SERVICE_H
#define SLUICE_BASELINES_SERVICE_H

#include "proto/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#define SESSION_BYTES (2 * (FRAME_HEADER + FRAME_SLC1_REQUEST))

struct service;
struct session;

/* Serves every whole request in session->in and takes it off. False: the connection ends. */
typedef bool service_work(struct service *service, struct session *session);

struct service {
    int root;     /* directory, O_PATH */
    int listener; /* blocking */
    int log;      /* of ingest: where records go */
    unsigned threads;
    service_work *work;
};

/* A connection. */
struct session {
    STAILQ_ENTRY(session) link; /* while it waits for a thread */
    int fd;
    size_t n; /* bytes in in */
    char in[SESSION_BYTES];
};

/* Opens root and listens on address (unix:PATH, tcp:HOST:PORT); says so on stderr. Exits on failure. */
void service_open(struct service *service, const char *root, const char *address);
/* Waits for the next connection; its session is the caller's. */
struct session *service_accept(struct service *service);
/* Receives once (which blocks if nothing is there) and serves every whole request. False: the client left. */
bool service_turn(struct service *service, struct session *session);
/* The object protocol's work. */
service_work service_objects;
/* Sends all of it, waiting for the client. False: it has left. */
bool service_send(int fd, const char *bytes, size_t n);
/* Closes and frees it. */
void service_leave(struct session *session);
/* Starts a detached thread. Exits on failure. */
void service_thread(void *(*run)(void *argument), void *argument);

#endif
