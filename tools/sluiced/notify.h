/* Telling a service manager how far we are (sd_notify(3)), without a library. */
#ifndef SLUICE_TOOLS_NOTIFY_H
#define SLUICE_TOOLS_NOTIFY_H

/* Sends state, like "READY=1", to the socket that $NOTIFY_SOCKET names; nothing without one. A manager that cannot be
 * reached has a time limit of its own. */
void notify_manager(const char *state);

#endif
