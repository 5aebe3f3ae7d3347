/* A line of a terminal that changes: progress. */
#ifndef SLUICE_TOOLS_TERMINAL_H
#define SLUICE_TOOLS_TERMINAL_H

#include <stdio.h>
#include <sys/ioctl.h>

/* Draws text over what the line had, cut to the terminal's width: what wraps would stay behind each time. */
static inline void terminal_redraw(FILE *out, const char *text) {
    struct winsize size = {0};
    int width = ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col - 1 : -1;
    fprintf(out, "\r\033[K%.*s", width, text); /* -1: all of it */
    fflush(out);
}

#endif
