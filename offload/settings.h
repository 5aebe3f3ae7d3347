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

/* Replaces 0 = auto by what it means on this machine; connections is the connection limit. Then
 * threads_max, unless 0, is shared out: the largest group gives way first, none below one thread. */
void offload_resolve(struct offload_settings *settings, long connections);

/* io_uring workers at most, bounded and unbounded ones together. */
long offload_ring_workers(const struct offload_settings *settings);
/* Threads at most beside the loop's: those of the pools (names has one) and the ring's workers. */
long offload_thread_count(const struct offload_settings *settings);

#endif
