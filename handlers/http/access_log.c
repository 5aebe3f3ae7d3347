#include "handlers/http/access_log.h"

#include "handlers/http/http.h"
#include "handlers/http/request_id.h"
#include "reactor/conn.h"
#include "reactor/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define BUFFER    (1u << 20) /* for the lines of thousands of requests in a turn; only used pages take memory */
#define LINE_ROOM 2048       /* at most PIPE_BUF: see whole_lines() */
#define TEXT_MAX  512        /* the most bytes of a path or id in a line */

struct access_log {
    struct http *http;
    ev_signal reopen_signal;
    bool writing; /* a job has `full` */
    bool reopen;  /* was asked for */
    int fd;       /* the same one after it was reopened */
    char *filling, *full;
    size_t filled, full_n;
    bool reopening;   /* the job's task, too */
    int reopen_error; /* 0 or -errno, as the job found */
    size_t unwritten; /* of full, as the job found */
    bool cut;         /* the file ends inside a line */
};

static int open_file(const struct access_log *log) {
    int fd =
        open(log->http->settings.access_log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    return fd < 0 ? -errno : fd;
}

static int start_file(struct access_log *log) {
    struct loop *loop = log->http->loop;
    bool named = *log->http->settings.access_log_file != '\0';
    log->fd = named ? open_file(log) : STDERR_FILENO;
    if (log->fd < 0)
        return log->fd;
    if (named)
        ledger_enter(&loop->ledger, log->fd, FD_LOG, 0, loop_now(loop));
    return 0;
}

/* Replaces the open file by the one that has the name now. If that cannot be opened, the log stays where it is. */
static int reopen_file(const struct access_log *log) {
    int fd = open_file(log);
    if (fd < 0)
        return fd;
    int error = dup3(fd, log->fd, O_CLOEXEC) < 0 ? -errno : 0;
    close(fd);
    return error;
}

/* How many of n bytes to write at once: whole lines that a pipe takes in one piece (pipe(7)), so that nothing that
 * others write to it, like the log, ends up inside a line. */
static size_t whole_lines(const char *bytes, size_t n) {
    const char *end = n > PIPE_BUF ? memrchr(bytes, '\n', PIPE_BUF) : NULL;
    return end ? (size_t)(end - bytes) + 1 : n;
}

/* Returns how many bytes at the end could not be written. */
static size_t write_all(int fd, const char *bytes, size_t n) {
    while (n > 0) {
        ssize_t written = write(fd, bytes, whole_lines(bytes, n));
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return n;
        bytes += written;
        n -= (size_t)written;
    }
    return 0;
}

static void work(struct job *job) {
    struct access_log *log = job->call.argument;
    if (log->reopening)
        log->reopen_error = reopen_file(log);
    log->unwritten = write_all(log->fd, log->full, log->full_n);
}

/* What could not be written is lost, except for the rest of a line that was begun, which is written first next time. */
static void lose_unwritten(struct access_log *log) {
    const char *rest = log->full + log->full_n - log->unwritten;
    size_t n = 0;
    if (log->unwritten < log->full_n)
        log->cut = rest[-1] != '\n';
    if (log->cut && log->unwritten > 0)
        n = (size_t)((const char *)memchr(rest, '\n', log->unwritten) - rest) + 1;
    for (size_t i = n; i < log->unwritten; i++)
        log->http->stats.access_lost += rest[i] == '\n';
    memmove(log->filling + n, log->filling, log->filled);
    memcpy(log->filling, rest, n);
    log->filled += n;
    log->full_n = log->unwritten = 0;
}

static void hand_over(struct access_log *log);

static void written(struct job *job) {
    struct access_log *log = job->call.argument;
    const struct loop *loop = log->http->loop;
    bool more = log->filled > 0 || log->reopen;
    log->writing = false;
    if (loop->state == LOOP_STOPPED && job->error)
        return;     /* access_log_free() writes it */
    if (job->error) /* no thread for it */
        log->unwritten = log->full_n;
    else if (log->reopening && log->reopen_error)
        log_error(loop->log, "access log not reopened", log_text("file", log->http->settings.access_log_file),
                  log_text("error", strerrordesc_np(-log->reopen_error)));
    lose_unwritten(log);
    if (more)
        hand_over(log);
}

static void hand_over(struct access_log *log) {
    struct loop *loop = log->http->loop;
    if (log->writing || loop->state == LOOP_STOPPED)
        return; /* once stopped, the rest is written by access_log_free() */
    struct job *job = offload_job(loop->offload, JOB_CALL, JOB_POOL_FILES);
    if (!job)
        return; /* the next line tries again */
    char *swap = log->full;
    log->full = log->filling;
    log->full_n = log->filled;
    log->filling = swap;
    log->filled = 0;
    log->reopening = log->reopen;
    log->reopen = false;
    log->writing = true;
    job->call.run = work;
    job->call.argument = log;
    job->done = written;
    offload_submit(loop->offload, job);
}

/* Quotes text that a client chose, so that a line stays one line: with JSON's escapes, which logfmt readers accept
 * too. */
static size_t quote(char *out, size_t size, struct span text) {
    size_t n = 0;
    out[n++] = '"';
    for (size_t i = 0; i < text.n && i < TEXT_MAX && n + 8 < size; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c == '"' || c == '\\') {
            out[n++] = '\\';
            out[n++] = (char)c;
        } else if (c < 0x20 || c >= 0x7f) {
            n += (size_t)sprintf(out + n, "\\u%04x", c);
        } else {
            out[n++] = (char)c;
        }
    }
    out[n++] = '"';
    out[n] = '\0';
    return n;
}

static void time_text(char *out, size_t size) {
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t n = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out + n, size - n, ".%03ldZ", now.tv_nsec / 1000000);
}

static size_t format(const struct access_log *log, char *line, size_t size, struct request *request,
                     struct exchange *exchange, int64_t ns) {
    static const char logfmt[] =
        "time=%s method=%s path=%s status=%u bytes=%llu duration=%.6f delivery=%s peer=%s request_id=%s\n";
    static const char json[] = "{\"time\":\"%s\",\"method\":%s,\"path\":%s,\"status\":%u,\"bytes\":%llu,"
                               "\"duration\":%.6f,\"delivery\":\"%s\",\"peer\":\"%s\",\"request_id\":%s}\n";
    char when[40], peer[80], method[80], path[TEXT_MAX * 2], id[128];
    time_text(when, sizeof(when));
    conn_peer_text(request->conn, peer, sizeof(peer));
    quote(method, sizeof(method), exchange->head.method_name);
    quote(path, sizeof(path), exchange->head.target);
    quote(id, sizeof(id), request_id_ensure(exchange));
    const char *delivery = exchange->status == 0 ? "none"
                           : exchange->delivery  ? exchange->delivery
                                                 : "memory";
    unsigned long long bytes = exchange->replied_bytes + request->body_sent;
    int n = snprintf(line, size, log->http->settings.access_log == ACCESS_JSON ? json : logfmt, when, method,
                     path, exchange->status, bytes, (double)ns / 1e9, delivery, peer, id);
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

void access_log_write(struct access_log *log, struct request *request, struct exchange *exchange,
                      int64_t ns) {
    char line[LINE_ROOM];
    size_t n = format(log, line, sizeof(line), request, exchange, ns);
    if (n == 0 || log->filled + n > BUFFER) {
        log->http->stats.access_lost++;
    } else {
        memcpy(log->filling + log->filled, line, n);
        log->filled += n;
    }
    if (log->filled > 0)
        hand_over(log);
}

static void on_reopen(struct ev_loop *ev, ev_signal *signal, int events) {
    (void)ev, (void)events;
    struct access_log *log = signal->data;
    log->reopen = log->fd != STDERR_FILENO;
    if (log->reopen)
        hand_over(log);
}

int access_log_open(struct access_log **out, struct http *http, char *why, size_t why_size) {
    struct access_log *log = calloc(1, sizeof(*log));
    if (!log)
        return -ENOMEM;
    log->http = http;
    log->filling = malloc(BUFFER + LINE_ROOM); /* lose_unwritten() may come on top */
    log->full = malloc(BUFFER + LINE_ROOM);
    int error = log->filling && log->full ? start_file(log) : -ENOMEM;
    if (error) {
        snprintf(why, why_size, "access_log_file %s: %s", http->settings.access_log_file,
                 strerrordesc_np(-error));
        free(log->filling);
        free(log->full);
        free(log);
        return error;
    }
    ev_signal_init(&log->reopen_signal, on_reopen, SIGUSR1);
    log->reopen_signal.data = log;
    ev_signal_start(http->loop->ev, &log->reopen_signal);
    *out = log;
    return 0;
}

void access_log_free(struct access_log *log) {
    if (!log)
        return;
    ev_signal_stop(log->http->loop->ev, &log->reopen_signal);
    if (log->writing)
        return; /* the disk does not answer: a thread still has all of this */
    write_all(log->fd, log->full, log->full_n);
    write_all(log->fd, log->filling, log->filled);
    if (log->fd != STDERR_FILENO)
        ledger_close(&log->http->loop->ledger, log->fd);
    free(log->filling);
    free(log->full);
    free(log);
}
