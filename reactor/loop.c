#include "reactor/loop.h"

#include "offload/clock.h"
#include "reactor/closing.h"
#include "reactor/conn.h"
#include "reactor/drain.h"
#include "reactor/listener.h"
#include "reactor/posts.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUNDS       16 /* reap-flush-submit rounds of one turn */
#define RELIEF       64 /* jobs in hand, or streams with replies, that do not wait for the end of the turn */
#define KEPT_BUFFERS 64
#define END_AFTER    1.0 /* seconds that work in hand is given to end, once nobody waits for it */

static const struct counter reactor_counters[] = {
#define COUNTER(kind, field, help) {#field, COUNTER_##kind, offsetof(struct reactor_stats, field), help},
#include "reactor/stats.def"
#undef COUNTER
};

static unsigned reap(struct loop *loop) {
    unsigned count = 0;
    struct job *job;
    while ((job = offload_reap(loop->offload))) {
        job->done(job);
        offload_release(loop->offload, job);
        count++;
    }
    return count;
}

/* Flushes the streams that were dirty at the start; those that become dirty again wait for the next round. */
static unsigned flush(struct loop *loop) {
    unsigned count = 0, todo = loop->dirty_count;
    struct stream *stream;
    for (; count < todo && (stream = TAILQ_FIRST(&loop->dirty)); count++) {
        stream_clean(stream);
        stream_flush(stream);
    }
    return count;
}

static void bury(struct loop *loop) {
    struct stream *stream;
    while ((stream = TAILQ_FIRST(&loop->dying))) {
        TAILQ_REMOVE(&loop->dying, stream, link);
        stream_bury(stream);
    }
}

static unsigned one_round(struct loop *loop) {
    unsigned work = reap(loop);
    work += flush(loop);
    offload_flush(loop->offload);
    return work;
}

static void close_released(struct loop *loop) {
    ledger_flush(&loop->ledger);
    closing_slow(loop);
}

void loop_relieve(struct loop *loop) {
    if (offload_open_jobs(loop->offload) < RELIEF && loop->dirty_count < RELIEF)
        return;
    one_round(loop);
    close_released(loop);
    offload_turn(loop->offload); /* time spent sending does not count as work on the spot */
}

/* The end of a turn: see the picture in loop.h. */
static void end_turn(struct loop *loop) {
    for (int round = 0; round < ROUNDS; round++)
        if (one_round(loop) == 0)
            break;
    stream_renew(loop);
    bury(loop);
    close_released(loop);
}

static void on_prepare(struct ev_loop *ev, ev_prepare *prepare, int events) {
    (void)events;
    struct loop *loop = prepare->data;
    tasks_step(&loop->tasks);
    end_turn(loop);
    bool pending = !TAILQ_EMPTY(&loop->dirty) || !TAILQ_EMPTY(&loop->dying) || !TAILQ_EMPTY(&loop->tasks);
    if (pending || !offload_sleep(loop->offload)) {
        if (!ev_is_active(&loop->busy))
            ev_idle_start(ev, &loop->busy);
    } else if (ev_is_active(&loop->busy)) {
        ev_idle_stop(ev, &loop->busy);
    }
}

static void on_check(struct ev_loop *ev, ev_check *check, int events) {
    (void)ev, (void)events;
    struct loop *loop = check->data;
    offload_wake(loop->offload);
    offload_turn(loop->offload);
    loop->now_ns = clock_ns();
    loop->stats.turns++;
}

static void on_busy(struct ev_loop *ev, ev_idle *idle, int events) {
    (void)ev, (void)idle, (void)events; /* its being active is enough: the loop does not sleep */
}

static void on_completions(struct ev_loop *ev, ev_io *io, int events) {
    (void)ev, (void)events;
    struct loop *loop = io->data;
    offload_drain_eventfd(loop->offload);
}

static void notice_fd(void *context, int fd, const char *kind, bool opened) {
    struct loop *loop = context;
    if (!opened)
        ledger_leave(&loop->ledger, fd);
    else
        ledger_enter(&loop->ledger, fd, strcmp(kind, "pipe") == 0 ? FD_PIPE : FD_OFFLOAD, 0, loop_now(loop));
}

static void start_watchers(struct loop *loop) {
    ev_prepare_init(&loop->prepare, on_prepare);
    ev_check_init(&loop->check, on_check);
    ev_idle_init(&loop->busy, on_busy);
    ev_io_init(&loop->completions, on_completions, offload_eventfd(loop->offload), EV_READ);
    loop->prepare.data = loop->check.data = loop->completions.data = loop;
    ev_set_priority(&loop->check, EV_MAXPRI);
    ev_prepare_start(loop->ev, &loop->prepare);
    ev_check_start(loop->ev, &loop->check);
    ev_io_start(loop->ev, &loop->completions);
}

static int init_memory(struct loop *loop) {
    const struct reactor_settings *settings = &loop->settings;
    uint32_t connections = (uint32_t)settings->connections;
    unsigned many = connections + KEPT_BUFFERS;
    int error = slots_init(&loop->conns, sizeof(struct conn), connections);
    if (!error)
        error = slots_init(&loop->requests, sizeof(struct request), connections + CONN_SHARED_REQUESTS + 1);
    if (!error)
        error = histogram_init(&loop->stats.connection_life, 4, UINT64_MAX >> 8);
    if (!error)
        error = histogram_init(&loop->stats.connection_requests, 4, UINT64_MAX >> 24);
    bufpool_init(&loop->inputs, IOBUF_USUAL, many, KEPT_BUFFERS);
    bufpool_init(&loop->segments, OUTQ_SEGMENT, 4 * many + CONN_SHARED_REQUESTS, KEPT_BUFFERS);
    peers_init(&loop->peers, settings->rate_peer > 0);
    return error;
}

static int init_libev(struct loop *loop) {
    loop->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (!loop->ev)
        return -EMFILE;
    loop->now_ns = clock_ns();
    deadlines_init(&loop->deadlines, loop->ev, &loop->now_ns);
    stream_deadlines_init(loop);
    conn_init_loop(loop);
    drain_init(loop);
    loop->posts = posts_new(loop->ev, loop->requests.capacity);
    if (!loop->posts)
        return -ENOMEM;
    ledger_adopt(&loop->ledger, FD_LOOP);
    return 0;
}

static void free_tables(struct loop *loop) {
    bufpool_free(&loop->inputs);
    bufpool_free(&loop->segments);
    slots_free(&loop->requests);
    slots_free(&loop->conns);
    peers_free(&loop->peers);
    histogram_free(&loop->stats.connection_life);
    histogram_free(&loop->stats.connection_requests);
    ledger_free(&loop->ledger);
}

/* Undoes what loop_init() did before it failed. */
static void undo_init(struct loop *loop) {
    if (loop->posts)
        posts_close(loop->posts);
    if (loop->fdwindows.epoll > 0)
        fdwindows_free(loop);
    if (loop->ev) {
        drain_stop(loop);
        deadlines_stop(&loop->deadlines);
        ev_loop_destroy(loop->ev);
    }
    free_tables(loop);
}

int loop_init(struct loop *loop, const struct reactor_settings *settings,
              const struct offload_settings *offload, struct log *log, char *why, size_t why_size) {
    *loop = (struct loop){.settings = *settings, .log = log};
    TAILQ_INIT(&loop->dirty);
    TAILQ_INIT(&loop->spent);
    TAILQ_INIT(&loop->dying);
    TAILQ_INIT(&loop->tasks);
    LIST_INIT(&loop->listeners);
    int error = ledger_init(&loop->ledger, (size_t)sysconf(_SC_OPEN_MAX));
    if (error)
        snprintf(why, why_size, "cannot tell what is open (/proc/self/fd): %s", strerrordesc_np(-error));
    if (!error) {
        snprintf(why, why_size, "no memory for the tables");
        error = init_memory(loop);
    }
    if (!error) {
        snprintf(why, why_size, "cannot start the event loop");
        error = init_libev(loop);
    }
    if (!error)
        error = fdwindows_init(loop);
    if (!error)
        error = offload_start(&loop->offload, offload, notice_fd, loop, why, why_size);
    if (error) {
        undo_init(loop);
        return error;
    }
    if (settings->reap == REAP_EVENTFD)
        offload_reap_on_eventfd_only(loop->offload);
    start_watchers(loop);
    loop_add_counters(loop, (struct counters_table){"reactor", reactor_counters,
                                                    sizeof(reactor_counters) / sizeof(reactor_counters[0]),
                                                    &loop->stats});
    loop_add_counters(loop, offload_counters(loop->offload));
    return 0;
}

void loop_run(struct loop *loop) {
    ev_run(loop->ev, 0);
}

static void end_connections(struct loop *loop) {
    loop->state = LOOP_STOPPED;
    for (struct conn *conn = slots_next(&loop->conns, NULL); conn; conn = slots_next(&loop->conns, conn)) {
        stream_abort(&conn->stream);
        stream_bury_again(&conn->stream);
    }
    bury(loop);
}

bool loop_end(struct loop *loop) {
    listeners_close(loop);
    end_connections(loop);
    tasks_finish(&loop->tasks); /* nobody waits for them any longer */
    bool ended = offload_drain(loop->offload, END_AFTER);
    reap(loop);
    if (!ended)
        return false;
    posts_close(loop->posts);
    close_released(loop);
    return true;
}

void loop_free(struct loop *loop) {
    ev_io_stop(loop->ev, &loop->completions);
    close_released(loop);
    offload_stop(loop->offload, 0);
    fdwindows_free(loop);
    listeners_free(loop);
    drain_stop(loop);
    deadlines_stop(&loop->deadlines);
    ev_loop_destroy(loop->ev);
    ledger_flush(&loop->ledger);
    free_tables(loop);
}

void loop_add_counters(struct loop *loop, struct counters_table table) {
    assert(loop->counters_count < LOOP_COUNTERS);
    loop->counters[loop->counters_count++] = table;
}

void loop_add_source(struct loop *loop, struct counters_source source) {
    assert(loop->sources_count < LOOP_SOURCES);
    loop->sources[loop->sources_count++] = source;
}

static void sample_ledger(struct loop *loop) {
    struct reactor_stats *stats = &loop->stats;
    const struct ledger *ledger = &loop->ledger;
    uint64_t foreign = 0;
    ledger_audit(&loop->ledger, &foreign);
    stats->ledger_open = ledger_open(ledger);
    stats->ledger_opened = ledger->opened;
    stats->ledger_closed = ledger->closed;
    stats->ledger_foreign = foreign;
#define FD_KIND(name, word, help) stats->fds_##word = ledger->open_by_kind[FD_##name];
#include "reactor/fd_kind.def"
#undef FD_KIND
}

void loop_sample(struct loop *loop) {
    struct reactor_stats *stats = &loop->stats;
    sample_ledger(loop);
    stats->connections = loop->conns.used;
    stats->requests_open = loop->requests.used;
    stats->connections_active = loop->requests.used - loop->extra_requests;
    stats->fds_in_flight = loop->fdwindows.in_flight;
    offload_stats(loop->offload);
}
