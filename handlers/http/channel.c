#include "handlers/http/channel.h"

#include "reactor/container.h"
#include "reactor/posts.h"
#include "reactor/request.h"
#include "reactor/stream.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct channel {
    struct sluice_channel handle; /* first */
    struct body body;             /* the loop's */
    struct request *request; /* the loop's: that the body belongs to; NULL: not a body yet, or no longer */
    struct posts *posts;
    struct post post;

    pthread_mutex_t lock; /* of what follows */
    unsigned holders;
    bool posted, closed, left; /* a post is on its way; no more is written; nobody reads */
    bool waiting;              /* the loop found nothing: it wants a post */
    size_t room, first, used;  /* of the ring: used bytes from first on, wrapping around */
    char bytes[];
};

static struct channel *channel_of(struct sluice_channel *handle) {
    return (struct channel *)(void *)handle;
}

static struct channel *channel_of_body(struct body *body) {
    return CONTAINER_OF(body, struct channel, body);
}

/* Removes a holder; the lock is held on entry and released here. */
static void unlock_and_release(struct channel *channel) {
    bool last = --channel->holders == 0;
    pthread_mutex_unlock(&channel->lock);
    if (!last)
        return;
    posts_leave(channel->posts);
    pthread_mutex_destroy(&channel->lock);
    free(channel);
}

/* On the loop: wakes the stream, which asks again. */
static void deliver(struct post *post) {
    struct channel *channel = CONTAINER_OF(post, struct channel, post);
    if (channel->request && channel->body.stream)
        stream_wake(channel->body.stream);
    pthread_mutex_lock(&channel->lock);
    channel->posted = false;
    unlock_and_release(channel);
}

/* Tells the loop that there is something new, if it is waiting for that; the lock is held. */
static void wake(struct channel *channel) {
    if (!channel->waiting || channel->posted)
        return;
    channel->waiting = false;
    channel->posted = posts_send(channel->posts, &channel->post);
    channel->holders += channel->posted;
}

struct channel *channel_new(struct posts *posts, const struct sluice_api *api, size_t room) {
    struct channel *channel = room < SIZE_MAX - sizeof(*channel) ? malloc(sizeof(*channel) + room) : NULL;
    if (!channel || !posts_join(posts)) {
        free(channel);
        return NULL;
    }
    *channel = (struct channel){
        .handle = {api}, .posts = posts, .post = {.run = deliver}, .holders = 2, .room = room};
    pthread_mutex_init(&channel->lock, NULL);
    return channel;
}

struct sluice_channel *channel_handle(struct channel *channel) {
    return &channel->handle;
}

void channel_leave(struct channel *channel) {
    pthread_mutex_lock(&channel->lock);
    channel->left = true;
    unlock_and_release(channel);
}

/* ---- who writes -------------------------------------------------------------------------------- */

static void put(struct channel *channel, const char *bytes, size_t n) {
    size_t at = (channel->first + channel->used) % channel->room;
    size_t straight = n < channel->room - at ? n : channel->room - at;
    memcpy(channel->bytes + at, bytes, straight);
    memcpy(channel->bytes, bytes + straight, n - straight);
    channel->used += n;
}

static int state(const struct channel *channel, size_t size) {
    if (channel->left)
        return SLUICE_CHANNEL_GONE;
    return size > channel->room - channel->used ? SLUICE_CHANNEL_FULL : 0;
}

int channel_write(struct sluice_channel *handle, const void *bytes, size_t size) {
    struct channel *channel = channel_of(handle);
    pthread_mutex_lock(&channel->lock);
    int result = state(channel, size);
    if (result == 0 && size > 0) {
        put(channel, bytes, size);
        wake(channel);
    }
    pthread_mutex_unlock(&channel->lock);
    return result;
}

/* A line of an event, with room for it; counts its bytes, and writes them if channel is not NULL. */
static size_t put_line(struct channel *channel, const char *name, const char *value, size_t n) {
    size_t name_n = strlen(name);
    if (channel) {
        put(channel, name, name_n);
        put(channel, value, n);
        put(channel, "\n", 1);
    }
    return name_n + n + 1;
}

/* The event in the text/event-stream format (WHATWG HTML, 9.2.6); counts or writes as put_line(). */
static size_t put_event(struct channel *channel, const char *id, const char *event, const char *data) {
    size_t total = 0;
    if (id)
        total += put_line(channel, "id: ", id, strcspn(id, "\r\n"));
    if (event)
        total += put_line(channel, "event: ", event, strcspn(event, "\r\n"));
    for (const char *line = data; line;) {
        size_t n = strcspn(line, "\r\n");
        total += put_line(channel, "data: ", line, n);
        const char *end = line + n;
        line = *end ? end + (end[0] == '\r' && end[1] == '\n' ? 2 : 1) : NULL;
    }
    return total + put_line(channel, "", "", 0);
}

int channel_event(struct sluice_channel *handle, const char *id, const char *event, const char *data) {
    struct channel *channel = channel_of(handle);
    size_t size = put_event(NULL, id, event, data);
    pthread_mutex_lock(&channel->lock);
    int result = state(channel, size);
    if (result == 0) {
        put_event(channel, id, event, data);
        wake(channel);
    }
    pthread_mutex_unlock(&channel->lock);
    return result;
}

void channel_close(struct sluice_channel *handle) {
    struct channel *channel = channel_of(handle);
    pthread_mutex_lock(&channel->lock);
    channel->closed = true;
    wake(channel);
    unlock_and_release(channel);
}

/* ---- the loop ---------------------------------------------------------------------------------- */

static void next(struct body *body, struct piece *piece) {
    struct channel *channel = channel_of_body(body);
    pthread_mutex_lock(&channel->lock);
    size_t straight = channel->room - channel->first;
    *piece = (struct piece){.kind = PIECE_BYTES,
                            .p = channel->bytes + channel->first,
                            .n = channel->used < straight ? channel->used : straight};
    if (channel->used == 0)
        piece->kind = channel->closed ? PIECE_END : PIECE_WAIT;
    channel->waiting = piece->kind == PIECE_WAIT;
    pthread_mutex_unlock(&channel->lock);
}

static void sent(struct body *body, size_t n) {
    struct channel *channel = channel_of_body(body);
    pthread_mutex_lock(&channel->lock);
    channel->used -= n;
    channel->first = channel->used ? (channel->first + n) % channel->room : 0;
    pthread_mutex_unlock(&channel->lock);
}

static void end(struct body *body, bool whole) {
    struct channel *channel = channel_of_body(body);
    struct request *request = channel->request;
    channel->request = NULL;
    channel_leave(channel);
    request_body_ended(request, whole);
}

static const struct body_class channel_class = {.next = next, .sent = sent, .end = end};

struct body *channel_body(struct channel *channel, struct request *request) {
    channel->request = request;
    channel->body = (struct body){.class = &channel_class};
    return &channel->body;
}
