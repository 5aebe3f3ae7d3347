#include "tools/sluice/progress.h"

#include "tools/sluice/units.h"
#include "tools/terminal.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000u
#define PATIENCE  (SECOND_NS / 2)  /* shorter copies show nothing */
#define INTERVAL  (SECOND_NS / 10) /* between two drawings */
#define WIDTH     24

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

void progress_start(struct progress *progress, int out) {
    uint64_t now = now_ns();
    *progress = (struct progress){
        .enabled = isatty(STDERR_FILENO) && !isatty(out), .start_ns = now, .next_ns = now + PATIENCE};
}

int progress_update(void *context, uint64_t done, uint64_t total) {
    struct progress *progress = context;
    static const char full[] = "########################", empty[] = "........................";
    char so_far[UNITS_TEXT], all[UNITS_TEXT], rate[UNITS_TEXT], line[512];
    if (!progress->enabled)
        return 0;
    uint64_t now = now_ns();
    if (now < progress->next_ns || total == 0)
        return 0;
    double seconds = (double)(now - progress->start_ns) / SECOND_NS;
    double part = (double)done / (double)total;
    int bar = (int)(part * WIDTH);
    units_bytes(so_far, (double)done);
    units_bytes(all, (double)total);
    units_bytes(rate, (double)done / seconds);
    snprintf(line, sizeof(line), "%3d%% %.*s%.*s %s of %s, %s/s, %.0f s left", (int)(part * 100), bar, full,
             WIDTH - bar, empty, so_far, all, rate, seconds / part - seconds);
    terminal_redraw(stderr, line);
    progress->shown = true;
    progress->next_ns = now + INTERVAL;
    return 0;
}

void progress_end(struct progress *progress) {
    if (progress->shown)
        terminal_redraw(stderr, "");
    progress->shown = false;
}
