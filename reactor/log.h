/* Structured log lines on stderr: logfmt or JSON, rate-limited per event, never blocking the loop.
 *
 *     log_info(log, "listening", log_text("address", a), log_number("backlog", n));
 *     -> time=2026-01-01T00:00:00.000Z level=info event=listening address=tcp:127.0.0.1:7080 backlog=4096
 */
#ifndef SLUICE_REACTOR_LOG_H
#define SLUICE_REACTOR_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_field {
    const char *name; /* NULL ends a list */
    const char *text; /* NULL: the field is the number */
    int64_t number;
};

static inline struct log_field log_text(const char *name, const char *text) {
    return (struct log_field){name, text ? text : "", 0};
}

static inline struct log_field log_number(const char *name, int64_t number) {
    return (struct log_field){name, NULL, number};
}

struct log;

/* A log that writes to fd (not owned); when that is a full pipe, lines are lost and counted. rate: lines a second of
 * one event (0: no limit); the next line of that event says how many were held back. NULL without memory. */
struct log *log_new(int fd, enum log_level level, enum log_format format, long rate);
void log_free(struct log *log);
/* True if messages of this level are written: cheap enough to ask before gathering fields. */
bool log_wants(const struct log *log, enum log_level level);
/* Writes one line. event is a constant string, by which lines are rate-limited; fields ends with a NULL name. May be
 * called from any thread. A NULL log writes nothing. */
void log_write(struct log *log, enum log_level level, const char *event, const struct log_field *fields);
/* The same without the rate limit: for things that get a line each, like entries of an access log. */
void log_write_each(struct log *log, enum log_level level, const char *event, const struct log_field *fields);

#define log_at(log, level, event, ...)                                                                       \
    log_write((log), (level), (event), (const struct log_field[]){__VA_ARGS__, {0}})
#define log_each(log, event, ...)                                                                            \
    log_write_each((log), LOG_INFO, (event), (const struct log_field[]){__VA_ARGS__, {0}})
#define log_debug(log, event, ...) log_at((log), LOG_DEBUG, (event), __VA_ARGS__)
#define log_info(log, event, ...)  log_at((log), LOG_INFO, (event), __VA_ARGS__)
#define log_warn(log, event, ...)  log_at((log), LOG_WARN, (event), __VA_ARGS__)
#define log_error(log, event, ...) log_at((log), LOG_ERROR, (event), __VA_ARGS__)

#endif
