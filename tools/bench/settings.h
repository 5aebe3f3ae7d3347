/* The load generator's settings: options.def. */
#ifndef SLUICE_BENCH_SETTINGS_H
#define SLUICE_BENCH_SETTINGS_H

#include "offload/declare.h"

enum bench_mode {
    MODE_FDPASS,
    MODE_COPY,
    MODE_SPLICE,
    MODE_AUTO,
    MODE_MIXED,
    MODE_PING,
    MODE_HTTP,
    MODE_RPC,
    MODE_MCP
};
enum bench_over { OVER_LINE, OVER_FRAME, OVER_HTTP };
enum bench_touch { TOUCH_NO, TOUCH_FIRST, TOUCH_ALL };

struct bench_settings {
#define SETTING(kind, field, initial, range, help) SETTING_TYPE_##kind field;
#include "tools/bench/options.def"
#undef SETTING
    char *headers; /* -H: field lines for --mode http, each with its CRLF; owned, NULL: none */
};

extern const struct settings_table bench_settings_table;

/* The word of a mode. */
const char *bench_mode_word(int mode);

#endif
