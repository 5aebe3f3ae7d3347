/* Clients as the limits see them: counted, remembered as long as needed, and metered. */
#include "reactor/peers.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* The table's memory comes from malloc(3), which is ours here; the sanitizers have one of their own. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define OWN_MALLOC 1
extern void *__libc_malloc(size_t size);
static bool starved;

void *malloc(size_t size) {
    return starved ? NULL : __libc_malloc(size);
}
#else
#define OWN_MALLOC 0
static bool starved;
#endif

static struct peer_key key_v4(const char *text) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct peer_key key;
    inet_pton(AF_INET, text, &address.sin_addr);
    ck_assert_int_eq(peer_key_of(-1, (struct sockaddr *)&address, &key), 0);
    return key;
}

static struct peer_key key_v6(const char *text) {
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    struct peer_key key;
    inet_pton(AF_INET6, text, &address.sin6_addr);
    ck_assert_int_eq(peer_key_of(-1, (struct sockaddr *)&address, &key), 0);
    return key;
}

static int same(struct peer_key a, struct peer_key b) {
    return memcmp(&a, &b, sizeof(a)) == 0;
}

START_TEST(an_ipv6_client_is_its_64_bit_network)
{
    ck_assert(same(key_v6("2001:db8:1:2::1"), key_v6("2001:db8:1:2:ffff::9")));
    ck_assert(!same(key_v6("2001:db8:1:2::1"), key_v6("2001:db8:1:3::1")));
}
END_TEST

START_TEST(mapped_ipv4_is_ipv4)
{
    ck_assert(same(key_v6("::ffff:10.0.0.1"), key_v4("10.0.0.1")));
    ck_assert(!same(key_v4("10.0.0.1"), key_v4("10.0.0.2")));
}
END_TEST

START_TEST(a_unix_client_is_its_uid)
{
    int ends[2];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct peer_key key;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ck_assert_int_eq(peer_key_of(ends[0], (struct sockaddr *)&address, &key), 0);
    ck_assert_uint_eq(key.uid, getuid());
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(connections_of_a_client_are_counted_together)
{
    struct peers peers;
    struct peer_key key = key_v4("10.0.0.1"), other = key_v4("10.0.0.2");
    peers_init(&peers, false);
    struct peer *first = peers_join(&peers, &key), *second = peers_join(&peers, &key);
    struct peer *third = peers_join(&peers, &other);
    ck_assert_ptr_eq(first, second);
    ck_assert_ptr_ne(first, third);
    ck_assert_uint_eq(first->connections, 2);
    peers_leave(&peers, first);
    ck_assert_ptr_nonnull(peers_find(&peers, &key));
    peers_leave(&peers, second);
    ck_assert_ptr_null(peers_find(&peers, &key));
    peers_leave(&peers, third);
    peers_free(&peers);
}
END_TEST

START_TEST(reconnecting_does_not_refill_the_bucket)
{
    struct peers peers;
    struct peer_key key = key_v4("10.0.0.1");
    peers_init(&peers, true);
    struct peer *peer = peers_join(&peers, &key);
    ck_assert(bucket_take(&peer->rate, 1, 1, 100));
    peers_leave(&peers, peer);
    peer = peers_join(&peers, &key);
    ck_assert(!bucket_take(&peer->rate, 1, 1, 100.5));
    peers_leave(&peers, peer);
    peers_free(&peers);
}
END_TEST

START_TEST(the_table_of_idle_clients_is_bounded)
{
    struct peers peers;
    peers_init(&peers, true);
    for (unsigned i = 0; i < 20000; i++) {
        struct peer_key key = {.family = AF_UNIX, .uid = i};
        peers_leave(&peers, peers_join(&peers, &key));
    }
    ck_assert_uint_le(HASH_COUNT(peers.table), 4096);
    struct peer_key last = {.family = AF_UNIX, .uid = 19999}, first = {.family = AF_UNIX, .uid = 0};
    ck_assert_ptr_nonnull(peers_find(&peers, &last));
    ck_assert_ptr_null(peers_find(&peers, &first));
    peers_free(&peers);
}
END_TEST

START_TEST(a_bucket_gives_its_burst_then_its_rate)
{
    struct bucket bucket = {0};
    for (int i = 0; i < 5; i++)
        ck_assert(bucket_take(&bucket, 10, 5, 1000));
    ck_assert(!bucket_take(&bucket, 10, 5, 1000));
    ck_assert(bucket_take(&bucket, 10, 5, 1000.125));
    ck_assert(!bucket_take(&bucket, 10, 5, 1000.125));
    ck_assert(bucket_take(&bucket, 10, 5, 2000));
    for (int i = 0; i < 4; i++)
        ck_assert(bucket_take(&bucket, 10, 5, 2000));
    ck_assert(!bucket_take(&bucket, 10, 5, 2000));
}
END_TEST

START_TEST(without_memory_for_the_table_one_client_is_refused)
{
    struct peers peers;
    struct peer_key key = key_v4("10.0.0.1");
    peers_init(&peers, false);
    starved = true;
    struct peer *refused = peers_join(&peers, &key);
    starved = false;
    ck_assert_ptr_null(refused);
    ck_assert_ptr_null(peers_find(&peers, &key));
    ck_assert_ptr_nonnull(peers_join(&peers, &key));
    peers_free(&peers);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("peers");
    TCase *tests = tcase_create("peers");
    tcase_add_test(tests, an_ipv6_client_is_its_64_bit_network);
    tcase_add_test(tests, mapped_ipv4_is_ipv4);
    tcase_add_test(tests, a_unix_client_is_its_uid);
    tcase_add_test(tests, connections_of_a_client_are_counted_together);
    tcase_add_test(tests, reconnecting_does_not_refill_the_bucket);
    tcase_add_test(tests, the_table_of_idle_clients_is_bounded);
    tcase_add_test(tests, a_bucket_gives_its_burst_then_its_rate);
    if (OWN_MALLOC)
        tcase_add_test(tests, without_memory_for_the_table_one_client_is_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
