/* Picks the server of an upstream that gets a request.
 *
 *     endpoints -> usable, and not tried by this request before -> those with room -> balance.c | hashring.c -> one
 *                  (if there are none: backups; then those tried;  '-> all are full -> the queue
 *                   then those ejected)
 */
#ifndef SLUICE_HANDLERS_GATEWAY_UPSTREAM_PICK_H
#define SLUICE_HANDLERS_GATEWAY_UPSTREAM_PICK_H

struct endpoint;
struct checkout;
struct upstream;

enum upstream_answer {
    UPSTREAM_PICKED,
    UPSTREAM_FULL, /* all usable servers are at max_connections, or the first look-up is in progress: wait */
    UPSTREAM_DOWN, /* no server is usable */
};

/* The server for a checkout, if possible one that it has not tried. FULL: if only idle connections are in the way, one
 * of them is closed. */
enum upstream_answer upstream_pick(struct upstream *upstream, const struct checkout *checkout,
                                   struct endpoint **out);

#endif
