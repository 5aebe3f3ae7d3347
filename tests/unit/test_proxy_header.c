/* The PROXY header: both versions read and written, every cut, everything malformed refused. */
#include "proto/proxy_header.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>

static struct proxy_header header_of(const char *source, const char *destination) {
    struct proxy_header header = {0};
    struct sockaddr_in *from = (void *)&header.source, *to = (void *)&header.destination;
    struct sockaddr_in6 *from6 = (void *)&header.source, *to6 = (void *)&header.destination;
    if (inet_pton(AF_INET, source, &from->sin_addr) == 1) {
        ck_assert_int_eq(inet_pton(AF_INET, destination, &to->sin_addr), 1);
        from->sin_family = to->sin_family = AF_INET;
        from->sin_port = htons(56324);
        to->sin_port = htons(443);
    } else {
        ck_assert_int_eq(inet_pton(AF_INET6, source, &from6->sin6_addr), 1);
        ck_assert_int_eq(inet_pton(AF_INET6, destination, &to6->sin6_addr), 1);
        from6->sin6_family = to6->sin6_family = AF_INET6;
        from6->sin6_port = htons(56324);
        to6->sin6_port = htons(443);
    }
    return header;
}

/* Whole only when the last byte is there; bytes behind it are not looked at. */
static void check_cuts(const char *bytes, size_t n, const struct proxy_header *want) {
    struct proxy_header got;
    char more[PROXY_HEADER_ROOM + 1];
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(proxy_header_decode(bytes, i, &got).kind, VERDICT_MORE);
    memcpy(more, bytes, n);
    more[n] = 'X';
    struct verdict verdict = proxy_header_decode(more, n + 1, &got);
    ck_assert_int_eq(verdict.kind, VERDICT_FRAME);
    ck_assert_uint_eq(verdict.n, n);
    ck_assert_int_eq(got.local, want->local);
    if (!want->local) {
        ck_assert_mem_eq(&got.source, &want->source, sizeof(got.source));
        ck_assert_mem_eq(&got.destination, &want->destination, sizeof(got.destination));
    }
}

START_TEST(version_1)
{
    struct proxy_header header = header_of("192.0.2.1", "198.51.100.1");
    char out[PROXY_HEADER_ROOM];
    size_t n = proxy_header_write1(&header, out);
    ck_assert(span_equal(span_of(out, n), span_text("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n")));
    check_cuts(out, n, &header);
    header = header_of("2001:db8::1", "2001:db8::2");
    n = proxy_header_write1(&header, out);
    ck_assert(span_equal(span_of(out, n), span_text("PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n")));
    check_cuts(out, n, &header);
}
END_TEST

START_TEST(version_2)
{
    static const char four[] =
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb";
    struct proxy_header header = header_of("192.0.2.1", "198.51.100.1");
    char out[PROXY_HEADER_ROOM];
    size_t n = proxy_header_write2(&header, out);
    ck_assert_uint_eq(n, sizeof(four) - 1);
    ck_assert_mem_eq(out, four, n);
    check_cuts(out, n, &header);
    header = header_of("2001:db8::1", "2001:db8::2");
    n = proxy_header_write2(&header, out);
    ck_assert_uint_eq(n, 52);
    check_cuts(out, n, &header);
}
END_TEST

START_TEST(unknown_and_local)
{
    struct proxy_header nobody = {.local = true};
    char out[PROXY_HEADER_ROOM];
    size_t n = proxy_header_write1(&nobody, out);
    ck_assert(span_equal(span_of(out, n), span_text("PROXY UNKNOWN\r\n")));
    check_cuts(out, n, &nobody);
    n = proxy_header_write2(&nobody, out);
    ck_assert_uint_eq(n, 16);
    check_cuts(out, n, &nobody);
    check_cuts("PROXY UNKNOWN ffff:: :: 1 2 whatever\r\n", 38, &nobody);
    static const char unix_peer[] =
        "\r\n\r\n\0\r\nQUIT\n\x21\x31\0\x02xy"; /* a family that says nothing to us */
    check_cuts(unix_peer, sizeof(unix_peer) - 1, &nobody);
}
END_TEST

START_TEST(type_length_values_are_skipped)
{
    static const char with[] =
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10\xc0\0\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb\x04\0\x01z";
    struct proxy_header header = header_of("192.0.2.1", "198.51.100.1");
    check_cuts(with, sizeof(with) - 1, &header);
}
END_TEST

START_TEST(malformed)
{
    static const char *const lines[] = {"GET / HTTP/1.1\r\n",
                                        "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
                                        "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
                                        "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
                                        "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
                                        "PROXY TCP4 ::1 ::1 1 2\r\n",
                                        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
                                        "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
                                        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
                                        "PROXY UNKNOWN\n",
                                        "PROXY UNKNOWN "
                                        "12345678901234567890123456789012345678901234567890123456789012345678"
                                        "90123456789012345678901234567890123456789\r\n"};
    static const char version[] = "\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c",
                      command[] = "\r\n\r\n\0\r\nQUIT\n\x22\x11\0\x0c",
                      length[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\x7f\xff",
                      none[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x02xy",
                      nul[] = "PROXY TCP4 1.2.3.4\0 1.2.3.4 1 2\r\n";
    struct proxy_header header;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        ck_assert_msg(proxy_header_decode(lines[i], strlen(lines[i]), &header).kind == VERDICT_BAD, "%s",
                      lines[i]);
    ck_assert_int_eq(proxy_header_decode(version, sizeof(version) - 1, &header).kind, VERDICT_BAD);
    ck_assert_int_eq(proxy_header_decode(command, sizeof(command) - 1, &header).kind, VERDICT_BAD);
    ck_assert_int_eq(proxy_header_decode(length, sizeof(length) - 1, &header).kind, VERDICT_BAD);
    ck_assert_int_eq(proxy_header_decode(none, sizeof(none) - 1, &header).kind, VERDICT_BAD);
    ck_assert_int_eq(proxy_header_decode(nul, sizeof(nul) - 1, &header).kind, VERDICT_BAD);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("proxy_header");
    TCase *all = tcase_create("proxy_header");
    tcase_add_test(all, version_1);
    tcase_add_test(all, version_2);
    tcase_add_test(all, unknown_and_local);
    tcase_add_test(all, type_length_values_are_skipped);
    tcase_add_test(all, malformed);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
