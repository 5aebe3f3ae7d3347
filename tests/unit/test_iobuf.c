/* The input buffer: nothing is lost whenever it slides, grows, moves or is given back. */
#include "reactor/iobuf.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

static struct bufpool pool;
static struct iobuf *buf;

static void setup(void) {
    bufpool_init(&pool, IOBUF_USUAL, 4, 4);
    buf = NULL;
}

static void teardown(void) {
    iobuf_drop(&pool, &buf);
    bufpool_free(&pool);
}

static void receive(const char *bytes) {
    size_t n = strlen(bytes);
    ck_assert_int_eq(iobuf_reserve(&pool, &buf, 0), 0);
    ck_assert_uint_le(n, buf->size - buf->received);
    memcpy(buf->data + buf->received, bytes, n);
    buf->received += (uint32_t)n;
}

static void assert_pending(const char *bytes) {
    struct span pending = iobuf_pending(buf);
    ck_assert_uint_eq(pending.n, strlen(bytes));
    ck_assert_int_eq(memcmp(pending.p, bytes, pending.n), 0);
}

START_TEST(an_idle_stream_holds_no_buffer)
{
    receive("whole");
    iobuf_parsed(buf, 5);
    iobuf_settle(&pool, &buf);
    ck_assert_ptr_null(buf);
    ck_assert_uint_eq(pool.lent, 0);
}
END_TEST

START_TEST(a_short_rest_leaves_the_pool)
{
    receive("whole|rest");
    iobuf_parsed(buf, 6);
    iobuf_settle(&pool, &buf);
    ck_assert_uint_eq(pool.lent, 0);
    assert_pending("rest");
    receive(" of it");
    assert_pending("rest of it");
}
END_TEST

START_TEST(bytes_come_one_at_a_time)
{
    char expected[200] = "";
    for (int i = 0; i < 199; i++) {
        char one[2] = {(char)('a' + i % 26), 0};
        receive(one);
        strcat(expected, one);
        iobuf_settle(&pool, &buf);
        assert_pending(expected);
    }
}
END_TEST

START_TEST(a_long_message_grows_the_buffer)
{
    size_t total = 100000;
    receive("start");
    ck_assert_int_eq(iobuf_reserve(&pool, &buf, total), 0);
    ck_assert_uint_ge(buf->size - buf->parsed, total);
    assert_pending("start");
    memset(buf->data + buf->received, 'x', total - 5);
    buf->received += (uint32_t)(total - 5);
    iobuf_parsed(buf, total);
    iobuf_settle(&pool, &buf);
    ck_assert_ptr_null(buf);
    ck_assert_uint_eq(pool.lent, 0);
}
END_TEST

START_TEST(a_full_buffer_slides_over_what_is_done)
{
    receive("parsed");
    iobuf_parsed(buf, 6);
    memset(buf->data + buf->received, 'r', buf->size - buf->received);
    buf->received = buf->size;
    size_t rest = iobuf_pending(buf).n;
    iobuf_settle(&pool, &buf);
    ck_assert_int_eq(iobuf_reserve(&pool, &buf, 0), 0);
    ck_assert_uint_gt(buf->size, buf->received);
    ck_assert_uint_eq(iobuf_pending(buf).n, rest);
    ck_assert_int_eq(iobuf_pending(buf).p[rest - 1], 'r');
}
END_TEST

START_TEST(an_empty_pool_is_an_error_not_a_crash)
{
    struct iobuf *held[4] = {0}, *more = NULL;
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(iobuf_reserve(&pool, &held[i], 0), 0);
    ck_assert_int_eq(iobuf_reserve(&pool, &more, 0), -ENOBUFS);
    ck_assert_ptr_null(more);
    for (int i = 0; i < 4; i++)
        iobuf_drop(&pool, &held[i]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("iobuf");
    TCase *tests = tcase_create("iobuf");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, an_idle_stream_holds_no_buffer);
    tcase_add_test(tests, a_short_rest_leaves_the_pool);
    tcase_add_test(tests, bytes_come_one_at_a_time);
    tcase_add_test(tests, a_long_message_grows_the_buffer);
    tcase_add_test(tests, a_full_buffer_slides_over_what_is_done);
    tcase_add_test(tests, an_empty_pool_is_an_error_not_a_crash);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
