#include "handlers/ingest/settings.h"

#include "handlers/ingest/forward_engine.h"
#include "handlers/ingest/segment.h"
#include "proto/address.h"

#include <string.h>

#define LOG_SEGMENTS     2 /* being written, which has to stay, and kept ready */
#define FORWARD_SEGMENTS 4 /* being written, kept ready, being sent, and one more */
#define OPEN_SEGMENTS    3 /* those of them that are not complete, or not acknowledged */

static const struct setting rows[] = {
#define SETTING(kind, field, initial, range, help)                                                           \
    {#field, SETTING_##kind, offsetof(struct ingest_settings, field), initial, range, help},
#include "handlers/ingest/options.def"
#undef SETTING
};

const struct settings_table ingest_settings_table = {"ingest", rows, sizeof(rows) / sizeof(rows[0])};

static const struct setting forward_rows[] = {
#define SETTING(kind, field, initial, range, help)                                                           \
    {#field, SETTING_##kind, offsetof(struct forward_settings, field), initial, range, help},
#include "handlers/ingest/forward.def"
#undef SETTING
};

const struct settings_table forward_settings_table = {"forward", forward_rows,
                                                      sizeof(forward_rows) / sizeof(forward_rows[0])};

static const struct counter forward_counters[] = {
#define COUNTER(kind, field, help) {#field, COUNTER_##kind, offsetof(struct forward_stats, field), help},
#include "handlers/ingest/forward_stats.def"
#undef COUNTER
};

static const struct counter counters[] = {
#define COUNTER(kind, field, help) {#field, COUNTER_##kind, offsetof(struct ingest_stats, field), help},
#include "handlers/ingest/stats.def"
#undef COUNTER
};

static bool are_datagram_addresses(const char *list) {
    struct address address;
    for (struct span word; setting_next_word(&list, ',', &word);)
        if (address_parse(word, &address) ||
            (address.kind != ADDRESS_UDP && address.kind != ADDRESS_UNIXGRAM))
            return false;
    return true;
}

/* Checks the schemes: libnats would take any other one for nats://, which it also assumes without one. */
static bool are_brokers(const char *list) {
    for (struct span word; setting_next_word(&list, '\n', &word);)
        if (memmem(word.p, word.n, "://", 3) && strncmp(word.p, "nats://", 7) != 0 &&
            strncmp(word.p, "tls://", 6) != 0)
            return false;
    return true;
}

const char *ingest_settings_check(const struct ingest_settings *settings) {
    if (!settings->path[0])
        return "path is missing: the directory of the log";
    if (settings->segment < SEGMENT_HEAD + RECORD_HEAD + settings->group_bytes)
        return "segment: a file of the log must have room for group_bytes and a head of 48 bytes";
    if (settings->keep_bytes > 0 && settings->keep_bytes < LOG_SEGMENTS * settings->segment)
        return "keep_bytes: there must be room for two files of the log (segment)";
    if (settings->rate_burst > 0 && settings->rate == 0)
        return "rate_burst: there is no rate";
    if (!are_datagram_addresses(settings->statsd))
        return "statsd: addresses are like udp:HOST:PORT and unixgram:/PATH";
    return NULL;
}

const char *forward_settings_check(const struct forward_settings *settings) {
    if (!forward_engine(settings->name))
        return "no such forwarder; there is nats";
    if (!settings->servers[0])
        return "servers is missing";
    if (!are_brokers(settings->servers))
        return "servers: they are like nats://HOST:PORT and tls://HOST:PORT";
    if (!settings->stream[0] || strpbrk(settings->stream, " .*>/\\\t"))
        return "stream: a name without spaces and . * > / \\";
    if (!settings->subject[0] || strpbrk(settings->subject, " *>\t"))
        return "subject: one subject, without spaces and wildcards";
    return NULL;
}

const char *forward_settings_fit(const struct ingest_settings *ingest) {
    if (ingest->keep_bytes > 0 && ingest->keep_bytes < FORWARD_SEGMENTS * ingest->segment)
        return "keep_bytes: with a forwarder there must be room for four files of the log (segment)";
    return NULL;
}

uint64_t forward_settings_rate(const struct forward_settings *settings,
                               const struct ingest_settings *ingest) {
    double room = (double)ingest->keep_bytes - OPEN_SEGMENTS * (double)ingest->segment;
    return ingest->keep_bytes == 0 || settings->keep <= 0 ? UINT64_MAX : (uint64_t)(room / settings->keep);
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

struct counters_table forward_stats_table(struct forward_stats *stats) {
    return (struct counters_table){"forward", forward_counters,
                                   sizeof(forward_counters) / sizeof(forward_counters[0]), stats};
}
