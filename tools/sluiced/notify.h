/* Notifies a service manager of our state (sd_notify(3)), without a library. */
#ifndef SLUICE_TOOLS_NOTIFY_H
#define SLUICE_TOOLS_NOTIFY_H

/* Sends state, like "READY=1", to the socket that $NOTIFY_SOCKET names, if there is one. Failures are ignored: a
 * manager that cannot be reached has a timeout of its own. */
void notify_manager(const char *state);

#endif
