#include "handlers/ingest/settings.h"

#include "handlers/ingest/segment.h"

#include <string.h>

static const struct setting rows[] = {
#define SETTING(kind, field, initial, range, help)                                                           \
    {#field, SETTING_##kind, offsetof(struct ingest_settings, field), initial, range, help},
#include "handlers/ingest/options.def"
#undef SETTING
};

const struct settings_table ingest_settings_table = {"ingest", rows, sizeof(rows) / sizeof(rows[0])};

static const struct counter counters[] = {
#define COUNTER(kind, field, help) {#field, COUNTER_##kind, offsetof(struct ingest_stats, field), help},
#include "handlers/ingest/stats.def"
#undef COUNTER
};

const char *ingest_settings_check(const struct ingest_settings *settings) {
    if (!settings->path[0])
        return "path is missing: the directory of the log";
    if (settings->segment < SEGMENT_HEAD + RECORD_HEAD + settings->group_bytes)
        return "segment: a file of the log must have room for group_bytes and a head of 48 bytes";
    if (settings->rate_burst > 0 && settings->rate == 0)
        return "rate_burst: there is no rate";
    return NULL;
}

int ingest_stats_init(struct ingest_stats *stats) {
    memset(stats, 0, sizeof(*stats));
    int error = histogram_init(&stats->group_batches, 4, UINT64_MAX >> 32);
    if (!error)
        error = histogram_init(&stats->queue_wait, 5, 60000000000u);
    if (!error)
        error = histogram_init(&stats->sync, 5, 60000000000u);
    return error;
}

void ingest_stats_free(struct ingest_stats *stats) {
    histogram_free(&stats->group_batches);
    histogram_free(&stats->queue_wait);
    histogram_free(&stats->sync);
}

struct counters_table ingest_stats_table(struct ingest_stats *stats) {
    return (struct counters_table){"ingest", counters, sizeof(counters) / sizeof(counters[0]), stats};
}
