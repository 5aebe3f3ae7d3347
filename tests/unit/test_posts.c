/* Posts: notes of other threads reach the loop, each once and in order, and nobody is hurt after its end. */
#include "reactor/posts.h"

#include <check.h>
#include <ev.h>
#include <pthread.h>
#include <stdlib.h>

#define THREADS 4
#define EACH    5000

static struct ev_loop *ev;
static struct posts *posts;
static unsigned ran;

struct note {
    struct post post; /* first */
    unsigned number;
};

static void setup(void) {
    ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    ck_assert_ptr_nonnull(ev);
    posts = posts_new(ev, THREADS);
    ck_assert_ptr_nonnull(posts);
    ran = 0;
}

static void teardown(void) {
    if (posts)
        posts_close(posts);
    ev_loop_destroy(ev);
}

static void close_now(void) {
    posts_close(posts);
    posts = NULL;
}

static void in_order(struct post *post) {
    ck_assert_uint_eq(((struct note *)(void *)post)->number, ran);
    ran++;
}

START_TEST(posts_run_in_order_on_the_loop)
{
    struct note notes[3];
    for (unsigned i = 0; i < 3; i++) {
        notes[i] = (struct note){{.run = in_order}, i};
        ck_assert(posts_send(posts, &notes[i].post));
    }
    ck_assert_uint_eq(ran, 0);
    ev_run(ev, EVRUN_ONCE);
    ck_assert_uint_eq(ran, 3);
}
END_TEST

static struct note again;

static void send_again(struct post *post) {
    if (++ran < 5)
        posts_send(posts, post);
}

START_TEST(a_post_may_be_sent_again_while_it_runs)
{
    again.post.run = send_again;
    posts_send(posts, &again.post);
    while (ran < 5)
        ev_run(ev, EVRUN_ONCE);
    ck_assert_uint_eq(ran, 5);
}
END_TEST

static void count(struct post *post) {
    ran++;
    free(post);
}

static void *send_many(void *argument) {
    (void)argument;
    for (int i = 0; i < EACH; i++) {
        struct post *post = malloc(sizeof(*post));
        post->run = count;
        posts_send(posts, post);
    }
    posts_leave(posts);
    return NULL;
}

START_TEST(no_post_of_any_thread_is_lost)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        ck_assert(posts_join(posts));
        ck_assert_int_eq(pthread_create(&threads[i], NULL, send_many, NULL), 0);
    }
    while (ran < THREADS * EACH)
        ev_run(ev, EVRUN_ONCE);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(ran, THREADS * EACH);
}
END_TEST

START_TEST(what_arrived_before_the_end_is_run)
{
    struct note note = {{.run = in_order}, 0};
    posts_send(posts, &note.post);
    close_now();
    ck_assert_uint_eq(ran, 1);
}
END_TEST

START_TEST(who_comes_after_the_end_keeps_the_post)
{
    struct note note = {{.run = in_order}, 0};
    struct posts *held = posts;
    ck_assert(posts_join(held));
    close_now();
    ck_assert(!posts_send(held, &note.post));
    posts_leave(held);
    ck_assert_uint_eq(ran, 0);
}
END_TEST

START_TEST(holders_are_bounded)
{
    for (int i = 0; i < THREADS; i++)
        ck_assert(posts_join(posts));
    ck_assert(!posts_join(posts));
    posts_leave(posts);
    ck_assert(posts_join(posts));
    for (int i = 0; i < THREADS; i++)
        posts_leave(posts);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("posts");
    TCase *all = tcase_create("posts");
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, posts_run_in_order_on_the_loop);
    tcase_add_test(all, a_post_may_be_sent_again_while_it_runs);
    tcase_add_test(all, no_post_of_any_thread_is_lost);
    tcase_add_test(all, what_arrived_before_the_end_is_run);
    tcase_add_test(all, who_comes_after_the_end_keeps_the_post);
    tcase_add_test(all, holders_are_bounded);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
