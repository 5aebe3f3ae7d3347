/* The command line of sluiced: from the arguments to a checked configuration. */
#ifndef SLUICE_TOOLS_ARGUMENTS_H
#define SLUICE_TOOLS_ARGUMENTS_H

#include "tools/sluiced/config.h"

enum arguments_outcome {
    ARGUMENTS_RUN,  /* config is complete and checked: serve */
    ARGUMENTS_DONE, /* what was asked for has been printed: exit 0 */
    ARGUMENTS_BAD,  /* the reasons have been printed: exit 2 */
};

/* Reads the configuration file, if one is named, and the command line into an initialised config, checks
 * everything and replaces 0 = auto. Prints what was asked for to out, problems to messages as
 * "FILE:LINE: reason" or "sluiced: --option: reason". Raises the soft RLIMIT_NOFILE to the hard one. */
enum arguments_outcome arguments_read(struct daemon_config *config, int argc, char *const *argv, FILE *out,
                                      FILE *messages);

#endif
