#include "handlers/gateway/outlier.h"

#include <math.h>

#define DEVIATIONS 1.9

bool outlier_book(struct outlier *outlier, bool good, long limit) {
    if (good) {
        outlier->good++;
        outlier->errors = 0;
        return false;
    }
    outlier->bad++;
    outlier->errors++;
    return limit > 0 && (long)outlier->errors >= limit;
}

double outlier_eject(struct outlier *outlier, double eject, double most, double now, uint64_t random) {
    outlier->times++;
    outlier->errors = 0;
    double seconds = eject * outlier->times;
    if (seconds > most)
        seconds = most;
    seconds += seconds * 0.1 * ((double)(uint32_t)random / UINT32_MAX);
    outlier->until = now + seconds;
    return seconds;
}

bool outlier_returns(struct outlier *outlier, double now) {
    if (outlier->until == 0 || now < outlier->until)
        return false;
    outlier->until = 0;
    return true;
}

bool outlier_room(size_t total, size_t ejected, long percent) {
    size_t most = total * (size_t)percent / 100;
    if (most == 0)
        most = 1;
    return ejected < most && ejected + 1 < total;
}

static double rate_of(const struct outlier *outlier) {
    return (double)outlier->good / (double)(outlier->good + outlier->bad);
}

double outlier_threshold(struct outlier *const *servers, size_t count) {
    double sum = 0, squares = 0;
    size_t judged = 0;
    for (size_t i = 0; i < count; i++) {
        if (servers[i]->good + servers[i]->bad < OUTLIER_REQUESTS)
            continue;
        double rate = rate_of(servers[i]);
        sum += rate;
        squares += rate * rate;
        judged++;
    }
    if (judged < OUTLIER_SERVERS)
        return 0;
    double mean = sum / (double)judged;
    double variance = squares / (double)judged - mean * mean;
    return mean - DEVIATIONS * sqrt(variance > 0 ? variance : 0);
}

bool outlier_below(struct outlier *outlier, double threshold) {
    unsigned requests = outlier->good + outlier->bad;
    bool below = requests >= OUTLIER_REQUESTS && rate_of(outlier) < threshold;
    if (outlier->until == 0 && outlier->bad == 0 && requests > 0 && outlier->times > 0)
        outlier->times--;
    outlier->good = outlier->bad = 0;
    return below;
}
