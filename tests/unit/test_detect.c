/* Protocol detection: what decides, after which byte, and that more bytes never change a decision. */
#include "proto/detect.h"

#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One conversation's beginning, and the number of bytes with which it must be decided: not sooner, not later.
 */
struct opening {
    const char *bytes;
    size_t n;
    enum protocol plain, proxied; /* without and with expect_proxy */
    size_t plain_at, proxied_at;
};

#define SAME(text, protocol, at)                                                                             \
    { text, sizeof(text) - 1, protocol, protocol, at, at }
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static const struct opening openings[] = {
    SAME("SLC1N\0\0\0\0\0\0\0\0\0\0\0", PROTOCOL_SLC1, 4),
    SAME("MCP1J\0\0\0\0\0\0\0\0\0\0\0", PROTOCOL_MCP1, 4),
    SAME("{\"jsonrpc\":\"2.0\"}", PROTOCOL_JSON, 1),
    SAME("[{\"jsonrpc\":\"2.0\"}]", PROTOCOL_JSON, 1),
    SAME(" \t\r\n{}", PROTOCOL_JSON, 5),
    SAME("\r\n[]", PROTOCOL_JSON, 3),
    SAME("\n{}", PROTOCOL_JSON, 2),
    SAME("               {", PROTOCOL_JSON, 16),
    SAME("                {", PROTOCOL_UNKNOWN, 16),
    SAME("GET / HTTP/1.1\r\n", PROTOCOL_HTTP1, 4),
    SAME("\r\n\r\nGET / HTTP/1.1\r\n", PROTOCOL_HTTP1, 8),
    SAME("G / HTTP/1.0\r\n", PROTOCOL_HTTP1, 2),
    SAME("no~such!method_ / HTTP/1.1\r\n", PROTOCOL_HTTP1, 16),
    SAME("no~such!method__ / HTTP/1.1\r\n", PROTOCOL_UNKNOWN, 16),
    SAME("\r\nFOURTEEN-BYTE / HTTP/1.1\r\n", PROTOCOL_HTTP1, 16),
    SAME("\r\nFOURTEEN-BYTES / HTTP/1.1\r\n", PROTOCOL_UNKNOWN, 16),
    SAME("SLC2 / HTTP/1.1\r\n", PROTOCOL_HTTP1, 5),
    SAME("SLC / HTTP/1.1\r\n", PROTOCOL_HTTP1, 4),
    SAME("MCP / HTTP/1.1\r\n", PROTOCOL_HTTP1, 4),
    SAME("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", PROTOCOL_HTTP2, 12),
    SAME("PRI * HTTP/1.1\r\n", PROTOCOL_HTTP1, 12),
    SAME("PRI /x HTTP/1.1\r\n", PROTOCOL_HTTP1, 5),
    SAME("PRINT / HTTP/1.1\r\n", PROTOCOL_HTTP1, 6),
    SAME("\x16\x03\x01\x02\x00\x01\x00", PROTOCOL_TLS, 2),
    SAME("\x16\x04\x01\x02\x00\x01\x00", PROTOCOL_UNKNOWN, 2),
    SAME(" GET / HTTP/1.1\r\n", PROTOCOL_UNKNOWN, 2),
    SAME("\nGET / HTTP/1.1\r\n", PROTOCOL_UNKNOWN, 2),
    SAME("\rGET / HTTP/1.1\r\n", PROTOCOL_UNKNOWN, 2),
    SAME("GET\t/ HTTP/1.1\r\n", PROTOCOL_UNKNOWN, 4),
    SAME("GET\r\n", PROTOCOL_UNKNOWN, 4),
    SAME("\"text\"", PROTOCOL_UNKNOWN, 1),
    SAME("\0\0\0\0", PROTOCOL_UNKNOWN, 1),
    SAME("\xff\xfe", PROTOCOL_UNKNOWN, 1),
    {"PROXY TCP4 192.0.2.1 ", 21, PROTOCOL_HTTP1, PROTOCOL_PROXY1, 6, 6},
    {"PROXIED / HTTP/1.1\r\n", 20, PROTOCOL_HTTP1, PROTOCOL_HTTP1, 8, 8},
    {SIGNATURE "\x21\x11", 14, PROTOCOL_UNKNOWN, PROTOCOL_PROXY2, 5, 12},
    {"\r\n\r\n\0\r\nQUIT ", 12, PROTOCOL_UNKNOWN, PROTOCOL_UNKNOWN, 5, 12},
};

static void check_cuts(const struct opening *o, bool proxy, enum protocol protocol, size_t at) {
    for (size_t n = 0; n <= o->n; n++) {
        /* An own block of exactly n bytes: a read past it shows under AddressSanitizer. */
        char *bytes = malloc(n ? n : 1);
        memcpy(bytes, o->bytes, n);
        enum protocol expected = n < at ? PROTOCOL_NONE : protocol;
        ck_assert_msg(detect_protocol(bytes, n, proxy) == expected, "'%s' at %zu bytes, proxy %d: %s, not %s",
                      o->bytes, n, proxy, protocol_name(detect_protocol(bytes, n, proxy)),
                      protocol_name(expected));
        free(bytes);
    }
}

START_TEST(decides_at_the_right_byte_and_stays_with_it)
{
    check_cuts(&openings[_i], false, openings[_i].plain, openings[_i].plain_at);
    check_cuts(&openings[_i], true, openings[_i].proxied, openings[_i].proxied_at);
}
END_TEST

START_TEST(sixteen_bytes_always_decide)
{
    char bytes[DETECT_MAX + 8];
    static const char fillers[] = {' ', '\n', '\r', 'A', '-', '\t'};
    for (size_t i = 0; i < sizeof(fillers); i++) {
        memset(bytes, fillers[i], sizeof(bytes));
        for (size_t n = DETECT_MAX; n <= sizeof(bytes); n++)
            ck_assert_int_eq(detect_protocol(bytes, n, true), PROTOCOL_UNKNOWN);
    }
}
END_TEST

START_TEST(every_first_byte_is_none_or_final)
{
    for (int first = 0; first < 256; first++) {
        char bytes[2] = {(char)first, ' '};
        enum protocol one = detect_protocol(bytes, 1, false);
        enum protocol two = detect_protocol(bytes, 2, false);
        ck_assert(one == PROTOCOL_NONE || one == two);
    }
}
END_TEST

START_TEST(every_protocol_has_its_name)
{
    static const char *const names[PROTOCOL_COUNT] = {"none",  "slc",   "mcp",   "rpc", "http",
                                                      "proxy", "proxy", "http2", "tls", "unknown"};
    for (int i = 0; i < PROTOCOL_COUNT; i++)
        ck_assert_str_eq(protocol_name((enum protocol)i), names[i]);
    ck_assert_str_eq(protocol_name(PROTOCOL_COUNT), "unknown");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("detect");
    TCase *tests = tcase_create("detect");
    tcase_add_loop_test(tests, decides_at_the_right_byte_and_stays_with_it, 0,
                        sizeof(openings) / sizeof(openings[0]));
    tcase_add_test(tests, sixteen_bytes_always_decide);
    tcase_add_test(tests, every_first_byte_is_none_or_final);
    tcase_add_test(tests, every_protocol_has_its_name);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
