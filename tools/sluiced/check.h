/* Checks a configuration as a whole and shows what it means (--check). */
#ifndef SLUICE_TOOLS_CHECK_H
#define SLUICE_TOOLS_CHECK_H

#include "tools/sluiced/config.h"

/* Writes every problem to messages, a line each with its place; returns how many there are. */
unsigned check_config(const struct daemon_config *config, FILE *messages);
/* The same for files and directories that a start could not open now. */
unsigned check_files(const struct daemon_config *config, FILE *messages);
/* Replaces 0 = auto under a limit of nofile descriptors (config_resolve), and the same for what is known then. */
unsigned check_resolved(struct daemon_config *config, long nofile, FILE *messages);
/* Prints a resolved configuration as a file that means the same, with its consequences as comments. secrets false:
 * three stars stand for the values of SETTING_SECRETS. */
void check_print(const struct daemon_config *config, long nofile, bool secrets, FILE *out);

#endif
