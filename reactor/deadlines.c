#include "reactor/deadlines.h"

#define HELD_UP 0.05 /* seconds that the timer fires late if the loop, or the whole process, stood still */
#define TURNS                                                                                                \
    8 /* so many are for what came meanwhile: libev takes more and more events in each, from 64 on */

static double now_of(const struct deadlines *deadlines) {
    return (double)*deadlines->now_ns * 1e-9;
}

static void arm(struct deadlines *deadlines, double at) {
    if (deadlines->armed != 0 && deadlines->armed <= at)
        return;
    double delay = at - now_of(deadlines);
    ev_timer_stop(deadlines->ev, &deadlines->timer);
    ev_timer_set(&deadlines->timer, delay > 0 ? delay : 0, 0);
    ev_timer_start(deadlines->ev, &deadlines->timer);
    deadlines->armed = at;
}

static void timer_fired(struct ev_loop *ev, ev_timer *timer, int events) {
    (void)ev, (void)events;
    struct deadlines *deadlines = timer->data;
    double now = now_of(deadlines), late = now - deadlines->armed;
    deadlines->armed = 0;
    if (late > HELD_UP && deadlines->turns++ < TURNS) {
        arm(deadlines, now - late);
        return;
    }
    deadlines->turns = 0;
    struct deadline_class *class;
    LIST_FOREACH (class, &deadlines->classes, link) {
        struct deadline *first;
        while ((first = TAILQ_FIRST(&class->list)) && first->at <= now) {
            deadline_clear(first);
            class->expired(first);
        }
    }
    LIST_FOREACH (class, &deadlines->classes, link)
        if (!TAILQ_EMPTY(&class->list))
            arm(deadlines, TAILQ_FIRST(&class->list)->at);
}

void deadlines_init(struct deadlines *deadlines, struct ev_loop *ev, const int64_t *now_ns) {
    *deadlines = (struct deadlines){.ev = ev, .now_ns = now_ns};
    LIST_INIT(&deadlines->classes);
    ev_init(&deadlines->timer, timer_fired);
    deadlines->timer.data = deadlines;
}

void deadlines_stop(struct deadlines *deadlines) {
    ev_timer_stop(deadlines->ev, &deadlines->timer);
}

void deadlines_add(struct deadlines *deadlines, struct deadline_class *class, double after,
                   void (*expired)(struct deadline *deadline)) {
    *class = (struct deadline_class){.after = after, .expired = expired, .deadlines = deadlines};
    TAILQ_INIT(&class->list);
    LIST_INSERT_HEAD(&deadlines->classes, class, link);
}

void deadline_set(struct deadline *deadline, struct deadline_class *class) {
    deadline_clear(deadline);
    if (class->after <= 0)
        return;
    deadline->class = class;
    deadline->at = now_of(class->deadlines) + class->after;
    TAILQ_INSERT_TAIL(&class->list, deadline, link);
    if (TAILQ_FIRST(&class->list) == deadline)
        arm(class->deadlines, deadline->at);
}

bool deadline_is_past(const struct deadline *deadline) {
    return deadline->at <= now_of(deadline->class->deadlines);
}

void deadline_clear(struct deadline *deadline) {
    if (!deadline->class)
        return;
    TAILQ_REMOVE(&deadline->class->list, deadline, link);
    deadline->class = NULL;
}
