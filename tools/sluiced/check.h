/* Checks a configuration as a whole and shows what it means (--check). */
#ifndef SLUICE_TOOLS_CHECK_H
#define SLUICE_TOOLS_CHECK_H

#include "tools/sluiced/config.h"

/* Writes every problem to messages, a line each with its place; returns how many there are. */
unsigned check_config(const struct daemon_config *config, FILE *messages);
/* The same for what is known once 0 = auto has been replaced. */
unsigned check_resolved(const struct daemon_config *config, FILE *messages);
/* Prints a resolved configuration as a file that means the same, what follows from it as comments. */
void check_print(const struct daemon_config *config, long nofile, FILE *out);

#endif
