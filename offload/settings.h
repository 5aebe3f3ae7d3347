/* Offload's settings (options.def). */
#ifndef SLUICE_OFFLOAD_SETTINGS_H
#define SLUICE_OFFLOAD_SETTINGS_H

#include "offload/declare.h"

enum { OFFLOAD_AUTO, OFFLOAD_ALWAYS };
enum { URING_AUTO, URING_OFF, URING_REQUIRE };

struct offload_settings {
#define SETTING(kind, field, initial, range, help) SETTING_TYPE_##kind field;
#include "offload/options.def"
#undef SETTING
};

extern const struct settings_table offload_settings_table;

/* Replaces 0 = auto by what it means on this machine; connections is the connection limit. Then applies threads_max,
 * unless it is 0: the largest group of threads shrinks first, none below one thread. */
void offload_resolve(struct offload_settings *settings, long connections);

/* The most io_uring workers, bounded and unbounded ones together. */
long offload_ring_workers(const struct offload_settings *settings);
/* The most threads besides the loop's: those of the pools (names has one) and the ring's workers. */
long offload_thread_count(const struct offload_settings *settings);

#endif
