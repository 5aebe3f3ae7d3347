#include "handlers/mcp/subscriptions.h"

#include <errno.h>
#include <stdlib.h>

void subscriptions_init(struct subscriptions *subscriptions) {
    *subscriptions = (struct subscriptions){0};
    TAILQ_INIT(&subscriptions->touched);
}

void subscriber_init(struct subscriber *subscriber,
                     void (*tell)(struct subscriber *subscriber, const char *uri)) {
    *subscriber = (struct subscriber){.tell = tell};
    LIST_INIT(&subscriber->list);
}

static struct subscription *find(const struct subscriber *subscriber, const char *uri) {
    struct subscription *subscription;
    LIST_FOREACH (subscription, &subscriber->list, of_subscriber) {
        if (strcmp(subscription->uri, uri) == 0)
            return subscription;
    }
    return NULL;
}

/* The topic of a key, made if there is none; NULL without memory. */
static struct topic *topic_of(struct subscriptions *subscriptions, struct span key) {
    struct topic *topic;
    HASH_FIND(hh, subscriptions->topics, key.p, key.n, topic);
    if (topic || !(topic = calloc(1, sizeof(*topic) + key.n)))
        return topic;
    LIST_INIT(&topic->list);
    topic->n = key.n;
    memcpy(topic->key, key.p, key.n);
    HASH_ADD_KEYPTR(hh, subscriptions->topics, topic->key, topic->n, topic);
    if (TABLE_HAS(topic))
        return topic;
    free(topic);
    return NULL;
}

static void untouch(struct subscriptions *subscriptions, struct topic *topic) {
    if (topic->touched)
        TAILQ_REMOVE(&subscriptions->touched, topic, link);
    topic->touched = false;
}

static void leave(struct subscriptions *subscriptions, struct topic *topic) {
    if (!topic || !LIST_EMPTY(&topic->list))
        return;
    untouch(subscriptions, topic);
    HASH_DEL(subscriptions->topics, topic);
    free(topic);
}

int subscriber_add(struct subscriptions *subscriptions, struct subscriber *subscriber, const char *uri,
                   struct span key) {
    if (strlen(uri) > SUBSCRIPTION_URI)
        return -ENAMETOOLONG;
    if (find(subscriber, uri))
        return 0;
    if (subscriber->count >= SUBSCRIPTIONS_EACH || subscriptions->count >= SUBSCRIPTIONS_MOST)
        return -ENOBUFS;
    struct subscription *subscription = malloc(sizeof(*subscription) + strlen(uri) + 1);
    struct topic *topic = subscription && key.p ? topic_of(subscriptions, key) : NULL;
    if (!subscription || (key.p && !topic)) {
        free(subscription);
        return -ENOMEM;
    }
    subscription->topic = topic;
    subscription->subscriber = subscriber;
    strcpy(subscription->uri, uri);
    LIST_INSERT_HEAD(&subscriber->list, subscription, of_subscriber);
    if (topic)
        LIST_INSERT_HEAD(&topic->list, subscription, of_topic);
    subscriber->count++;
    subscriptions->count++;
    return 0;
}

static void end(struct subscriptions *subscriptions, struct subscription *subscription) {
    LIST_REMOVE(subscription, of_subscriber);
    if (subscription->topic)
        LIST_REMOVE(subscription, of_topic);
    leave(subscriptions, subscription->topic);
    subscription->subscriber->count--;
    subscriptions->count--;
    free(subscription);
}

void subscriber_remove(struct subscriptions *subscriptions, struct subscriber *subscriber, const char *uri) {
    struct subscription *subscription = find(subscriber, uri);
    if (subscription)
        end(subscriptions, subscription);
}

void subscriber_clear(struct subscriptions *subscriptions, struct subscriber *subscriber) {
    struct subscription *subscription;
    while ((subscription = LIST_FIRST(&subscriber->list)))
        end(subscriptions, subscription);
}

static void touch(struct subscriptions *subscriptions, struct topic *topic) {
    if (!topic || topic->touched)
        return;
    topic->touched = true;
    TAILQ_INSERT_TAIL(&subscriptions->touched, topic, link);
}

void subscriptions_touch(struct subscriptions *subscriptions, struct span key, bool below) {
    struct topic *topic, *next;
    if (!below) {
        HASH_FIND(hh, subscriptions->topics, key.p, key.n, topic);
        touch(subscriptions, topic);
        return;
    }
    HASH_ITER(hh, subscriptions->topics, topic, next) {
        if (topic->n >= key.n && memcmp(topic->key, key.p, key.n) == 0)
            touch(subscriptions, topic);
    }
}

void subscriptions_tell(struct subscriptions *subscriptions) {
    struct topic *topic;
    const struct subscription *subscription;
    while ((topic = TAILQ_FIRST(&subscriptions->touched))) {
        untouch(subscriptions, topic);
        LIST_FOREACH (subscription, &topic->list, of_topic)
            subscription->subscriber->tell(subscription->subscriber, subscription->uri);
    }
}
