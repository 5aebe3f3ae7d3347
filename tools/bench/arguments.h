/* The load generator's command line, made from options.def. */
#ifndef SLUICE_BENCH_ARGUMENTS_H
#define SLUICE_BENCH_ARGUMENTS_H

#include "tools/bench/settings.h"

#include <stdio.h>

enum arguments_result { ARGUMENTS_LOAD, ARGUMENTS_ENOUGH, ARGUMENTS_WRONG };

/* Fills in settings, which bench_settings_free() releases whatever the result. ENOUGH: --help or --version
 * was printed to out. WRONG: messages says why. */
enum arguments_result bench_arguments(struct bench_settings *settings, int argc, char *const *argv, FILE *out,
                                      FILE *messages);
void bench_settings_free(struct bench_settings *settings);

#endif
