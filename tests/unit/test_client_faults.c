/* The client library when things go wrong: no server, silent servers, broken replies, lost descriptors. */
#include "tests/unit/fake_server.h"
#include "tools/client/sluice.h"
#include "tools/client/transfer.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static struct fake_server server;
static struct sluice *client;
static const struct object_fields fields = {.size = 10, .count = 10};

/* A name that no resolver asks the network about: a label has at most 63 bytes. */
#define TOO_LONG_LABEL "a-label-of-more-than-sixty-three-bytes-is-no-part-of-any-host-name"

START_TEST(connecting_fails_with_the_reason)
{
    static const struct {
        const char *address, *word;
        int result;
    } rows[] = {
        {"nonsense", "expected", -EINVAL},
        {"udp:127.0.0.1:53", "expected a unix: or tcp:", -EINVAL},
        {"unix:/nonexistent/socket", "No such file", -ENOENT},
        {"tcp:" TOO_LONG_LABEL ":80", TOO_LONG_LABEL, -EHOSTUNREACH},
    };
    struct sluice_object object;
    ck_assert_int_eq(sluice_connect(&client, rows[_i].address, 1000), rows[_i].result);
    ck_assert_msg(strstr(sluice_error(client), rows[_i].word), "%s", sluice_error(client));
    ck_assert_int_eq(sluice_connected(client), 0);
    ck_assert_int_eq(sluice_get(client, SLUICE_COPY, "key", 0, 0, 0, &object), rows[_i].result);
    sluice_close(client);
}
END_TEST

START_TEST(a_host_name_is_resolved)
{
    fake_start(&server, true, fake_wait_end);
    char address[64] = "tcp:localhost";
    strcat(address, strrchr(server.address, ':'));
    ck_assert_msg(sluice_connect(&client, address, 0) == 0, "%s", sluice_error(client));
    sluice_close(client);
    fake_stop(&server);
}
END_TEST

START_TEST(nothing_is_nobody)
{
    ck_assert_str_eq(sluice_error(NULL), "out of memory");
    sluice_close(NULL);
}
END_TEST

static int full_listener;

static void make_room(int number) {
    (void)number;
    accept(full_listener, NULL, NULL);
}

/* A listener whose queue is full until a signal, which interrupts the waiting client. */
START_TEST(a_connect_over_unix_that_is_interrupted_is_made_again)
{
    char address[128];
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                                 (size_t)snprintf(name.sun_path + 1, 32, "sluice-test-%d", (int)getpid()));
    full_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(full_listener, (struct sockaddr *)&name, size), 0);
    ck_assert_int_eq(listen(full_listener, 0), 0);
    int waiting = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(waiting, (struct sockaddr *)&name, size), 0);
    struct sigaction action = {.sa_handler = make_room};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {.tv_usec = 50000}}, NULL);
    snprintf(address, sizeof(address), "unix:@%s", name.sun_path + 1);
    ck_assert_int_eq(sluice_connect(&client, address, 0), 0);
    int server_end = accept(full_listener, NULL, NULL); /* hangs if there is no connection */
    ck_assert_int_ge(server_end, 0);
    sluice_close(client);
    close(server_end);
    close(waiting);
    close(full_listener);
}
END_TEST

static void serve_nothing(int fd) {
    char bytes[64];
    while (recv(fd, bytes, sizeof(bytes), 0) > 0)
        ;
}

static void interrupt(int number) {
    (void)number;
}

/* Also by a program whose calls are interrupted all the time, as by a profiler. */
START_TEST(a_silent_server_is_left)
{
    struct sluice_object object;
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESTART};
    suseconds_t period = _i & 2 ? 2000 : 0;
    fake_start(&server, _i & 1, serve_nothing); /* over Unix and TCP */
    ck_assert_int_eq(sluice_connect(&client, server.address, 20), 0);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){{.tv_usec = period}, {.tv_usec = period}}, NULL);
    ck_assert_int_eq(sluice_info(client, "key", &object), -ETIMEDOUT);
    ck_assert_ptr_nonnull(strstr(sluice_error(client), "20 ms"));
    ck_assert_int_eq(sluice_connected(client), 0);
    sluice_close(client);
    fake_stop(&server);
}
END_TEST

/* What a server must not send in answer to an F request, and how the client calls it. */
struct fault {
    const char *name, *word;
    uint8_t op, nfds;
    bool other_tag, bad_magic;
    unsigned sent_fds;
    size_t payload;
};

static const struct fault faults[] = {
    {"a reply to another request", "another request", 'F', 1, true, false, 1, OBJECT_FIELDS},
    {"another operation", "another operation", 'I', 0, false, false, 0, OBJECT_FIELDS},
    {"bytes for a descriptor", "another operation", 'C', 0, false, false, 0, OBJECT_FIELDS},
    {"no descriptor announced", "number of descriptors", 'F', 0, false, false, 0, OBJECT_FIELDS},
    {"two descriptors announced", "number of descriptors", 'F', 2, false, false, 2, OBJECT_FIELDS},
    {"announced and not sent", "without its descriptor", 'F', 1, false, false, 0, OBJECT_FIELDS},
    {"too short", "wrong length", 'F', 1, false, false, 1, OBJECT_FIELDS - 1},
    {"too long", "wrong length", 'F', 1, false, false, 1, OBJECT_FIELDS + 1},
    {"longer than any reply", "longer than the limit", 'F', 1, false, false, 1, FRAME_SLC1_REQUEST + 1},
    {"another protocol", "bad magic", 'F', 1, false, true, 1, OBJECT_FIELDS},
    {"more descriptors than anybody owns", "descriptors that no reply owns", 'F', 1, false, false, 253,
     OBJECT_FIELDS},
};
static const struct fault *fault;

static void serve_fault(int fd) {
    static char bytes[FRAME_HEADER + FRAME_SLC1_REQUEST + 1], payload[FRAME_SLC1_REQUEST + 1];
    struct fake_request request;
    fake_receive(fd, 'F', &request);
    object_fields_encode(payload, &fields);
    struct frame frame = {.op = fault->op, .nfds = fault->nfds, .tag = request.frame.tag + fault->other_tag};
    size_t n = fake_frame(bytes, frame, payload, fault->payload);
    bytes[0] = fault->bad_magic ? 'X' : bytes[0];
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fault->sent_fds == 253) { /* more than the client's queue holds, before a reply is whole */
        for (size_t i = 0; i < 3; i++)
            fake_send(fd, bytes + i, 1, null, 253);
    } else {
        fake_send(fd, bytes, n, null, fault->sent_fds);
    }
    close(null);
}

START_TEST(a_reply_against_the_rules_ends_the_connection)
{
    unsigned before = fake_open_fds();
    struct sluice_object object;
    fault = &faults[_i];
    fake_start(&server, false, serve_fault);
    ck_assert_int_eq(sluice_connect(&client, server.address, 0), 0);
    ck_assert_msg(sluice_get(client, SLUICE_FDPASS, "key", 0, 0, 0, &object) == -EPROTO, "%s", fault->name);
    ck_assert_msg(strstr(sluice_error(client), fault->word), "%s: %s", fault->name, sluice_error(client));
    ck_assert_int_eq(object.fd, -1);
    ck_assert_int_eq(sluice_connected(client), 0);
    ck_assert_int_eq(sluice_ping(client, "", 0), -EPROTO); /* for good, with the first cause */
    ck_assert_msg(strstr(sluice_error(client), fault->word), "%s: %s", fault->name, sluice_error(client));
    sluice_close(client);
    fake_stop(&server);
    ck_assert_uint_eq(fake_open_fds(), before);
}
END_TEST

static void serve_surplus(int fd) {
    struct fake_request request;
    char bytes[FRAME_HEADER];
    fake_receive(fd, 'N', &request);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    fake_send(fd, bytes, fake_frame(bytes, request.frame, NULL, 0), null, 1);
    close(null);
    fake_wait_end(fd);
}

START_TEST(a_surplus_when_idle_ends_the_connection)
{
    unsigned before = fake_open_fds();
    fake_start(&server, false, serve_surplus);
    ck_assert_int_eq(sluice_connect(&client, server.address, 0), 0);
    ck_assert_int_eq(sluice_ping(client, "", 0), 0);
    ck_assert_int_eq(sluice_ping(client, "", 0), -EPROTO);
    sluice_close(client);
    fake_stop(&server);
    ck_assert_uint_eq(fake_open_fds(), before);
}
END_TEST

static void serve_changed_ping(int fd) {
    struct fake_request request;
    char bytes[FRAME_HEADER + 4];
    fake_receive(fd, 'N', &request);
    fake_send(fd, bytes, fake_frame(bytes, request.frame, "pong", 4), -1, 0);
}

START_TEST(a_changed_ping_is_noticed)
{
    fake_start(&server, false, serve_changed_ping);
    ck_assert_int_eq(sluice_connect(&client, server.address, 0), 0);
    ck_assert_int_eq(sluice_ping(client, "ping", 4), -EPROTO);
    sluice_close(client);
    fake_stop(&server);
}
END_TEST

/* A list as a server must not send it. */
static const struct bad_list {
    const char *text;
    uint64_t entries;
    uint8_t flags;
} bad_lists[] = {{"a\nb\n", 1, 0}, {"a\nb\n", 3, 0}, {"a\nb", 2, 0},      {"a\n\n", 2, 0},
                 {"/a\n", 1, 0},   {"", 1, 0},       {"", 0, OBJECT_MORE}};
static const struct bad_list *bad_list;

static void serve_list(int fd) {
    struct fake_request request;
    char payload[OBJECT_FIELDS], bytes[FRAME_HEADER + OBJECT_FIELDS + 16];
    fake_receive(fd, 'L', &request);
    size_t n = strlen(bad_list->text);
    object_fields_encode(payload, &(struct object_fields){.size = bad_list->entries, .count = n});
    struct frame frame = {.op = 'L', .flags = bad_list->flags, .tag = request.frame.tag};
    size_t head = fake_frame(bytes, frame, payload, sizeof(payload));
    memcpy(bytes + head, bad_list->text, n);
    fake_send(fd, bytes, head + n, -1, 0);
}

static int refuse_key(void *context, const char *key) {
    (void)context;
    ck_abort_msg("told '%s'", key);
    return 1;
}

START_TEST(a_list_that_does_not_add_up_is_refused)
{
    bad_list = &bad_lists[_i];
    fake_start(&server, false, serve_list);
    ck_assert_int_eq(sluice_connect(&client, server.address, 0), 0);
    ck_assert_int_eq(sluice_list(client, "", refuse_key, NULL), -EPROTO);
    sluice_close(client);
    fake_stop(&server);
}
END_TEST

/* Answers the request that has not come yet and leaves. */
static void serve_in_advance(int fd) {
    struct fake_request request = {.frame = {.op = 'F', .tag = 1}};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    fake_pass(fd, &request, &fields, null);
    close(null);
}

START_TEST(the_own_descriptor_limit_is_named)
{
    unsigned before = fake_open_fds();
    struct sluice_object object;
    struct rlimit limit, low;
    fake_start(&server, false, serve_in_advance);
    ck_assert_int_eq(sluice_connect(&client, server.address, 0), 0);
    fake_stop(&server); /* the descriptor is on its way before the limit falls */
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    low.rlim_cur = 3;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    int result = sluice_get(client, SLUICE_FDPASS, "key", 0, 0, 0, &object);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(result, -EMFILE);
    ck_assert_str_eq(sluice_error(client), "fd limit reached in this process");
    ck_assert_int_eq(sluice_connected(client), 0);
    sluice_close(client);
    ck_assert_uint_eq(fake_open_fds(), before);
}
END_TEST

static void serve_farewell(int fd) {
    char bytes[FRAME_HEADER + 7];
    struct frame frame = {.op = '?', .status = STATUS_SHUTTING_DOWN};
    fake_send(fd, bytes, fake_frame(bytes, frame, "goodbye", 7), -1, 0);
}

START_TEST(a_farewell_without_request_is_reported)
{
    struct sluice_object object;
    fake_start(&server, false, serve_farewell);
    ck_assert_int_eq(sluice_connect(&client, server.address, 0), 0);
    fake_stop(&server); /* it has spoken and closed before we ask */
    ck_assert_int_eq(sluice_info(client, "key", &object), SLUICE_SHUTTING_DOWN);
    ck_assert_str_eq(sluice_error(client), "SHUTTING_DOWN: goodbye");
    ck_assert_int_eq(sluice_connected(client), 0);
    ck_assert_int_lt(sluice_info(client, "key", &object), 0);
    sluice_close(client);
}
END_TEST

static void serve_half(int fd) {
    struct fake_request request;
    fake_receive(fd, 'C', &request);
    fake_answer(fd, &request, 'C', &fields, "01234", 5);
}

START_TEST(a_body_cut_short_is_an_error)
{
    struct sluice_object object;
    int out = memfd_create("out", MFD_CLOEXEC);
    fake_start(&server, false, serve_half);
    ck_assert_int_eq(sluice_connect(&client, server.address, 0), 0);
    ck_assert_int_eq(sluice_get(client, SLUICE_COPY, "key", 0, 0, 0, &object), 0);
    ck_assert_int_eq(sluice_copy(client, &object, out, NULL, NULL), -ECONNRESET);
    ck_assert_ptr_nonnull(strstr(sluice_error(client), "5 bytes are missing"));
    ck_assert_uint_eq(object.left, 5);
    sluice_close(client);
    fake_stop(&server);
    close(out);
}
END_TEST

static void serve_shrunk_file(int fd) {
    struct fake_request request;
    int file = memfd_create("object", MFD_CLOEXEC);
    ck_assert_int_eq(write(file, "0123", 4), 4);
    for (int i = 0; i < 2; i++) {
        fake_receive(fd, 'F', &request);
        fake_pass(fd, &request, &fields, file);
    }
    close(file);
    fake_wait_end(fd);
}

START_TEST(a_file_that_shrank_is_an_error)
{
    struct sluice_object object;
    char bytes[16];
    int out = memfd_create("out", MFD_CLOEXEC);
    fake_start(&server, false, serve_shrunk_file);
    ck_assert_int_eq(sluice_connect(&client, server.address, 0), 0);
    ck_assert_int_eq(sluice_get(client, SLUICE_FDPASS, "key", 0, 0, 0, &object), 0);
    ck_assert_int_eq(sluice_copy(client, &object, out, NULL, NULL), -ENODATA);
    ck_assert_uint_eq(object.left, 6);
    close(object.fd);
    ck_assert_int_eq(sluice_get(client, SLUICE_FDPASS, "key", 0, 0, 0, &object), 0);
    ck_assert_int_eq(sluice_read(client, &object, bytes, sizeof(bytes)), 4);
    ck_assert_int_eq(sluice_read(client, &object, bytes, sizeof(bytes)), -ENODATA);
    ck_assert_int_eq(sluice_connected(client), 1);
    close(object.fd);
    sluice_close(client);
    fake_stop(&server);
    close(out);
}
END_TEST

static void serve_ten_then_close(int fd) {
    struct fake_request request;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < 10; i++) {
        fake_receive(fd, 'F', &request);
        fake_pass(fd, &request, &fields, null);
    }
    close(null);
}

START_TEST(a_batch_that_breaks_leaves_nothing_open)
{
    const char *keys[40];
    struct sluice_object objects[40];
    unsigned before = fake_open_fds();
    for (int i = 0; i < 40; i++)
        keys[i] = "key";
    fake_start(&server, false, serve_ten_then_close);
    ck_assert_int_eq(sluice_connect(&client, server.address, 0), 0);
    ck_assert_int_lt(sluice_open_many(client, keys, 40, 0, objects), 0);
    for (int i = 0; i < 40; i++)
        ck_assert_int_eq(objects[i].fd, -1);
    sluice_close(client);
    fake_stop(&server);
    ck_assert_uint_eq(fake_open_fds(), before);
}
END_TEST

START_TEST(requests_too_long_are_not_sent)
{
    static char key[5000], other[5000];
    struct sluice_object object;
    char *json;
    int more;
    memset(key, 'k', sizeof(key) - 1);
    memset(other, 'k', 1025);
    fake_start(&server, false, fake_wait_end); /* fails at the first byte */
    ck_assert_int_eq(sluice_connect(&client, server.address, 0), 0);
    ck_assert_int_eq(sluice_info(client, key, &object), SLUICE_BAD_REQUEST);
    ck_assert_int_eq(sluice_info(client, other, &object), SLUICE_BAD_REQUEST);
    ck_assert_int_eq(sluice_info(client, "", &object), SLUICE_BAD_REQUEST);
    ck_assert_int_eq(sluice_ping(client, key, 4097), SLUICE_BAD_REQUEST);
    ck_assert_int_eq(sluice_stats(client, key, &json), SLUICE_BAD_REQUEST);
    ck_assert_ptr_null(json);
    ck_assert_int_eq(sluice_list_page(client, other, "", 0, refuse_key, NULL, &more), SLUICE_BAD_REQUEST);
    ck_assert_int_eq(sluice_list_page(client, "", other, 0, refuse_key, NULL, &more), SLUICE_BAD_REQUEST);
    ck_assert_int_eq(sluice_connected(client), 1);
    sluice_close(client);
    fake_stop(&server);
}
END_TEST

/* Moves ten bytes from offset 1 of "0123456789" until the end and returns the way it went. */
static enum transfer_way transfer_to(int out, int in) {
    bool reading;
    struct transfer transfer = {.from = in, .to = out, .offset = 1};
    ssize_t n, total = 0;
    while ((n = transfer_step(&transfer, 4, &reading)) > 0)
        total += n;
    ck_assert_int_eq(n, 0);
    ck_assert_int_eq(total, 9);
    return transfer.way;
}

START_TEST(transfers_step_down_to_a_way_that_works)
{
    char path[] = "/tmp/sluice-test-XXXXXX", bytes[16];
    int in = mkstemp(path), ends[2];
    ck_assert_int_ge(in, 0);
    ck_assert_int_eq(write(in, "0123456789", 10), 10);
    int append = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
    int source = memfd_create("source", MFD_CLOEXEC);
    unlink(path);
    ck_assert_int_eq(write(source, "0123456789", 10), 10);
    ck_assert_int_eq(transfer_to(append, source), TRANSFER_READ_WRITE);
    ck_assert_int_eq(pread(append, bytes, sizeof(bytes), 10), 9);
    ck_assert_mem_eq(bytes, "123456789", 9);
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(ftruncate(in, 10), 0);
    transfer_to(ends[1], in);
    ck_assert_int_eq(read(ends[0], bytes, sizeof(bytes)), 9);
    ck_assert_mem_eq(bytes, "123456789", 9);
    close(ends[0]);
    close(ends[1]);
    close(append);
    close(source);
    close(in);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client faults");
    TCase *tests = tcase_create("client faults");
    tcase_add_loop_test(tests, connecting_fails_with_the_reason, 0, 4);
    tcase_add_test(tests, a_host_name_is_resolved);
    tcase_add_test(tests, a_connect_over_unix_that_is_interrupted_is_made_again);
    tcase_add_test(tests, nothing_is_nobody);
    tcase_add_loop_test(tests, a_silent_server_is_left, 0, 4);
    tcase_add_loop_test(tests, a_reply_against_the_rules_ends_the_connection, 0,
                        sizeof(faults) / sizeof(faults[0]));
    tcase_add_test(tests, a_surplus_when_idle_ends_the_connection);
    tcase_add_test(tests, a_changed_ping_is_noticed);
    tcase_add_loop_test(tests, a_list_that_does_not_add_up_is_refused, 0,
                        sizeof(bad_lists) / sizeof(bad_lists[0]));
    tcase_add_test(tests, the_own_descriptor_limit_is_named);
    tcase_add_test(tests, a_farewell_without_request_is_reported);
    tcase_add_test(tests, a_body_cut_short_is_an_error);
    tcase_add_test(tests, a_file_that_shrank_is_an_error);
    tcase_add_test(tests, a_batch_that_breaks_leaves_nothing_open);
    tcase_add_test(tests, requests_too_long_are_not_sent);
    tcase_add_test(tests, transfers_step_down_to_a_way_that_works);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
