/* Reads the configuration file (libconfuse) into a daemon_config. */
#ifndef SLUICE_TOOLS_CONFIG_FILE_H
#define SLUICE_TOOLS_CONFIG_FILE_H

#include "tools/sluiced/sections.h"

/* Adds what the file at path says. Values that are refused, and options set twice, are added to problems, and reading
 * goes on. 0; or -errno, with the reason written to problems->out: a syntax error, which ends the reading, as
 * "FILE:LINE: reason", or "sluiced: FILE: reason" if the file cannot be read. */
int config_file_read(struct daemon_config *config, const char *path, struct problems *problems);

#endif
