/* A line for every HTTP request, written behind the loop's back.
 *
 *     request over -> line -> filling buffer -> [a job of the files pool writes the full one] -> file | stderr
 *
 * Two buffers: one fills while the other is written. With both full, lines are lost and counted: the loop
 * never waits for a disk. SIGUSR1 has such a job reopen the file. */
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
/* Writes what is left, after the loop has ended. NULL is fine. */
void access_log_free(struct access_log *log);
/* ns: duration of the request. */
void access_log_write(struct access_log *log, struct request *request, struct exchange *exchange, int64_t ns);

#endif
