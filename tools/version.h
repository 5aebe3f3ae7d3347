/* The version of the three programs. */
#ifndef SLUICE_TOOLS_VERSION_H
#define SLUICE_TOOLS_VERSION_H

#define SLUICE_VERSION "0.1.0"

#endif
