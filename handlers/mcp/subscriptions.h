/* Who wants to hear about which resource.
 *
 *     topic (an object's key) --< subscription >-- subscriber (a session, or a subscriptions/listen)
 *     touched topics wait in a list until subscriptions_tell(): many changes are reported once
 *
 * Bounded: of one subscriber, and in all. */
#ifndef SLUICE_HANDLERS_MCP_SUBSCRIPTIONS_H
#define SLUICE_HANDLERS_MCP_SUBSCRIPTIONS_H

#include "proto/span.h"
#include "reactor/table.h"

#include <sys/queue.h>

#define SUBSCRIPTIONS_EACH 256   /* of one subscriber */
#define SUBSCRIPTIONS_MOST 65536 /* of all */
#define SUBSCRIPTION_URI   4096  /* bytes of a URI: more than that of any object takes */

struct subscription {
    LIST_ENTRY(subscription) of_topic, of_subscriber;
    struct topic *topic; /* NULL: a resource that is not an object, and never changes */
    struct subscriber *subscriber;
    char uri[]; /* as the client wrote it */
};

struct subscriber {
    LIST_HEAD(, subscription) list;
    unsigned count;
    /* The resource has changed. Must not end a subscriber. */
    void (*tell)(struct subscriber *subscriber, const char *uri);
};

struct topic {
    UT_hash_handle hh;
    LIST_HEAD(, subscription) list;
    TAILQ_ENTRY(topic) link; /* of touched ones */
    bool touched;
    size_t n;
    char key[];
};

struct subscriptions {
    struct topic *topics;
    TAILQ_HEAD(, topic) touched;
    unsigned count;
};

void subscriptions_init(struct subscriptions *subscriptions);
void subscriber_init(struct subscriber *subscriber,
                     void (*tell)(struct subscriber *subscriber, const char *uri));
/* Subscribes to a URI. key: of its object; key.p NULL: it is not an object's. 0, also if already subscribed; -ENOBUFS:
 * too many; -ENAMETOOLONG; -ENOMEM. */
int subscriber_add(struct subscriptions *subscriptions, struct subscriber *subscriber, const char *uri,
                   struct span key);
void subscriber_remove(struct subscriptions *subscriptions, struct subscriber *subscriber, const char *uri);
/* Ends all of its subscriptions. */
void subscriber_clear(struct subscriptions *subscriptions, struct subscriber *subscriber);
/* An object has changed; below: every object whose key starts with key. */
void subscriptions_touch(struct subscriptions *subscriptions, struct span key, bool below);
/* Tells subscribers what was touched since the last time. */
void subscriptions_tell(struct subscriptions *subscriptions);

#endif
