/* Messages from any thread to the loop, for work on threads that no pool owns.
 *
 *     thread: posts_send(post) -> [ list, under a lock ] -> ev_async -> loop: post->run(post)
 *
 * Senders hold a reference: posts_join() before the first message, posts_leave() after the last. A thread that outlives
 * the loop thus finds the queue closed instead of freed, and keeps what it wanted to send. */
#ifndef SLUICE_REACTOR_POSTS_H
#define SLUICE_REACTOR_POSTS_H

#include <stdbool.h>

struct ev_loop;
struct posts;

/* A member of the sender's struct; the loop owns it from posts_send() until run(). */
struct post {
    struct post *next;
    void (*run)(struct post *post);
};

/* At most max references at once. NULL without memory. */
struct posts *posts_new(struct ev_loop *ev, unsigned max);
/* Loop: runs what has arrived; nothing more is accepted. Freed with the last reference. */
void posts_close(struct posts *posts);
/* Any thread: takes a reference. False: there are too many already. */
bool posts_join(struct posts *posts);
void posts_leave(struct posts *posts);
/* Any thread with a reference. False: the loop has ended; the post is still the caller's. */
bool posts_send(struct posts *posts, struct post *post);

#endif
