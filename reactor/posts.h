/* Notes from any thread to the loop: whoever works for a request on a thread of its own says so this way.
 *
 *     thread: posts_send(post) -> [ list, under a lock ] -> ev_async -> loop: post->run(post)
 *
 * Those who may send hold the box: posts_join() before, posts_leave() after. So a thread that comes after the loop has
 * ended finds a closed box instead of freed memory, and what it wanted to send stays its own. */
#ifndef SLUICE_REACTOR_POSTS_H
#define SLUICE_REACTOR_POSTS_H

#include <stdbool.h>

struct ev_loop;
struct posts;

/* Part of something of the sender's; the loop's from posts_send() until run(). */
struct post {
    struct post *next;
    void (*run)(struct post *post);
};

/* At most max may hold it at once. NULL without memory. */
struct posts *posts_new(struct ev_loop *ev, unsigned max);
/* Loop: runs what has arrived; nothing is taken from now on. Frees the box when the last holder leaves. */
void posts_close(struct posts *posts);
/* Any thread. False: too many hold it already. */
bool posts_join(struct posts *posts);
void posts_leave(struct posts *posts);
/* Any thread that holds it. False: the loop has ended, the post still is the caller's. */
bool posts_send(struct posts *posts, struct post *post);

#endif
