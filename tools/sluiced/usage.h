/* What sluiced says about itself: help, version, and the table of options for the documentation. */
#ifndef SLUICE_TOOLS_USAGE_H
#define SLUICE_TOOLS_USAGE_H

#include <stdio.h>

void usage_print_help(FILE *out);
void usage_print_version(FILE *out);
/* All options and sections as Markdown tables (docs/options.md has them). */
void usage_print_options(FILE *out);

#endif
