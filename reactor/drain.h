/* Shutting down without losing a reply.
 *
 *     SIGTERM | SIGINT -> [drain_delay] -> listeners accept what waits for them, and close; idle connections close;
 *     late requests are answered SHUTTING_DOWN -> last connection gone: stop
 *                                                 [drain_timeout] -> the rest is cut off: stop
 */
#ifndef SLUICE_REACTOR_DRAIN_H
#define SLUICE_REACTOR_DRAIN_H

struct loop;

/* Watches the signals. */
void drain_init(struct loop *loop);
/* Begins a drain; a second call ends the delay, or cuts off what is left. */
void drain_begin(struct loop *loop);
/* To be called when a connection has ended: stops the loop when it was the last one of a drain. */
void drain_check(struct loop *loop);
/* Stops watching the signals: the loop is about to be freed. */
void drain_stop(struct loop *loop);

#endif
