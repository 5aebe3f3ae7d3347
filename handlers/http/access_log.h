/* The access log: a line for every HTTP request, written without blocking the loop.
 *
 *     request over -> line -> filling buffer -> [a job of the files pool writes the full one] -> file | stderr
 *
 * Two buffers: one fills while the other is written. When both are full, lines are lost and counted: the loop never
 * waits for a disk. On SIGUSR1 such a job reopens the file. */
#ifndef SLUICE_HANDLERS_HTTP_ACCESS_LOG_H
#define SLUICE_HANDLERS_HTTP_ACCESS_LOG_H

#include <stddef.h>
#include <stdint.h>

struct access_log;
struct exchange;
struct http;
struct request;

/* 0, or -errno with a reason. */
int access_log_open(struct access_log **out, struct http *http, char *why, size_t why_size);
/* After the loop has ended: writes what is left. log may be NULL. */
void access_log_free(struct access_log *log);
/* ns: duration of the request. */
void access_log_write(struct access_log *log, struct request *request, struct exchange *exchange, int64_t ns);

#endif
