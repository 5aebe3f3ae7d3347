#include "reactor/drain.h"

#include "reactor/conn.h"
#include "reactor/listener.h"
#include "reactor/loop.h"

#include <signal.h>

static void stop(struct loop *loop) {
    loop->state = LOOP_STOPPED;
    ev_break(loop->ev, EVBREAK_ALL);
}

void drain_check(struct loop *loop) {
    if (loop->state == LOOP_DRAINING && loop->conns.used + loop->tunnels == 0)
        stop(loop);
}

static void cut_off(struct loop *loop) {
    for (struct conn *conn = slots_next(&loop->conns, NULL); conn; conn = slots_next(&loop->conns, conn))
        stream_abort(&conn->stream);
    log_warn(loop->log, "drain cut off", log_number("connections", loop->conns.used + loop->tunnels));
    stop(loop);
}

/* Idle connections end once their replies are sent, the others once everything they have in hand is answered; late
 * requests are answered with a refusal. */
static void close_listeners(struct loop *loop) {
    loop->state = LOOP_DRAINING;
    listeners_accept_all(loop);
    listeners_close(loop);
    for (struct conn *conn = slots_next(&loop->conns, NULL); conn; conn = slots_next(&loop->conns, conn)) {
        stream_bury_again(&conn->stream); /* nobody's descriptors are waited for any more */
        if (conn_is_idle(conn))
            conn_leave(conn);
    }
    log_info(loop->log, "draining", log_number("connections", loop->conns.used));
    ev_timer_stop(loop->ev, &loop->drain_timer);
    ev_timer_set(&loop->drain_timer, loop->settings.drain_timeout, 0);
    ev_timer_start(loop->ev, &loop->drain_timer);
    drain_check(loop);
}

static void on_timer(struct ev_loop *ev, ev_timer *timer, int events) {
    (void)ev, (void)events;
    struct loop *loop = timer->data;
    if (loop->state == LOOP_DRAIN_DELAY)
        close_listeners(loop);
    else
        cut_off(loop);
}

void drain_begin(struct loop *loop) {
    if (loop->state == LOOP_DRAINING) {
        cut_off(loop);
    } else if (loop->state == LOOP_DRAIN_DELAY || loop->settings.drain_delay <= 0) {
        close_listeners(loop);
    } else if (loop->state == LOOP_RUNNING) {
        loop->state = LOOP_DRAIN_DELAY;
        ev_timer_set(&loop->drain_timer, loop->settings.drain_delay, 0);
        ev_timer_start(loop->ev, &loop->drain_timer);
    }
}

static void on_signal(struct ev_loop *ev, ev_signal *signal, int events) {
    (void)ev, (void)events;
    struct loop *loop = signal->data;
    log_info(loop->log, "signal", log_text("name", sigabbrev_np(signal->signum)));
    drain_begin(loop);
}

void drain_init(struct loop *loop) {
    ev_signal_init(&loop->sigterm, on_signal, SIGTERM);
    ev_signal_init(&loop->sigint, on_signal, SIGINT);
    ev_init(&loop->drain_timer, on_timer);
    loop->sigterm.data = loop->sigint.data = loop->drain_timer.data = loop;
    ev_signal_start(loop->ev, &loop->sigterm);
    ev_signal_start(loop->ev, &loop->sigint);
}

void drain_stop(struct loop *loop) {
    ev_signal_stop(loop->ev, &loop->sigterm);
    ev_signal_stop(loop->ev, &loop->sigint);
    ev_timer_stop(loop->ev, &loop->drain_timer);
}
