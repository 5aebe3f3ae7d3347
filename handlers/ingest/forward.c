#include "handlers/ingest/forward.h"

#include "handlers/ingest/forward_state.h"
#include "offload/clock.h"
#include "reactor/container.h"
#include "reactor/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define STOP_SECONDS 2 /* that shutdown waits for the thread */

static double clock_now(void) {
    return (double)clock_ns() * 1e-9;
}

/* Segments before the cursor's are acknowledged from now on. */
static void mark(struct forward *forward, uint64_t number) {
    struct forward_mark *last = forward->marks_count ? &forward->marks[forward->marks_count - 1] : NULL;
    if (last && last->number == number)
        return;
    if (number < forward->free_below || (last && last->number > number)) { /* sent again from the start */
        forward->marks_count = 0;
        forward->free_below = number < forward->free_below ? number : forward->free_below;
    }
    if (forward->marks_count == FORWARD_MARKS)
        forward->marks_count--;
    forward->marks[forward->marks_count++] = (struct forward_mark){number, clock_now()};
}

uint64_t forward_holds_from(struct forward *forward) {
    double until = clock_now() - forward->settings->keep;
    unsigned over = 0;
    while (over < forward->marks_count && forward->marks[over].since <= until)
        over++;
    if (over > 0) {
        forward->free_below = forward->marks[over - 1].number;
        forward->marks_count -= over;
        memmove(forward->marks, forward->marks + over, forward->marks_count * sizeof(*forward->marks));
    }
    return forward->free_below;
}

static void tell_change(struct forward *forward, const struct forward_news *news) {
    if (news->stats.failures > forward->stats.failures && !forward->told_away) {
        log_warn(forward->loop->log, "forward broker away", log_text("forwarder", forward->engine->name),
                 log_text("error", news->why));
        forward->told_away = true;
    }
    if (news->stats.connected && (!forward->stats.connected || forward->told_away)) {
        log_info(forward->loop->log, "forward broker there", log_text("forwarder", forward->engine->name));
        forward->told_away = false;
    }
    if (news->stats.rewinds > forward->stats.rewinds)
        log_error(forward->loop->log, "forward broker lost messages",
                  log_text("consequence", "the kept files of the log are sent again"));
    if (news->stats.oversized > forward->stats.oversized)
        log_error(forward->loop->log, "forward samples left out: too long for the broker",
                  log_number("before_sequence", (int64_t)news->cursor.sequence));
    if (news->stats.stopped > forward->stats.stopped)
        log_error(forward->loop->log, "forward stopped", log_text("error", news->why));
}

/* Computes the lag as it is now: the thread knew an earlier end of the log. */
static void sample(struct forward *forward) {
    struct forward_stats *stats = &forward->stats;
    stats->lag_bytes = forward->bytes_behind;
    stats->lag_samples = forward->behind_since_ms && forward->written.sequence > stats->sequence
                             ? forward->written.sequence - stats->sequence
                             : 0;
    int64_t ms = forward->behind_since_ms ? clock_wall_ms() - forward->behind_since_ms : 0;
    stats->lag_seconds = ms > 0 ? (uint64_t)ms / 1000 : 0;
}

static void hear(struct post *post) {
    struct forward *forward = CONTAINER_OF(post, struct forward, post);
    pthread_mutex_lock(&forward->lock);
    struct forward_news news = forward->news;
    forward->posted = false;
    pthread_mutex_unlock(&forward->lock);
    tell_change(forward, &news);
    forward->stats = news.stats;
    forward->stats.sequence = news.cursor.sequence;
    forward->bytes_behind = news.bytes_behind + forward->written.bytes - news.bound_bytes;
    bool behind = cargo_is_behind(&news.cursor, &forward->written);
    if (!behind)
        forward->behind_since_ms = 0;
    else if (news.cursor.time_ms > forward->behind_since_ms)
        forward->behind_since_ms = news.cursor.time_ms;
    sample(forward);
    mark(forward, news.cursor.segment);
}

void forward_written(struct forward *forward, const struct log_bound *bound) {
    forward->bytes_behind += bound->bytes - forward->written.bytes;
    if (!forward->behind_since_ms)
        forward->behind_since_ms = clock_wall_ms();
    forward->written = *bound;
    pthread_mutex_lock(&forward->lock);
    bool synced = forward->bound.synced && bound->synced;
    forward->bound = *bound;
    forward->bound.synced = synced;
    pthread_cond_signal(&forward->wake);
    pthread_mutex_unlock(&forward->lock);
}

/* The counters, for people and Prometheus. */
static void each_table(void *context, counters_take *take, void *to) {
    struct forward *forward = context;
    struct counters_table table = forward_stats_table(&forward->stats);
    char labels[64];
    snprintf(labels, sizeof(labels), "forwarder=\"%s\"", forward->engine->name);
    sample(forward);
    take(to, &table, forward->engine->name, labels);
}

/* ---- start and end ----------------------------------------------------------------------------- */

static void free_forward(struct forward *forward) {
    cargo_free(&forward->cargo);
    pthread_cond_destroy(&forward->wake);
    pthread_mutex_destroy(&forward->lock);
    free(forward);
}

static void init_lock(struct forward *forward) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&forward->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&forward->lock, NULL);
}

struct forward *forward_new(struct loop *loop, const struct forward_settings *settings, int directory,
                            uint64_t *next, char *why, size_t why_size) {
    struct forward *forward = calloc(1, sizeof(*forward));
    snprintf(why, why_size, "no memory for the forwarder");
    if (!forward)
        return NULL;
    init_lock(forward);
    forward->loop = loop;
    forward->settings = settings;
    forward->engine = forward_engine(settings->name);
    forward->directory = forward->cargo.directory = directory;
    forward->cargo.message_wanted = settings->message;
    int error = log_identity(directory, forward->cargo.identity);
    if (!error)
        error = cursor_read(directory, settings->name, &forward->cursor);
    if (error == -EBADMSG && forward->cargo.identity[0])
        log_warn(loop->log, "forward cursor cannot be read",
                 log_text("consequence", "the kept log is sent again"));
    if (error && error != -ENOENT && (error != -EBADMSG || !forward->cargo.identity[0])) {
        snprintf(why, why_size, "the forwarder's files beside the log: %s", strerrordesc_np(-error));
        free_forward(forward);
        return NULL;
    }
    if (error)
        forward->cursor = (struct cursor){0};
    if (forward->cursor.sequence >
        *next) /* the disk lost what was forwarded: its sequences are not given again */
        *next = forward->cursor.sequence;
    return forward;
}

/* Blocks signals, which are for the loop; the threads of an engine's library inherit that. */
static int start_thread(struct forward *forward) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&forward->thread, NULL, forward_thread, forward);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return -error;
}

int forward_start(struct forward *forward, const struct log_bound *bound, char *why, size_t why_size) {
    struct cursor *cursor = &forward->cursor;
    int error = 0;
    forward->bound = forward->written = *bound;
    forward->posts = forward->loop->posts;
    forward->post.run = hear;
    if (cursor->segment == 0 || (!cargo_is_behind(cursor, bound) &&
                                 (cursor->segment != bound->segment || cursor->offset != bound->offset)))
        error = cargo_rewind(forward->directory, bound, cursor);
    forward->stats.sequence = cursor->sequence;
    forward->bytes_behind = cargo_bytes_behind(forward->directory, cursor, bound);
    if (forward->bytes_behind > 0)
        forward->behind_since_ms = cursor->time_ms ? cursor->time_ms : clock_wall_ms();
    mark(forward, cursor->segment);
    snprintf(why, why_size, "the forwarder cannot start: %s", strerrordesc_np(-error));
    if (error)
        return error;
    if (!posts_join(forward->posts))
        return -EBUSY;
    error = start_thread(forward);
    if (error) {
        posts_leave(forward->posts);
        return error;
    }
    forward->started = true;
    loop_add_source(forward->loop, (struct counters_source){forward, each_table});
    return 0;
}

void forward_stop(struct forward *forward) {
    struct timespec until;
    if (!forward)
        return;
    pthread_mutex_lock(&forward->lock);
    forward->stopping = true;
    pthread_cond_signal(&forward->wake);
    pthread_mutex_unlock(&forward->lock);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STOP_SECONDS;
    if (forward->started && pthread_timedjoin_np(forward->thread, NULL, &until) != 0)
        return; /* it waits for a broker: the process ends with it */
    free_forward(forward);
}
