#include "tools/bench/settings.h"

static const struct setting rows[] = {
#define SETTING(kind, field, initial, range, help)                                                           \
    {#field, SETTING_##kind, offsetof(struct bench_settings, field), initial, range, help},
#include "tools/bench/options.def"
#undef SETTING
};

const struct settings_table bench_settings_table = {"load", rows, sizeof(rows) / sizeof(rows[0])};

const char *bench_mode_word(int mode) {
    static const char *const words[] = {"fdpass", "copy", "splice", "auto", "mixed",
                                        "ping",   "http", "rpc",    "mcp"};
    return words[mode];
}
