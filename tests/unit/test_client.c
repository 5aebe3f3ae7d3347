/* The client library against a scripted server: what each call sends, and what it makes of the replies. */
#include "tests/unit/fake_server.h"
#include "tools/client/sluice.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fake_server server;
static struct sluice *client;
static int file; /* "0123456789" */
static const struct object_fields fields = {
    .size = 10, .count = 10, .version = 0xFEDCBA9876543210, .mtime_ns = 1700000000123456789};

static void open_file(void) {
    file = memfd_create("object", MFD_CLOEXEC);
    ck_assert_int_eq(write(file, "0123456789", 10), 10);
}

static void close_file(void) {
    close(file);
}

static void start(bool tcp, void (*script)(int fd)) {
    fake_start(&server, tcp, script);
    ck_assert_msg(sluice_connect(&client, server.address, 0) == 0, "%s", sluice_error(client));
}

static void stop(void) {
    sluice_close(client);
    fake_stop(&server);
}

static void serve_descriptor(int fd) {
    struct fake_request request;
    fake_receive(fd, 'F', &request);
    ck_assert_int_eq(request.frame.flags, OBJECT_SHARED);
    ck_assert(span_equal(request.object.key, span_text("a/b c")));
    ck_assert_uint_eq(request.object.offset, 3);
    ck_assert_uint_eq(request.object.count, 5);
    struct object_fields range = fields;
    range.offset = 3;
    range.count = 5;
    lseek(file, 0, SEEK_SET);
    fake_pass(fd, &request, &range, file);
    fake_wait_end(fd);
}

START_TEST(a_descriptor_with_all_its_fields)
{
    struct sluice_object object;
    char bytes[16];
    start(false, serve_descriptor);
    ck_assert_int_eq(sluice_get(client, SLUICE_FDPASS, "a/b c", 3, 5, SLUICE_SHARED, &object), 0);
    ck_assert_int_eq(object.status, 0);
    ck_assert_int_eq(object.mode, SLUICE_FDPASS);
    ck_assert_uint_eq(object.flags, SLUICE_SHARED);
    ck_assert_uint_eq(object.size, 10);
    ck_assert_uint_eq(object.offset, 3);
    ck_assert_uint_eq(object.count, 5);
    ck_assert_uint_eq(object.version, fields.version);
    ck_assert_int_eq(object.mtime_ns, fields.mtime_ns);
    ck_assert_int_eq(fcntl(object.fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(sluice_read(client, &object, bytes, 2), 2); /* the range's bytes, by pread */
    ck_assert_int_eq(sluice_read(client, &object, bytes + 2, sizeof(bytes) - 2), 3);
    ck_assert_mem_eq(bytes, "34567", 5);
    ck_assert_int_eq(sluice_read(client, &object, bytes, sizeof(bytes)), 0);
    ck_assert_int_eq(lseek(object.fd, 0, SEEK_CUR), 0);
    close(object.fd);
    stop();
}
END_TEST

static void serve_bodies(int fd) {
    static const char modes[] = {'C', 'S', 'C'};
    struct fake_request request;
    for (int i = 0; i < 3; i++) {
        fake_receive(fd, (uint8_t)modes[i], &request);
        fake_answer(fd, &request, (uint8_t)modes[i], &fields, "0123456789", 10);
    }
    fake_receive(fd, 'N', &request);
    fake_send(fd, "", 0, -1, 0);
    char bytes[FRAME_HEADER + 4];
    fake_send(fd, bytes, fake_frame(bytes, request.frame, request.payload, 4), -1, 0);
    fake_wait_end(fd);
}

START_TEST(bodies_in_pieces_and_dropped)
{
    struct sluice_object object, unread;
    char bytes[16];
    start(_i, serve_bodies); /* over Unix and TCP */
    ck_assert_int_eq(sluice_get(client, SLUICE_COPY, "key", 0, 0, 0, &object), 0);
    ck_assert_int_eq(object.fd, -1);
    ck_assert_int_eq(object.mode, SLUICE_COPY);
    for (size_t got = 0; got < 10;) {
        ssize_t n = sluice_read(client, &object, bytes + got, 3);
        ck_assert_int_gt(n, 0);
        ck_assert_int_le(n, 3);
        got += (size_t)n;
    }
    ck_assert_mem_eq(bytes, "0123456789", 10);
    ck_assert_int_eq(sluice_read(client, &object, bytes, 3), 0);
    ck_assert_int_eq(sluice_get(client, SLUICE_SPLICE, "key", 0, 0, 0, &unread), 0);
    /* The unread body is dropped, though it is as long as the new one. */
    ck_assert_int_eq(sluice_get(client, SLUICE_COPY, "key", 0, 0, 0, &object), 0);
    ck_assert_int_eq(sluice_read(client, &unread, bytes, 3), -EINVAL);
    ck_assert_int_eq(sluice_read(client, &object, bytes, 3), 3);
    ck_assert_mem_eq(bytes, "012", 3);
    ck_assert_int_eq(sluice_ping(client, "ping", 4), 0);
    ck_assert_int_eq(sluice_read(client, &object, bytes, 3), -EINVAL);
    ck_assert_int_eq(sluice_connected(client), 1);
    stop();
}
END_TEST

static void serve_slowly(int fd) {
    struct fake_request request;
    char bytes[FRAME_HEADER + OBJECT_FIELDS + 10];
    fake_receive(fd, 'A', &request);
    object_fields_encode(bytes + FRAME_HEADER, &fields);
    fake_frame(bytes, (struct frame){.op = 'C', .tag = request.frame.tag}, bytes + FRAME_HEADER,
               OBJECT_FIELDS);
    memcpy(bytes + FRAME_HEADER + OBJECT_FIELDS, "0123456789", 10);
    for (size_t i = 0; i < sizeof(bytes); i++)
        fake_send(fd, bytes + i, 1, -1, 0);
    fake_receive(fd, 'A', &request);
    fake_pass(fd, &request, &fields, file);
    fake_wait_end(fd);
}

static void check_copy(struct sluice_object *object, int out) {
    char bytes[16];
    ck_assert_int_eq(sluice_copy(client, object, out, NULL, NULL), 0);
    ck_assert_uint_eq(object->left, 0);
    ck_assert_int_eq(pread(out, bytes, sizeof(bytes), 0), 10);
    ck_assert_mem_eq(bytes, "0123456789", 10);
}

START_TEST(auto_comes_as_bytes_or_as_a_descriptor)
{
    struct sluice_object object;
    int out = memfd_create("out", MFD_CLOEXEC);
    start(false, serve_slowly);
    ck_assert_int_eq(sluice_get(client, SLUICE_AUTO, "key", 0, 0, 0, &object), 0);
    ck_assert_int_eq(object.mode, SLUICE_COPY);
    check_copy(&object, out);
    ck_assert_int_eq(sluice_get(client, SLUICE_AUTO, "key", 0, 0, 0, &object), 0);
    ck_assert_int_eq(object.mode, SLUICE_FDPASS);
    lseek(out, 0, SEEK_SET);
    check_copy(&object, out);
    close(object.fd);
    close(out);
    stop();
}
END_TEST

static void serve_errors(int fd) {
    struct fake_request request;
    for (unsigned status = 1; status < STATUS_COUNT; status++) {
        fake_receive(fd, 'I', &request);
        fake_refuse(fd, &request, (enum status)status, "the reason");
    }
    fake_receive(fd, 'I', &request);
    struct object_fields info = fields;
    info.count = 0;
    fake_answer(fd, &request, 'I', &info, NULL, 0);
    fake_wait_end(fd);
}

START_TEST(a_no_has_a_name_and_a_reason_and_the_connection_goes_on)
{
    struct sluice_object object;
    char expected[64];
    start(false, serve_errors);
    for (int status = 1; status < STATUS_COUNT; status++) {
        ck_assert_int_eq(sluice_info(client, "key", &object), status);
        ck_assert_int_eq(object.status, status);
        ck_assert_int_eq(object.fd, -1);
        snprintf(expected, sizeof(expected), "%s: the reason", sluice_status_name(status));
        ck_assert_str_eq(sluice_error(client), expected);
    }
    ck_assert_int_eq(sluice_info(client, "key", &object), 0);
    ck_assert_uint_eq(object.size, 10);
    ck_assert_uint_eq(object.left, 0);
    stop();
}
END_TEST

START_TEST(status_names)
{
    ck_assert_str_eq(sluice_status_name(SLUICE_OK), "OK");
    ck_assert_str_eq(sluice_status_name(SLUICE_RATE_LIMITED), "RATE_LIMITED");
    ck_assert_str_eq(sluice_status_name(STATUS_COUNT), "UNKNOWN");
    ck_assert_str_eq(sluice_status_name(-ENOENT), "UNKNOWN");
}
END_TEST

static void serve_page(int fd, uint64_t limit, const char *after, const char *text, uint64_t n,
                       uint8_t flags) {
    struct fake_request request;
    struct object_list_request list;
    char bytes[FRAME_HEADER + OBJECT_FIELDS + 64], payload[OBJECT_FIELDS];
    fake_receive(fd, 'L', &request);
    ck_assert_ptr_null(object_list_decode(span_of(request.payload, request.frame.length), &list));
    ck_assert_uint_eq(list.limit, limit);
    ck_assert(span_equal(list.prefix, span_text("a/")));
    ck_assert(span_equal(list.after, span_text(after)));
    object_fields_encode(payload, &(struct object_fields){.size = n, .count = strlen(text)});
    size_t head = fake_frame(bytes, (struct frame){.op = 'L', .flags = flags, .tag = request.frame.tag},
                             payload, sizeof(payload));
    memcpy(bytes + head, text, strlen(text));
    fake_send(fd, bytes, head + strlen(text), -1, 0);
}

static void serve_lists(int fd) {
    serve_page(fd, OBJECT_LIST_USUAL, "", "a/1\na/2\n", 2, OBJECT_MORE);
    serve_page(fd, OBJECT_LIST_USUAL, "a/2", "a/3\n", 1, OBJECT_MORE);
    serve_page(fd, OBJECT_LIST_USUAL, "a/3", "", 0, 0);
    serve_page(fd, OBJECT_LIST_USUAL, "", "a/1\na/2\n", 2, OBJECT_MORE);
    serve_page(fd, 7, "a/x", "a/y\n", 1, OBJECT_MORE);
    serve_page(fd, 7, "a/y", "a/z\n", 1, 0);
    fake_wait_end(fd);
}

static int collect(void *context, const char *key) {
    strcat(context, key);
    strcat(context, ",");
    return 0;
}

static int only_one(void *context, const char *key) {
    collect(context, key);
    return 1;
}

START_TEST(lists_page_by_page)
{
    char keys[64] = "";
    int more;
    start(false, serve_lists);
    ck_assert_int_eq(sluice_list(client, "a/", collect, keys), 0);
    ck_assert_str_eq(keys, "a/1,a/2,a/3,");
    keys[0] = '\0';
    ck_assert_int_eq(sluice_list(client, "a/", only_one, keys), 0);
    ck_assert_str_eq(keys, "a/1,");
    keys[0] = '\0';
    ck_assert_int_eq(sluice_list_page(client, "a/", "a/x", 7, collect, keys, &more), 0);
    ck_assert_int_eq(more, 1);
    ck_assert_int_eq(sluice_list_page(client, "a/", "a/y", 7, collect, keys, &more), 0);
    ck_assert_int_eq(more, 0);
    ck_assert_str_eq(keys, "a/y,a/z,");
    stop();
}
END_TEST

static void serve_stats(int fd) {
    struct fake_request request;
    static const char *const texts[] = {"{\"a\":{\"b\":1}}", "[]"};
    for (int i = 0; i < 2; i++) {
        fake_receive(fd, 'T', &request);
        ck_assert_str_eq(request.payload, i ? "conns" : "");
        struct object_fields sizes = {.size = strlen(texts[i]), .count = strlen(texts[i])};
        fake_answer(fd, &request, 'T', &sizes, texts[i], strlen(texts[i]));
    }
    fake_wait_end(fd);
}

START_TEST(statistics_as_text)
{
    char *json;
    start(false, serve_stats);
    ck_assert_int_eq(sluice_stats(client, "", &json), 0);
    ck_assert_str_eq(json, "{\"a\":{\"b\":1}}");
    free(json);
    ck_assert_int_eq(sluice_stats(client, "conns", &json), 0);
    ck_assert_str_eq(json, "[]");
    free(json);
    stop();
}
END_TEST

#define MANY 600 /* their replies are more than the client's buffer */

/* Answers requests in groups as they happen to be there: up to 64 replies and their descriptors in one
 * message. */
static void serve_many(int fd) {
    static char bytes[MANY * (FRAME_HEADER + 300)], text[300];
    char payload[OBJECT_FIELDS];
    struct fake_request request;
    object_fields_encode(payload, &fields);
    for (int i = 0; i < MANY - 1;) { /* one key is not sent */
        size_t n = 0;
        unsigned nfds = 0;
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        do {
            fake_receive(fd, 'F', &request);
            bool missing = request.object.key.n == 7; /* "missing" */
            struct frame frame = {
                .op = 'F', .tag = request.frame.tag, .status = missing ? STATUS_NOT_FOUND : 0};
            frame.nfds = !missing;
            nfds += frame.nfds;
            n += fake_frame(bytes + n, frame, missing ? text : payload,
                            missing ? sizeof(text) : sizeof(payload));
        } while (++i < MANY - 1 && nfds < 64 && poll(&readable, 1, 0) == 1);
        fake_send(fd, bytes, n, file, nfds);
    }
    fake_wait_end(fd);
}

START_TEST(many_objects_in_one_go)
{
    static char too_long[OBJECT_KEY_MAX + 2];
    static const char *keys[MANY];
    static struct sluice_object objects[MANY];
    unsigned before = fake_open_fds();
    for (int i = 0; i < MANY; i++)
        keys[i] = i % 2 ? "missing" : "key";
    memset(too_long, 'k', sizeof(too_long) - 1);
    keys[200] = too_long;
    start(false, serve_many);
    ck_assert_int_eq(sluice_open_many(client, keys, MANY, 0, objects), 0);
    for (int i = 0; i < MANY; i++) {
        int expected = i == 200 ? SLUICE_BAD_REQUEST : i % 2 ? SLUICE_NOT_FOUND : 0;
        ck_assert_int_eq(objects[i].status, expected);
        ck_assert_int_eq(objects[i].fd >= 0, expected == 0);
        if (expected == 0) {
            ck_assert_uint_eq(objects[i].size, 10);
            close(objects[i].fd);
        }
    }
    stop();
    ck_assert_uint_eq(fake_open_fds(), before);
}
END_TEST

static void serve_pings(int fd) {
    static struct fake_request request;
    static char bytes[FRAME_HEADER + OBJECT_PING_MAX];
    for (int i = 0; i < 50; i++) {
        fake_receive(fd, 'N', &request);
        fake_send(fd, bytes, fake_frame(bytes, request.frame, request.payload, request.frame.length), -1, 0);
    }
    fake_wait_end(fd);
}

START_TEST(the_longest_pings_one_after_the_other)
{
    static char bytes[OBJECT_PING_MAX];
    start(false, serve_pings);
    for (int i = 0; i < 50; i++) { /* several times the client's buffer */
        memset(bytes, i, sizeof(bytes));
        ck_assert_int_eq(sluice_ping(client, bytes, sizeof(bytes)), 0);
    }
    stop();
}
END_TEST

static void serve_ten_bytes(int fd) {
    struct fake_request request;
    fake_receive(fd, 'C', &request);
    fake_answer(fd, &request, 'C', &fields, "0123456789", 10);
    fake_receive(fd, 'F', &request);
    fake_pass(fd, &request, &fields, file);
    fake_wait_end(fd);
}

struct progress {
    uint64_t done, total;
    int answer;
};

static int note_progress(void *context, uint64_t done, uint64_t total) {
    struct progress *progress = context;
    ck_assert_uint_gt(done, progress->done);
    progress->done = done;
    progress->total = total;
    return progress->answer;
}

START_TEST(progress_is_told_and_may_stop_the_copy)
{
    struct sluice_object object;
    struct progress to_the_end = {0}, stopped = {.answer = 1};
    int out = memfd_create("out", MFD_CLOEXEC);
    start(false, serve_ten_bytes);
    ck_assert_int_eq(sluice_get(client, SLUICE_COPY, "key", 0, 0, 0, &object), 0);
    ck_assert_int_eq(sluice_copy(client, &object, out, note_progress, &to_the_end), 0);
    ck_assert_uint_eq(to_the_end.done, 10);
    ck_assert_uint_eq(to_the_end.total, 10);
    ck_assert_int_eq(sluice_get(client, SLUICE_FDPASS, "key", 0, 0, 0, &object), 0);
    ck_assert_int_eq(sluice_copy(client, &object, out, note_progress, &stopped), -ECANCELED);
    ck_assert_int_eq(sluice_connected(client), 1);
    close(object.fd);
    close(out);
    stop();
}
END_TEST

START_TEST(a_failing_output_is_told_from_a_failing_connection)
{
    struct sluice_object object;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    start(false, serve_ten_bytes);
    ck_assert_int_eq(sluice_get(client, SLUICE_COPY, "key", 0, 0, 0, &object), 0);
    ck_assert_int_eq(sluice_copy(client, &object, full, NULL, NULL), -ENOSPC);
    ck_assert_ptr_nonnull(strstr(sluice_error(client), "output"));
    ck_assert_int_eq(sluice_connected(client), 1);
    ck_assert_int_eq(sluice_get(client, SLUICE_FDPASS, "key", 0, 0, 0, &object), 0);
    ck_assert_int_eq(sluice_copy(client, &object, full, NULL, NULL), -ENOSPC);
    close(object.fd);
    close(full);
    stop();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client");
    TCase *tests = tcase_create("client");
    tcase_add_checked_fixture(tests, open_file, close_file);
    tcase_add_test(tests, a_descriptor_with_all_its_fields);
    tcase_add_loop_test(tests, bodies_in_pieces_and_dropped, 0, 2);
    tcase_add_test(tests, auto_comes_as_bytes_or_as_a_descriptor);
    tcase_add_test(tests, a_no_has_a_name_and_a_reason_and_the_connection_goes_on);
    tcase_add_test(tests, status_names);
    tcase_add_test(tests, lists_page_by_page);
    tcase_add_test(tests, statistics_as_text);
    tcase_add_test(tests, many_objects_in_one_go);
    tcase_add_test(tests, the_longest_pings_one_after_the_other);
    tcase_add_test(tests, progress_is_told_and_may_stop_the_copy);
    tcase_add_test(tests, a_failing_output_is_told_from_a_failing_connection);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
