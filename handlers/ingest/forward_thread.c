#include "handlers/ingest/forward_state.h"

#include "offload/clock.h"
#include "reactor/loop.h"

#include <errno.h>
#include <stdio.h>

#define SAVE_SECONDS 0.5 /* least time between two writes of the cursor */
#define LOOK_SECONDS 2.0 /* between looks at an idle connection */
#define LOST_SECONDS 3.0 /* until we believe that a broker lost messages: a new leader may be catching up */

static double clock_now(void) {
    return (double)clock_ns() * 1e-9;
}

static void tell(struct forward *forward, const struct log_bound *bound, const char *why) {
    struct forward_news *news = &forward->next;
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

/* Waits for some time, or until it is woken; the lock is held. */
static void nap(struct forward *forward, double seconds) {
    struct timespec until;
    double at = clock_now() + seconds;
    until.tv_sec = (time_t)at;
    until.tv_nsec = (long)((at - (double)until.tv_sec) * 1e9);
    pthread_cond_timedwait(&forward->wake, &forward->lock, &until);
}

/* Waits until there is something to ship, or a connection to make. False: the forwarder is stopping. */
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
    int error = forward->engine->open(forward->settings, &forward->link, why, FORWARD_WHY);
    if (error || cursor->stream_sequence == 0)
        return error;
    int holds = forward->engine->holds(forward->link, cursor->stream_sequence, cursor->id, why, FORWARD_WHY);
    if (holds != 0) {
        forward->lost = 0;
        return holds < 0 ? holds : 0;
    }
    if (forward->lost <= 0)
        forward->lost = clock_now();
    if (clock_now() - forward->lost < LOST_SECONDS) {
        snprintf(why, FORWARD_WHY, "the broker does not have what it acknowledged, so far");
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

/* Ships everything in the cargo, as many messages at a time as may be in flight. */
static int ship_cargo(struct forward *forward, char *why) {
    struct cargo *cargo = &forward->cargo;
    struct forward_stats *stats = &forward->next.stats;
    size_t most = (size_t)forward->settings->in_flight;
    for (size_t i = 0; i < cargo->count; i += most) {
        struct forward_receipt receipt = {0};
        size_t n = cargo->count - i < most ? cargo->count - i : most;
        int error = forward->engine->ship(forward->link, cargo->messages + i, n, &forward->stopping, &receipt,
                                          why, FORWARD_WHY);
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

/* One load: reads it, ships it, moves the cursor. -EIO: the log's disk has failed, for good; other errors: the
 * broker's. */
static int advance(struct forward *forward, const struct log_bound *bound, bool *stop, char *why) {
    struct cargo *cargo = &forward->cargo;
    struct forward_stats *stats = &forward->next.stats;
    int error = cargo_load(cargo, &forward->cursor, bound, forward->link->message_most);
    *stop = error != 0 && !segment_is_shortage(error);
    if (error) {
        snprintf(why, FORWARD_WHY, "reading the log: %s", strerrordesc_np(-error));
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

void *forward_thread(void *argument) {
    struct forward *forward = argument;
    struct log_bound bound;
    bool stop = false;
    while (!stop && next_work(forward, &bound)) {
        char why[FORWARD_WHY] = "the connection was lost";
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
