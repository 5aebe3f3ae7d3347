/* What the tests of the reactor share: a loop without handlers, a Unix listener, clients of it, and turns. */
#ifndef SLUICE_TESTS_UNIT_LOOP_RIG_H
#define SLUICE_TESTS_UNIT_LOOP_RIG_H

#include "reactor/conn.h"
#include "reactor/loop.h"

struct loop_rig {
    struct loop loop;
    struct reactor_settings settings;
    struct offload_settings offload;
    struct listen_settings listen;
    char address[64], why[256];
};

/* Settings that a test may change before loop_rig_start(). */
void loop_rig_setup(struct loop_rig *rig);
/* Starts the loop, with the object protocol's front end but no operations, and the listener. */
void loop_rig_start(struct loop_rig *rig);
/* Ends connections and loop; whatever is not given back fails an assertion there. */
void loop_rig_teardown(struct loop_rig *rig);
/* A client's socket; *conn: the server's side of it, accepted. */
int loop_rig_connect(struct loop_rig *rig, struct conn **conn);
/* One turn that does not sleep. */
void loop_rig_turn(struct loop_rig *rig);
/* Turns, asleep in between, until the socket has n bytes for its client (or an end of file), which are taken. */
void loop_rig_receive(struct loop_rig *rig, int client, void *bytes, size_t n);
/* Sends a frame of the object protocol to the server, and lets it take it. */
void loop_rig_send(struct loop_rig *rig, int client, char op, const char *payload);

#endif
