/* The ingest and the forward section's settings, and the family's counters. */
#ifndef SLUICE_HANDLERS_INGEST_SETTINGS_H
#define SLUICE_HANDLERS_INGEST_SETTINGS_H

#include "offload/declare.h"

enum { ACK_FSYNC, ACK_WRITE, ACK_MEMORY };
enum { NAMES_AUTO, NAMES_STRICT, NAMES_ESCAPE };

struct ingest_settings {
    char *name;  /* the section's title */
    char *where; /* "FILE:LINE", for messages */
#define SETTING(kind, field, initial, range, help) SETTING_TYPE_##kind field;
#include "handlers/ingest/options.def"
#undef SETTING
};

struct ingest_stats {
#define COUNTER(kind, field, help) COUNTER_TYPE_##kind field;
#include "handlers/ingest/stats.def"
#undef COUNTER
};

struct forward_settings {
    char *name;  /* the section's title: the engine */
    char *where; /* "FILE:LINE", for messages */
#define SETTING(kind, field, initial, range, help) SETTING_TYPE_##kind field;
#include "handlers/ingest/forward.def"
#undef SETTING
};

struct forward_stats {
#define COUNTER(kind, field, help) COUNTER_TYPE_##kind field;
#include "handlers/ingest/forward_stats.def"
#undef COUNTER
};

extern const struct settings_table ingest_settings_table;
extern const struct settings_table forward_settings_table;

/* A sentence about what is wrong with the settings, or NULL. */
const char *ingest_settings_check(const struct ingest_settings *settings);
/* The same for the forward section, and for both together. */
const char *forward_settings_check(const struct forward_settings *settings);
const char *forward_settings_fit(const struct ingest_settings *ingest);
/* Bytes a second that the log has room for, considering what it must keep; UINT64_MAX: any number. For settings that
 * forward_settings_fit(). */
uint64_t forward_settings_rate(const struct forward_settings *settings, const struct ingest_settings *ingest);
/* 0 or -ENOMEM; free in either case. */
int ingest_stats_init(struct ingest_stats *stats);
void ingest_stats_free(struct ingest_stats *stats);
struct counters_table ingest_stats_table(struct ingest_stats *stats);
struct counters_table forward_stats_table(struct forward_stats *stats);

#endif
