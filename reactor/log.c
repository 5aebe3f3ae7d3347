/* See log.h. A line is put together on the stack, under the lock, and written by one write(2):
 *
 *     log_write -> level? -> event's window -> struct line (at most PIPE_BUF bytes) -> poll -> write
 *                    |no        |spent                                                  |full
 *                  nothing    held_back + 1                                           lost + 1
 *
 * A pipe that polls as writable takes PIPE_BUF bytes whole: lines are neither cut nor waited for. */
#include "reactor/log.h"

#include "offload/clock.h"
#include "proto/utf8.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_ROOM   PIPE_BUF
#define LINE_TAIL   128 /* of that, kept free for the fields we add ourselves and the end */
#define VALUE_ROOM  512 /* bytes of one text; the rest is replaced by "..." */
#define WINDOWS     128 /* events told apart by the rate limit; a power of two */
#define WINDOW_NS   NS_PER_S
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD, for bytes that are not UTF-8 */

struct window {
    const char *event;
    int64_t start_ns;
    long written;
    int64_t held_back;
};

struct log {
    int fd;
    enum log_level level;
    enum log_format format;
    long rate;
    pthread_mutex_t lock;
    int64_t lost;
    struct window windows[WINDOWS];
};

struct line {
    enum log_format format;
    size_t n, room;
    bool full;
    char bytes[LINE_ROOM];
};

static void put_bytes(struct line *line, const char *bytes, size_t n) {
    if (line->full || n > line->room - line->n) {
        line->full = true;
        return;
    }
    memcpy(line->bytes + line->n, bytes, n);
    line->n += n;
}

static void put_string(struct line *line, const char *string) {
    put_bytes(line, string, strlen(string));
}

/* Bytes of the character at p; 0 if it is not UTF-8. */
static size_t character_length(const char *p) {
    int step = utf8_step(p, strnlen(p, 4));
    return step > 0 ? (size_t)step : 0;
}

/* True for control characters, which a terminal may obey: C0, DEL, C1. */
static bool is_control(const char *p, size_t n) {
    unsigned char first = (unsigned char)p[0];
    return first < 0x20 || first == 0x7f || (n == 2 && first == 0xc2 && (unsigned char)p[1] < 0xa0);
}

/* Appends one character as it is written in a quoted string; returns how many bytes of p it was. */
static size_t put_character(struct line *line, const char *p) {
    static const char short_forms[] = "\"\"\\\\\nn\rr\tt"; /* pairs: the character, the letter after \ */
    size_t n = character_length(p);
    char escape[8];
    for (const char *pair = short_forms; *pair; pair += 2) {
        if (*p == *pair) {
            put_bytes(line, (const char[]){'\\', pair[1]}, 2);
            return 1;
        }
    }
    if (n > 0 && !is_control(p, n)) {
        put_bytes(line, p, n);
        return n;
    }
    if (n > 0) /* C1, U+0080 to U+009F, is numbered like its second byte */
        snprintf(escape, sizeof escape, "\\u%04x", (unsigned char)p[n - 1]);
    else if (line->format == LOG_JSON)
        snprintf(escape, sizeof escape, "%s", REPLACEMENT);
    else
        snprintf(escape, sizeof escape, "\\x%02x", (unsigned char)*p);
    put_string(line, escape);
    return n ? n : 1;
}

/* logfmt leaves a value without quotes where its end is unmistakable. */
static bool needs_quotes(const char *text) {
    if (!*text)
        return true;
    for (const char *p = text; *p;) {
        size_t n = character_length(p);
        if (n == 0 || is_control(p, n) || strchr(" \"=\\", *p))
            return true;
        p += n;
    }
    return strlen(text) > VALUE_ROOM;
}

static void put_text(struct line *line, const char *text) {
    if (line->format == LOG_LOGFMT && !needs_quotes(text)) {
        put_string(line, text);
        return;
    }
    put_string(line, "\"");
    for (const char *p = text; *p;) {
        if (p - text >= VALUE_ROOM) {
            put_string(line, "...");
            break;
        }
        p += put_character(line, p);
    }
    put_string(line, "\"");
}

/* A field that does not fit is left out, whole. */
static void put_field(struct line *line, const struct log_field *field) {
    size_t start = line->n;
    bool json = line->format == LOG_JSON;
    char number[24];
    if (start > 0)
        put_string(line, json ? "," : " ");
    if (json)
        put_string(line, start > 0 ? "\"" : "{\"");
    put_string(line, field->name);
    put_string(line, json ? "\":" : "=");
    if (field->text) {
        put_text(line, field->text);
    } else {
        snprintf(number, sizeof number, "%lld", (long long)field->number);
        put_string(line, number);
    }
    if (line->full) {
        line->n = start;
        line->full = false;
    }
}

static void put_time(struct line *line) {
    struct timespec now;
    struct tm utc;
    char text[40], whole[64];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(whole, sizeof whole, "%s.%03ldZ", text, now.tv_nsec / 1000000);
    put_field(line, &(struct log_field){"time", whole, 0});
}

/* The event's window, or NULL if more events than windows exist: then it is not limited. */
static struct window *find_window(struct log *log, const char *event) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *p = event; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    for (uint32_t i = 0; i < WINDOWS; i++) {
        struct window *window = &log->windows[(hash + i) % WINDOWS];
        if (!window->event)
            window->event = event;
        if (strcmp(window->event, event) == 0)
            return window;
    }
    return NULL;
}

/* True if a line of this event may be written now. */
static bool spend(struct log *log, struct window *window) {
    int64_t now_ns = clock_ns();
    if (window->written == 0 || now_ns - window->start_ns >= WINDOW_NS) {
        window->start_ns = now_ns;
        window->written = 0;
    }
    if (window->written >= log->rate) {
        window->held_back++;
        return false;
    }
    window->written++;
    return true;
}

/* Never waits: a reader that does not keep up loses lines instead of stopping the loop. The mode of fd is not ours to
 * change (whoever passed it to us shares it), so it is polled first. */
static bool write_line(int fd, const char *bytes, size_t n) {
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    ssize_t written;
    if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
        return false;
    do
        written = write(fd, bytes, n);
    while (written < 0 && errno == EINTR);
    return written == (ssize_t)n;
}

struct log *log_new(int fd, enum log_level level, enum log_format format, long rate) {
    struct log *log = calloc(1, sizeof *log);
    if (!log)
        return NULL;
    log->fd = fd;
    log->level = level;
    log->format = format;
    log->rate = rate;
    pthread_mutex_init(&log->lock, NULL);
    return log;
}

void log_free(struct log *log) {
    if (!log)
        return;
    pthread_mutex_destroy(&log->lock);
    free(log);
}

bool log_wants(const struct log *log, enum log_level level) {
    return log && level >= log->level && level < LOG_OFF;
}

/* Called under the lock, within the limit. window NULL: there is no limit. */
static void write_fields(struct log *log, enum log_level level, const char *event,
                         const struct log_field *fields, struct window *window) {
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    struct line line;
    line.format = log->format;
    line.n = 0;
    line.room = LINE_ROOM - LINE_TAIL;
    line.full = false;
    put_time(&line);
    put_field(&line, &(struct log_field){"level", levels[level], 0});
    put_field(&line, &(struct log_field){"event", event, 0});
    for (; fields->name; fields++)
        put_field(&line, fields);
    line.room = LINE_ROOM;
    if (window && window->held_back)
        put_field(&line, &(struct log_field){"held_back", NULL, window->held_back});
    if (log->lost)
        put_field(&line, &(struct log_field){"lost", NULL, log->lost});
    put_string(&line, log->format == LOG_JSON ? "}\n" : "\n");
    if (write_line(log->fd, line.bytes, line.n)) {
        log->lost = 0;
        if (window)
            window->held_back = 0;
    } else {
        log->lost++;
    }
}

void log_write(struct log *log, enum log_level level, const char *event, const struct log_field *fields) {
    if (!log_wants(log, level))
        return;
    pthread_mutex_lock(&log->lock);
    struct window *window = log->rate > 0 ? find_window(log, event) : NULL;
    if (!window || spend(log, window))
        write_fields(log, level, event, fields, window);
    pthread_mutex_unlock(&log->lock);
}

void log_write_each(struct log *log, enum log_level level, const char *event,
                    const struct log_field *fields) {
    if (!log_wants(log, level))
        return;
    pthread_mutex_lock(&log->lock);
    write_fields(log, level, event, fields, NULL);
    pthread_mutex_unlock(&log->lock);
}
