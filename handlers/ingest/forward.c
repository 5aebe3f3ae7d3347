#include "handlers/ingest/forward.h"

#include "reactor/loop.h"
#include "reactor/posts.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MARKS        64  /* segments that are acknowledged and kept, told apart; later ones join the last */
#define SAVE_SECONDS 0.5 /* least time between two writes of the cursor */
#define LOOK_SECONDS 2.0 /* between looks at an idle connection */
#define LOST_SECONDS                                                                                         \
    3.0 /* until we believe a broker that it has lost messages: a new leader may be catching up */
#define STOP_SECONDS 2 /* that an end waits for the thread */
#define WHY          256

/* What the thread has to tell; totals only grow. */
struct news {
    struct forward_stats stats; /* all but the lag */
    struct cursor cursor;
    uint64_t bytes_behind, bound_bytes; /* of the bound at that time */
    char why[WHY];                      /* of the last failure */
};

/* From when on the segments before a number are acknowledged. */
struct mark {
    uint64_t number;
    double since;
};

struct forward {
    struct loop *loop;
    const struct forward_settings *settings; /* not owned */
    const struct forward_engine *engine;
    int directory;

    /* The loop's. */
    struct forward_stats stats;
    struct log_bound written;
    struct mark marks[MARKS];
    unsigned marks_count;
    uint64_t free_below;     /* segments before it may go */
    int64_t behind_since_ms; /* 0: all is acknowledged */
    uint64_t bytes_behind;
    bool told_away;

    /* Under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct log_bound bound;
    struct news news;
    bool posted;
    struct posts *posts;
    struct post post;

    /* The thread's. */
    pthread_t thread;
    bool started;
    atomic_bool stopping;
    struct forward_link *link;
    struct cursor cursor;
    struct cargo cargo;
    struct news next; /* what is to be told */
    bool dirty;       /* the cursor is not saved */
    double saved;
    unsigned failures; /* in a row */
    double lost;       /* since when the broker has not had what it acknowledged; 0: it has it */
    size_t unsure;     /* messages of the last load, if it was not acknowledged */
};

static double clock_now(void) {
    return (double)loop_clock() * 1e-9;
}

static int64_t wall_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the loop's side --------------------------------------------------------------------------- */

/* Segments before the cursor's are acknowledged from now on. */
static void mark(struct forward *forward, uint64_t number) {
    struct mark *last = forward->marks_count ? &forward->marks[forward->marks_count - 1] : NULL;
    if (last && last->number == number)
        return;
    if (number < forward->free_below || (last && last->number > number)) { /* sent again from the start */
        forward->marks_count = 0;
        forward->free_below = number < forward->free_below ? number : forward->free_below;
    }
    if (forward->marks_count == MARKS)
        forward->marks_count--;
    forward->marks[forward->marks_count++] = (struct mark){number, clock_now()};
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

static void tell_change(struct forward *forward, const struct news *news) {
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

/* Lag as it is now: the thread knew an earlier end of the log. */
static void sample(struct forward *forward) {
    struct forward_stats *stats = &forward->stats;
    stats->lag_bytes = forward->bytes_behind;
    stats->lag_samples = forward->behind_since_ms && forward->written.sequence > stats->sequence
                             ? forward->written.sequence - stats->sequence
                             : 0;
    int64_t ms = forward->behind_since_ms ? wall_ms() - forward->behind_since_ms : 0;
    stats->lag_seconds = ms > 0 ? (uint64_t)ms / 1000 : 0;
}

static void hear(struct post *post) {
    struct forward *forward = (struct forward *)(void *)((char *)post - offsetof(struct forward, post));
    pthread_mutex_lock(&forward->lock);
    struct news news = forward->news;
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
        forward->behind_since_ms = wall_ms();
    forward->written = *bound;
    pthread_mutex_lock(&forward->lock);
    bool synced = forward->bound.synced && bound->synced;
    forward->bound = *bound;
    forward->bound.synced = synced;
    pthread_cond_signal(&forward->wake);
    pthread_mutex_unlock(&forward->lock);
}

/* What people and Prometheus see. */
static void each_table(void *context, counters_take *take, void *to) {
    struct forward *forward = context;
    struct counters_table table = forward_stats_table(&forward->stats);
    char labels[64];
    snprintf(labels, sizeof(labels), "forwarder=\"%s\"", forward->engine->name);
    sample(forward);
    take(to, &table, forward->engine->name, labels);
}

/* ---- the thread's side ------------------------------------------------------------------------- */

static void tell(struct forward *forward, const struct log_bound *bound, const char *why) {
    struct news *news = &forward->next;
    news->cursor = forward->cursor;
    news->bytes_behind = cargo_bytes_behind(forward->directory, &forward->cursor, bound);
    news->bound_bytes = bound->bytes;
    news->stats.connected = forward->link && forward->failures == 0;
    if (why)
        snprintf(news->why, sizeof(news->why), "%s", why);
    pthread_mutex_lock(&forward->lock);
    forward->news = *news;
    bool send = !forward->posted;
    forward->posted = true;
    pthread_mutex_unlock(&forward->lock);
    if (send)
        posts_send(forward->posts, &forward->post);
}

static void save(struct forward *forward) {
    if (!forward->dirty)
        return;
    forward->dirty = cursor_write(forward->directory, forward->engine->name, &forward->cursor) != 0;
    forward->next.stats.cursor_errors += forward->dirty;
    forward->saved = clock_now();
}

/* Waits for a time, a signal or the end; the lock is held. */
static void nap(struct forward *forward, double seconds) {
    struct timespec until;
    double at = clock_now() + seconds;
    until.tv_sec = (time_t)at;
    until.tv_nsec = (long)((at - (double)until.tv_sec) * 1e9);
    pthread_cond_timedwait(&forward->wake, &forward->lock, &until);
}

/* Waits until there is something to do: something to ship, or no connection. False: the end. */
static bool next_work(struct forward *forward, struct log_bound *bound) {
    double looked = clock_now();
    for (;;) {
        pthread_mutex_lock(&forward->lock);
        *bound = forward->bound;
        bool idle = forward->link && !forward->stopping && !cargo_is_behind(&forward->cursor, bound);
        double due = forward->dirty ? forward->saved + SAVE_SECONDS : looked + LOOK_SECONDS;
        double left = due - clock_now();
        if (idle && left > 0)
            nap(forward, left);
        pthread_mutex_unlock(&forward->lock);
        if (forward->stopping)
            return false;
        if (!idle)
            return true;
        if (left <= 0) {
            save(forward);
            looked = clock_now();
            if (!forward->engine->alive(forward->link))
                return true;
        }
    }
}

static void pause_for(struct forward *forward, double seconds) {
    double until = clock_now() + seconds;
    for (double left; !forward->stopping && (left = until - clock_now()) > 0;) {
        pthread_mutex_lock(&forward->lock);
        if (!forward->stopping)
            nap(forward, left);
        pthread_mutex_unlock(&forward->lock);
    }
}

static void disconnect(struct forward *forward) {
    if (forward->link)
        forward->engine->close(forward->link);
    forward->link = NULL;
}

/* Connects, and goes back to the oldest file if the broker has lost what it acknowledged. */
static int reach(struct forward *forward, const struct log_bound *bound, char *why) {
    struct cursor *cursor = &forward->cursor;
    int error = forward->engine->open(forward->settings, &forward->link, why, WHY);
    if (error || cursor->stream_sequence == 0)
        return error;
    int holds = forward->engine->holds(forward->link, cursor->stream_sequence, cursor->id, why, WHY);
    if (holds != 0) {
        forward->lost = 0;
        return holds < 0 ? holds : 0;
    }
    if (forward->lost <= 0)
        forward->lost = clock_now();
    if (clock_now() - forward->lost < LOST_SECONDS) {
        snprintf(why, WHY, "the broker does not have what it acknowledged, so far");
        return -EAGAIN;
    }
    forward->lost = 0;
    error = cargo_rewind(forward->directory, bound, cursor);
    cursor->stream_sequence = 0;
    cursor->id[0] = '\0';
    forward->dirty = true;
    forward->next.stats.rewinds++;
    return error;
}

/* Everything in the cargo, as many messages at a time as may be in flight. */
static int ship_cargo(struct forward *forward, char *why) {
    struct cargo *cargo = &forward->cargo;
    struct forward_stats *stats = &forward->next.stats;
    size_t most = (size_t)forward->settings->in_flight;
    for (size_t i = 0; i < cargo->count; i += most) {
        struct forward_receipt receipt = {0};
        size_t n = cargo->count - i < most ? cargo->count - i : most;
        int error = forward->engine->ship(forward->link, cargo->messages + i, n, &forward->stopping, &receipt,
                                          why, WHY);
        if (error)
            return error;
        stats->duplicates += receipt.duplicates;
        if (receipt.sequence > cargo->after.stream_sequence) {
            cargo->after.stream_sequence = receipt.sequence;
            memcpy(cargo->after.id, receipt.id, sizeof(receipt.id));
        }
    }
    return 0;
}

/* One load: read, ship, move the cursor. -EIO: the log's disk, for good; other errors: the broker's. */
static int advance(struct forward *forward, const struct log_bound *bound, bool *stop, char *why) {
    struct cargo *cargo = &forward->cargo;
    struct forward_stats *stats = &forward->next.stats;
    int error = cargo_load(cargo, &forward->cursor, bound, forward->link->message_most);
    *stop = error != 0 && error != -ENOMEM;
    if (error) {
        snprintf(why, WHY, "reading the log: %s", strerrordesc_np(-error));
        return error;
    }
    stats->redelivered += forward->unsure < cargo->count ? forward->unsure : cargo->count;
    forward->unsure = cargo->count;
    error = ship_cargo(forward, why);
    if (error)
        return error;
    forward->unsure = 0;
    forward->cursor = cargo->after;
    forward->dirty = true;
    stats->messages += cargo->count;
    stats->samples += cargo->samples;
    stats->bytes += cargo->text.n;
    stats->oversized += cargo->oversized;
    stats->damaged += cargo->damaged;
    if (clock_now() - forward->saved > SAVE_SECONDS)
        save(forward);
    return 0;
}

static void *work(void *argument) {
    struct forward *forward = argument;
    struct log_bound bound;
    bool stop = false;
    while (!stop && next_work(forward, &bound)) {
        char why[WHY] = "the connection was lost";
        int error = forward->link && !forward->engine->alive(forward->link) ? -ECONNRESET : 0;
        if (!error && !forward->link)
            error = reach(forward, &bound, why);
        else if (!error)
            error = advance(forward, &bound, &stop, why);
        if (!error) {
            if (forward->unsure == 0)
                forward->failures = 0;
            tell(forward, &bound, NULL);
            continue;
        }
        disconnect(forward);
        if (forward->stopping)
            break;
        forward->next.stats.failures++;
        forward->next.stats.stopped = stop;
        tell(forward, &bound, why);
        if (forward->failures++ >
            0) /* the first time it may be one of several brokers: the next one at once */
            pause_for(forward, forward->settings->retry);
    }
    save(forward);
    disconnect(forward);
    posts_leave(forward->posts);
    return NULL;
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

/* Signals are the loop's; the threads of an engine's library inherit that. */
static int start_thread(struct forward *forward) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&forward->thread, NULL, work, forward);
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
        forward->behind_since_ms = cursor->time_ms ? cursor->time_ms : wall_ms();
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
