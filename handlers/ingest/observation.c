#include "handlers/ingest/observation.h"

void observation_set(struct sample *sample, uint64_t times) {
    static const double bounds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
    unsigned i = 0;
    sample->bounds_n = sizeof(bounds) / sizeof(bounds[0]);
    memcpy(sample->bounds, bounds, sizeof(bounds));
    memset(sample->counts, 0, sizeof(sample->counts[0]) * (sample->bounds_n + 1));
    while (i < sample->bounds_n && sample->value > bounds[i])
        i++;
    sample->counts[i] = times;
    sample->value *= (double)times;
}
