/* Reads the configuration file (libconfuse) into a daemon_config. */
#ifndef SLUICE_TOOLS_CONFIG_FILE_H
#define SLUICE_TOOLS_CONFIG_FILE_H

#include "tools/sluiced/config.h"

/* Adds what the file at path says. 0, or -errno after the first problem was written to messages: as
 * "FILE:LINE: reason", or "sluiced: FILE: reason" if the file cannot be read. */
int config_file_read(struct daemon_config *config, const char *path, FILE *messages);

#endif
