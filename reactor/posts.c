#include "reactor/posts.h"

#include <ev.h>
#include <pthread.h>
#include <stdlib.h>

struct posts {
    pthread_mutex_t lock;
    struct post *first, **last; /* the list, oldest first */
    unsigned holders, max;      /* besides the loop */
    bool closed;
    struct ev_loop *ev;
    ev_async async;
};

static void free_posts(struct posts *posts) {
    pthread_mutex_destroy(&posts->lock);
    free(posts);
}

static void run_all(struct posts *posts) {
    pthread_mutex_lock(&posts->lock);
    struct post *post = posts->first;
    posts->first = NULL;
    posts->last = &posts->first;
    pthread_mutex_unlock(&posts->lock);
    while (post) {
        struct post *next = post->next;
        post->run(post);
        post = next;
    }
}

static void on_async(struct ev_loop *ev, ev_async *async, int events) {
    (void)ev, (void)events;
    run_all(async->data);
}

struct posts *posts_new(struct ev_loop *ev, unsigned max) {
    struct posts *posts = calloc(1, sizeof(*posts));
    if (!posts)
        return NULL;
    pthread_mutex_init(&posts->lock, NULL);
    posts->last = &posts->first;
    posts->max = max;
    posts->ev = ev;
    ev_async_init(&posts->async, on_async);
    posts->async.data = posts;
    ev_async_start(ev, &posts->async);
    return posts;
}

void posts_close(struct posts *posts) {
    pthread_mutex_lock(&posts->lock);
    posts->closed = true;
    pthread_mutex_unlock(&posts->lock);
    ev_async_stop(posts->ev, &posts->async);
    run_all(posts);
    pthread_mutex_lock(&posts->lock);
    posts->ev = NULL;
    bool alone = posts->holders == 0;
    pthread_mutex_unlock(&posts->lock);
    if (alone)
        free_posts(posts);
}

bool posts_join(struct posts *posts) {
    pthread_mutex_lock(&posts->lock);
    bool room = posts->holders < posts->max;
    posts->holders += room;
    pthread_mutex_unlock(&posts->lock);
    return room;
}

void posts_leave(struct posts *posts) {
    pthread_mutex_lock(&posts->lock);
    posts->holders--;
    bool last = posts->holders == 0 && !posts->ev;
    pthread_mutex_unlock(&posts->lock);
    if (last)
        free_posts(posts);
}

bool posts_send(struct posts *posts, struct post *post) {
    pthread_mutex_lock(&posts->lock);
    bool open = !posts->closed, wake = open && !posts->first;
    if (open) {
        post->next = NULL;
        *posts->last = post;
        posts->last = &post->next;
    }
    if (wake)
        ev_async_send(posts->ev, &posts->async);
    pthread_mutex_unlock(&posts->lock);
    return open;
}
