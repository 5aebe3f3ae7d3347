#include "tools/bench/schedule.h"

#define NS_PER_S 1e9

int64_t schedule_at(const struct schedule *schedule, uint64_t i) {
    return schedule->begin_ns + (int64_t)((double)i * NS_PER_S / schedule->rate);
}

uint64_t schedule_due(const struct schedule *schedule, int64_t now_ns) {
    if (now_ns < schedule->begin_ns)
        return 0;
    uint64_t due = (uint64_t)((double)(now_ns - schedule->begin_ns) * schedule->rate / NS_PER_S);
    /* The division may have been rounded either way: schedule_at() decides. */
    while (due > 0 && schedule_at(schedule, due - 1) > now_ns)
        due--;
    while (schedule_at(schedule, due) <= now_ns)
        due++;
    return due;
}
