/* Addresses: text to struct, struct to text, and to and from the kernel's form. */
#include "proto/address.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME63 "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz0123456789"

static const struct {
    const char *text;
    enum address_kind kind;
    const char *host_or_path;
    unsigned port;
} good[] = {
    {"unix:/run/sluice.sock", ADDRESS_UNIX, "/run/sluice.sock", 0},
    {"unix:/with space:and:colons", ADDRESS_UNIX, "/with space:and:colons", 0},
    {"unix:/ümlaut", ADDRESS_UNIX, "/ümlaut", 0},
    {"unix:@name", ADDRESS_UNIX, "@name", 0},
    {"unixgram:/run/log", ADDRESS_UNIXGRAM, "/run/log", 0},
    {"tcp:127.0.0.1:7080", ADDRESS_TCP, "127.0.0.1", 7080},
    {"tcp:[::1]:7080", ADDRESS_TCP, "::1", 7080},
    {"tcp:[fe80::1%eth0]:1", ADDRESS_TCP, "fe80::1%eth0", 1},
    {"tcp:*:0", ADDRESS_TCP, "*", 0},
    {"tcp:localhost:65535", ADDRESS_TCP, "localhost", 65535},
    {"tcp:a_b.example-1.org:80", ADDRESS_TCP, "a_b.example-1.org", 80},
    {"tcp:" NAME63 "." NAME63 "." NAME63 ".x:80", ADDRESS_TCP, NAME63 "." NAME63 "." NAME63 ".x", 80},
    {"udp:[::]:53", ADDRESS_UDP, "::", 53},
    {"udp:10.0.0.1:8125", ADDRESS_UDP, "10.0.0.1", 8125},
};

START_TEST(parses_and_prints_back)
{
    struct address address;
    char text[ADDRESS_TEXT];
    const char *reason = address_parse(span_text(good[_i].text), &address);
    ck_assert_msg(reason == NULL, "%s: %s", good[_i].text, reason);
    bool local = address.kind == ADDRESS_UNIX || address.kind == ADDRESS_UNIXGRAM;
    ck_assert_int_eq(address.kind, good[_i].kind);
    ck_assert_str_eq(local ? address.path : address.host, good[_i].host_or_path);
    ck_assert_str_eq(local ? address.host : address.path, "");
    ck_assert_uint_eq(address.port, good[_i].port);
    ck_assert_uint_eq(address_print(&address, text, sizeof(text)), strlen(good[_i].text));
    ck_assert_str_eq(text, good[_i].text);
}
END_TEST

static const struct {
    const char *text, *word; /* of the reason */
} bad[] = {
    {"", "like unix:"},
    {"unix", "like unix:"},
    {"/run/x.sock", "like unix:"},
    {"127.0.0.1:80", "like unix:"},
    {"http:localhost:80", "like unix:"},
    {"TCP:localhost:80", "like unix:"},
    {"unix:", "path"},
    {"unix:/", "path"},
    {"unix:@", "path"},
    {"unix:relative.sock", "path"},
    {"unixgram:@abstract", "path"},
    {"unix:/new\nline", "control"},
    {"unix:/latin1-\xfc.sock", "UTF-8"},
    {"unix:/cut-\xc3", "UTF-8"},
    {"tcp:", "HOST:PORT"},
    {"tcp:80", "HOST:PORT"},
    {"tcp:localhost", "HOST:PORT"},
    {"tcp::80", "host name"},
    {"tcp:::1:80", "brackets"},
    {"tcp:::80", "brackets"},
    {"tcp:[::1]", "HOST:PORT"},
    {"tcp:[::1]80", "HOST:PORT"},
    {"tcp:[]:80", "IPv6"},
    {"tcp:[127.0.0.1]:80", "IPv6"},
    {"tcp:[::1:80", "HOST:PORT"},
    {"tcp:[::1%]:80", "IPv6"},
    {"tcp:[::g]:80", "IPv6"},
    {"tcp:[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa]:80", "IPv6"},
    {"tcp:**:80", "host name"},
    {"tcp:a b:80", "host name"},
    {"tcp:a/b:80", "host name"},
    {"tcp:" NAME63 "." NAME63 "." NAME63 "." NAME63 "x:80", "253"},
    {"tcp:localhost:", "port"},
    {"tcp:localhost:-1", "port"},
    {"tcp:localhost:65536", "port"},
    {"tcp:localhost:123456", "port"},
    {"tcp:localhost:80a", "port"},
    {"tcp:localhost: 80", "port"},
};

START_TEST(bad_addresses_have_a_reason)
{
    struct address address;
    const char *reason = address_parse(span_text(bad[_i].text), &address);
    ck_assert_msg(reason != NULL, "%s was accepted", bad[_i].text);
    ck_assert_msg(strstr(reason, bad[_i].word), "%s: %s", bad[_i].text, reason);
}
END_TEST

START_TEST(a_nul_in_the_text_is_refused)
{
    struct address address;
    ck_assert_ptr_nonnull(address_parse(span_of("unix:/a\0b", 9), &address));
    ck_assert_ptr_nonnull(address_parse(span_of("tcp:a\0b:80", 10), &address));
}
END_TEST

START_TEST(every_cut_is_read_within_its_bounds)
{
    static const char *const texts[] = {"tcp:[fe80::1%eth0]:7080", "unixgram:/run/log", "udp:*:53"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (size_t n = 0; n <= strlen(texts[i]); n++) {
            struct address address;
            char *copy = malloc(n ? n : 1);
            memcpy(copy, texts[i], n);
            if (n == strlen(texts[i]))
                ck_assert_ptr_null(address_parse(span_of(copy, n), &address));
            else if (address_parse(span_of(copy, n), &address) == NULL)
                ck_assert_uint_gt(n, 6);
            free(copy);
        }
    }
}
END_TEST

/* Parses "unix:" + first + n times 'p'. */
static const char *parse_long_path(char first, size_t n, struct address *out) {
    char text[256] = "unix:";
    text[5] = first;
    memset(text + 6, 'p', n);
    return address_parse(span_of(text, 6 + n), out);
}

START_TEST(the_longest_paths_bind)
{
    struct address address, again;
    struct sockaddr_storage socket_address;
    socklen_t length;
    ck_assert_ptr_null(parse_long_path('/', 106, &address));
    ck_assert_int_eq(address_socket(&address, &socket_address, &length), 0);
    ck_assert_uint_eq(length, sizeof(struct sockaddr_un));
    ck_assert_ptr_nonnull(parse_long_path('/', 107, &address));

    ck_assert_ptr_null(parse_long_path('@', 107, &address));
    ck_assert_int_eq(address_socket(&address, &socket_address, &length), 0);
    ck_assert_uint_eq(length, sizeof(struct sockaddr_un));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&socket_address, length), 0);
    length = sizeof(socket_address);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&socket_address, &length), 0);
    ck_assert_int_eq(address_of_socket(&socket_address, length, false, &again), 0);
    ck_assert_mem_eq(&again, &address, sizeof(address));
    ck_assert_ptr_nonnull(parse_long_path('@', 108, &address));
    close(fd);
}
END_TEST

START_TEST(numeric_hosts_become_socket_addresses_and_back)
{
    static const struct {
        const char *text;
        int family;
        const char *back;
    } rows[] = {
        {"tcp:127.0.0.1:7080", AF_INET, "tcp:127.0.0.1:7080"},
        {"udp:10.1.2.3:1", AF_INET, "udp:10.1.2.3:1"},
        {"tcp:[::1]:7080", AF_INET6, "tcp:[::1]:7080"},
        {"tcp:*:443", AF_INET6, "tcp:[::]:443"},
        {"udp:*:443", AF_INET6, "udp:[::]:443"},
        {"tcp:[::ffff:1.2.3.4]:5", AF_INET6, "tcp:1.2.3.4:5"},
        {"unix:/a", AF_UNIX, "unix:/a"},
        {"unix:@a", AF_UNIX, "unix:@a"},
        {"unixgram:/a", AF_UNIX, "unixgram:/a"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address address, again;
        struct sockaddr_storage socket_address;
        socklen_t length;
        char text[ADDRESS_TEXT];
        ck_assert_ptr_null(address_parse(span_text(rows[i].text), &address));
        ck_assert_int_eq(address_socket(&address, &socket_address, &length), 0);
        ck_assert_int_eq(socket_address.ss_family, rows[i].family);
        bool datagram = address.kind == ADDRESS_UDP || address.kind == ADDRESS_UNIXGRAM;
        ck_assert_int_eq(address_of_socket(&socket_address, length, datagram, &again), 0);
        address_print(&again, text, sizeof(text));
        ck_assert_str_eq(text, rows[i].back);
    }
}
END_TEST

START_TEST(socket_addresses_are_in_network_order)
{
    struct address address;
    struct sockaddr_storage storage;
    socklen_t length;
    ck_assert_ptr_null(address_parse(span_text("tcp:1.2.3.4:258"), &address));
    ck_assert_int_eq(address_socket(&address, &storage, &length), 0);
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&storage;
    ck_assert_uint_eq(length, sizeof(*v4));
    ck_assert_mem_eq(&v4->sin_port, "\1\2", 2);
    ck_assert_mem_eq(&v4->sin_addr, "\1\2\3\4", 4);
}
END_TEST

START_TEST(names_and_zones_need_resolving)
{
    static const char *const texts[] = {"tcp:localhost:80", "tcp:1.2.3:80", "tcp:[fe80::1%2]:80"};
    for (size_t i = 0; i < 3; i++) {
        struct address address;
        struct sockaddr_storage socket_address;
        socklen_t length;
        ck_assert_ptr_null(address_parse(span_text(texts[i]), &address));
        ck_assert_int_eq(address_socket(&address, &socket_address, &length), -EINVAL);
    }
}
END_TEST

START_TEST(unbound_and_foreign_peers)
{
    struct address address;
    struct sockaddr_storage from = {.ss_family = AF_UNIX};
    ck_assert_int_eq(address_of_socket(&from, sizeof(sa_family_t), false, &address), 0);
    ck_assert_str_eq(address.path, "");
    memcpy(((struct sockaddr_un *)&from)->sun_path, "\0a\0\n", 4);
    ck_assert_int_eq(address_of_socket(&from, offsetof(struct sockaddr_un, sun_path) + 4, false, &address),
                     0);
    ck_assert_str_eq(address.path, "@a??");
    from.ss_family = AF_NETLINK;
    ck_assert_int_eq(address_of_socket(&from, sizeof(from), false, &address), -EAFNOSUPPORT);
}
END_TEST

START_TEST(printing_is_cut_to_size)
{
    struct address address;
    char text[8] = "xxxxxxx";
    ck_assert_ptr_null(address_parse(span_text("tcp:[::1]:7080"), &address));
    ck_assert_uint_eq(address_print(&address, text, sizeof(text)), 14);
    ck_assert_str_eq(text, "tcp:[::");
    struct address longest = {.kind = ADDRESS_UDP, .port = 65535};
    memset(longest.host, ':', sizeof(longest.host) - 1);
    ck_assert_uint_lt(address_print(&longest, text, sizeof(text)), ADDRESS_TEXT);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("address");
    TCase *tests = tcase_create("address");
    tcase_add_loop_test(tests, parses_and_prints_back, 0, sizeof(good) / sizeof(good[0]));
    tcase_add_loop_test(tests, bad_addresses_have_a_reason, 0, sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tests, a_nul_in_the_text_is_refused);
    tcase_add_test(tests, every_cut_is_read_within_its_bounds);
    tcase_add_test(tests, the_longest_paths_bind);
    tcase_add_test(tests, numeric_hosts_become_socket_addresses_and_back);
    tcase_add_test(tests, socket_addresses_are_in_network_order);
    tcase_add_test(tests, names_and_zones_need_resolving);
    tcase_add_test(tests, unbound_and_foreign_peers);
    tcase_add_test(tests, printing_is_cut_to_size);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
