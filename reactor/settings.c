#include "reactor/settings.h"

#include <errno.h>
#include <stdio.h>

#define OPEN_FILES_LEAST 256
#define CONNECTIONS_MOST 1000000 /* as in options.def */

static const struct setting reactor_rows[] = {
#define SETTING(kind, field, initial, range, help)                                                           \
    {#field, SETTING_##kind, offsetof(struct reactor_settings, field), initial, range, help},
#include "reactor/options.def"
#undef SETTING
};

static const struct setting listen_rows[] = {
#define SETTING(kind, field, initial, range, help)                                                           \
    {#field, SETTING_##kind, offsetof(struct listen_settings, field), initial, range, help},
#include "reactor/listen.def"
#undef SETTING
};

const struct settings_table reactor_settings_table = {"reactor", reactor_rows,
                                                      sizeof reactor_rows / sizeof *reactor_rows};
const struct settings_table listen_settings_table = {"listen", listen_rows,
                                                     sizeof listen_rows / sizeof *listen_rows};

static long larger(long a, long b) {
    return a > b ? a : b;
}

static long smaller(long a, long b) {
    return a < b ? a : b;
}

int reactor_resolve(struct reactor_settings *settings, long nofile, long fixed, char *why, size_t why_size) {
    long left = nofile - fixed - REACTOR_RESERVE - settings->connections; /* for open files */
    long total;
    if (settings->open_files == 0) {
        settings->open_files = larger(OPEN_FILES_LEAST, nofile / 8);
        /* An automatic value is never the one that does not fit. */
        if (settings->connections == 0)
            left /= 2;
        settings->open_files = larger(1, smaller(settings->open_files, left));
    }
    if (settings->connections == 0) {
        left = nofile - fixed - REACTOR_RESERVE - settings->open_files;
        settings->connections = larger(1, smaller(CONNECTIONS_MOST, left));
    }
    total = settings->connections + settings->open_files + fixed + REACTOR_RESERVE;
    if (total > nofile) {
        snprintf(why, why_size,
                 "connections %ld + open_files %ld + caches, pipes, listeners, upstreams %ld + "
                 "reserve %d = %ld exceed RLIMIT_NOFILE %ld",
                 settings->connections, settings->open_files, fixed, REACTOR_RESERVE, total, nofile);
        return -EMFILE;
    }
    if (settings->fds_in_flight == 0)
        settings->fds_in_flight = larger(1, nofile / 4);
    if (settings->fds_per_uid == 0)
        settings->fds_per_uid = larger(1, settings->fds_in_flight / 2);
    return 0;
}
