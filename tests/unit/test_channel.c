/* Channels: bytes and events of other threads, bounded, in order, whole or not at all. */
#include "handlers/http/channel.h"

#include "reactor/posts.h"

#include <check.h>
#include <ev.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

static struct ev_loop *ev;
static struct posts *posts;
static struct channel *channel;
static struct sluice_channel *handle;
static struct body *body;

static void setup(void) {
    ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    posts = posts_new(ev, 8);
    ck_assert_ptr_nonnull(posts);
}

static void teardown(void) {
    posts_close(posts);
    ev_loop_destroy(ev);
}

static void open_channel(size_t room) {
    channel = channel_new(posts, NULL, room);
    ck_assert_ptr_nonnull(channel);
    handle = channel_handle(channel);
    body = channel_body(channel, NULL);
}

static struct piece next(void) {
    struct piece piece;
    body->class->next(body, &piece);
    return piece;
}

/* Takes at most n bytes out; returns how many. */
static size_t take(char *out, size_t n) {
    struct piece piece = next();
    if (piece.kind != PIECE_BYTES)
        return 0;
    size_t some = piece.n < n ? piece.n : n;
    memcpy(out, piece.p, some);
    body->class->sent(body, some);
    return some;
}

static void assert_taken(const char *text) {
    char got[1024];
    size_t n = 0, some;
    while ((some = take(got + n, sizeof(got) - n)))
        n += some;
    got[n] = '\0';
    ck_assert_str_eq(got, text);
}

START_TEST(what_is_written_is_read_and_then_awaited)
{
    open_channel(100);
    ck_assert_int_eq(next().kind, PIECE_WAIT);
    ck_assert_int_eq(channel_write(handle, "abc", 3), 0);
    ck_assert_int_eq(channel_write(handle, "", 0), 0);
    ck_assert_int_eq(channel_write(handle, "def", 3), 0);
    ck_assert_uint_eq(next().n, 6);
    ck_assert_uint_eq(next().n, 6); /* asked again: the same position */
    assert_taken("abcdef");
    ck_assert_int_eq(next().kind, PIECE_WAIT);
    channel_close(handle);
    ck_assert_int_eq(next().kind, PIECE_END);
    channel_leave(channel);
}
END_TEST

START_TEST(the_end_comes_after_what_was_written)
{
    open_channel(100);
    channel_write(handle, "last", 4);
    channel_close(handle);
    assert_taken("last");
    ck_assert_int_eq(next().kind, PIECE_END);
    channel_leave(channel);
}
END_TEST

START_TEST(a_full_channel_takes_nothing_until_there_is_room)
{
    char byte;
    open_channel(8);
    ck_assert_int_eq(channel_write(handle, "123456789", 9), SLUICE_CHANNEL_FULL);
    ck_assert_int_eq(channel_write(handle, "12345678", 8), 0);
    ck_assert_int_eq(channel_write(handle, "9", 1), SLUICE_CHANNEL_FULL);
    ck_assert_uint_eq(take(&byte, 1), 1);
    ck_assert_int_eq(channel_write(handle, "90", 2), SLUICE_CHANNEL_FULL);
    ck_assert_int_eq(channel_write(handle, "9", 1), 0);
    assert_taken("23456789");
    channel_close(handle);
    channel_leave(channel);
}
END_TEST

START_TEST(bytes_go_round_the_end_of_the_ring)
{
    char out[3];
    open_channel(7);
    channel_write(handle, "abcd", 4);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(channel_write(handle, "xyz", 3), 0);
        size_t n = 0;
        while (n < 3)
            n += take(out + n, 3 - n);
        if (i > 1)
            ck_assert_msg(memcmp(out, "zxy", 3) == 0, "round %d", i);
    }
    channel_close(handle);
    channel_leave(channel);
}
END_TEST

START_TEST(writers_are_told_when_the_client_is_gone)
{
    open_channel(100);
    channel_write(handle, "abc", 3);
    channel_leave(channel);
    ck_assert_int_eq(channel_write(handle, "d", 1), SLUICE_CHANNEL_GONE);
    ck_assert_int_eq(channel_event(handle, NULL, NULL, "d"), SLUICE_CHANNEL_GONE);
    channel_close(handle);
}
END_TEST

START_TEST(events_have_the_form_of_the_standard)
{
    open_channel(200);
    ck_assert_int_eq(channel_event(handle, "7", "tick", "one\ntwo\r\nthree\rfour"), 0);
    assert_taken("id: 7\nevent: tick\ndata: one\ndata: two\ndata: three\ndata: four\n\n");
    ck_assert_int_eq(channel_event(handle, NULL, NULL, ""), 0);
    assert_taken("data: \n\n");
    ck_assert_int_eq(channel_event(handle, "1\ndata: forged", NULL, "x"), 0);
    assert_taken("id: 1\ndata: x\n\n");
    channel_close(handle);
    channel_leave(channel);
}
END_TEST

START_TEST(an_event_is_taken_whole_or_not_at_all)
{
    open_channel(strlen("data: 12\n\n"));
    ck_assert_int_eq(channel_event(handle, NULL, NULL, "123"), SLUICE_CHANNEL_FULL);
    ck_assert_int_eq(next().kind, PIECE_WAIT);
    ck_assert_int_eq(channel_event(handle, NULL, NULL, "12"), 0);
    assert_taken("data: 12\n\n");
    channel_close(handle);
    channel_leave(channel);
}
END_TEST

START_TEST(a_channel_without_room_is_always_full)
{
    open_channel(0);
    ck_assert_int_eq(channel_write(handle, "x", 1), SLUICE_CHANNEL_FULL);
    ck_assert_int_eq(channel_write(handle, "", 0), 0);
    ck_assert_int_eq(next().kind, PIECE_WAIT);
    channel_close(handle);
    channel_leave(channel);
}
END_TEST

START_TEST(the_number_of_channels_is_bounded)
{
    struct channel *all[8];
    for (int i = 0; i < 8; i++)
        ck_assert_ptr_nonnull(all[i] = channel_new(posts, NULL, 1));
    ck_assert_ptr_null(channel_new(posts, NULL, 1));
    for (int i = 0; i < 8; i++) {
        channel_close(channel_handle(all[i]));
        channel_leave(all[i]);
    }
}
END_TEST

#define NUMBERS 20000

static void *write_numbers(void *argument) {
    (void)argument;
    for (uint32_t i = 0; i < NUMBERS; i++)
        while (channel_write(handle, &i, sizeof(i)) == SLUICE_CHANNEL_FULL)
            sched_yield();
    channel_close(handle);
    return NULL;
}

START_TEST(a_thread_and_the_loop_share_a_channel)
{
    pthread_t thread;
    uint32_t want = 0, got;
    size_t n = 0;
    open_channel(61); /* no multiple of a number's size */
    ck_assert_int_eq(pthread_create(&thread, NULL, write_numbers, NULL), 0);
    while (next().kind != PIECE_END) {
        ev_run(ev, EVRUN_NOWAIT);
        size_t some = take((char *)&got + n, sizeof(got) - n);
        n = (n + some) % sizeof(got);
        if (some && n == 0)
            ck_assert_uint_eq(got, want++);
        if (!some)
            sched_yield();
    }
    ck_assert_uint_eq(want, NUMBERS);
    pthread_join(thread, NULL);
    ev_run(ev, EVRUN_NOWAIT);
    channel_leave(channel);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("channel");
    TCase *all = tcase_create("channel");
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, what_is_written_is_read_and_then_awaited);
    tcase_add_test(all, the_end_comes_after_what_was_written);
    tcase_add_test(all, a_full_channel_takes_nothing_until_there_is_room);
    tcase_add_test(all, bytes_go_round_the_end_of_the_ring);
    tcase_add_test(all, writers_are_told_when_the_client_is_gone);
    tcase_add_test(all, events_have_the_form_of_the_standard);
    tcase_add_test(all, an_event_is_taken_whole_or_not_at_all);
    tcase_add_test(all, a_channel_without_room_is_always_full);
    tcase_add_test(all, the_number_of_channels_is_bounded);
    tcase_add_test(all, a_thread_and_the_loop_share_a_channel);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
