#include "handlers/gateway/breaker.h"

#include <string.h>

bool breaker_admits(const struct breaker *breaker, const struct breaker_rule *rule, double now) {
    if (rule->ratio == 0 || breaker->state == BREAKER_CLOSED)
        return true;
    return breaker->state == BREAKER_OPEN ? now >= breaker->until : !breaker->trying;
}

static void change(struct breaker *breaker, enum breaker_state state, double until, double now) {
    *breaker = (struct breaker){.state = state, .epoch = breaker->epoch + 1, .until = until, .slice = now};
}

unsigned breaker_enter(struct breaker *breaker, const struct breaker_rule *rule, double now) {
    if (rule->ratio > 0 && breaker->state == BREAKER_OPEN && now >= breaker->until)
        change(breaker, BREAKER_HALF_OPEN, 0, now);
    breaker->trying |= breaker->state == BREAKER_HALF_OPEN;
    return breaker->epoch;
}

/* Moves on to the slice that contains now; slices that are too old are emptied. */
static void turn(struct breaker *breaker, double width, double now) {
    double behind = (now - breaker->slice) / width;
    if (behind < 1)
        return;
    if (behind >= BREAKER_SLICES) {
        memset(breaker->good, 0, sizeof(breaker->good));
        memset(breaker->bad, 0, sizeof(breaker->bad));
        breaker->slice = now;
        return;
    }
    for (unsigned i = 0; i < (unsigned)behind; i++) {
        breaker->at = (breaker->at + 1) % BREAKER_SLICES;
        breaker->good[breaker->at] = breaker->bad[breaker->at] = 0;
        breaker->slice += width;
    }
}

static bool too_bad(const struct breaker *breaker, const struct breaker_rule *rule) {
    unsigned long good = 0, bad = 0;
    for (unsigned i = 0; i < BREAKER_SLICES; i++) {
        good += breaker->good[i];
        bad += breaker->bad[i];
    }
    return good + bad >= (unsigned long)rule->least && bad * 100 >= (good + bad) * (unsigned long)rule->ratio;
}

void breaker_leave(struct breaker *breaker, const struct breaker_rule *rule, unsigned epoch, bool good,
                   double now) {
    if (rule->ratio == 0 || breaker->state == BREAKER_OPEN || epoch != breaker->epoch)
        return;
    if (breaker->state == BREAKER_CLOSED) {
        turn(breaker, rule->window / BREAKER_SLICES, now);
        (good ? breaker->good : breaker->bad)[breaker->at]++;
        if (good || !too_bad(breaker, rule))
            return;
    }
    change(breaker, good ? BREAKER_CLOSED : BREAKER_OPEN, now + rule->open, now);
}

void breaker_began(struct breaker *breaker, unsigned epoch, double now) {
    if (breaker->state == BREAKER_HALF_OPEN && epoch == breaker->epoch)
        change(breaker, BREAKER_CLOSED, 0, now);
}

void breaker_abandon(struct breaker *breaker, unsigned epoch) {
    if (epoch == breaker->epoch)
        breaker->trying = false;
}

const char *breaker_name(enum breaker_state state) {
    static const char *const names[] = {"closed", "open", "half-open"};
    return names[state];
}
