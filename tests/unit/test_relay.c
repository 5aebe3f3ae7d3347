/* One direction of bytes between two streams: bursts, lengths, chunks, the end, cuts, back-pressure, bulk. */
#include "reactor/relay.h"
#include "reactor/stream.h"
#include "tests/unit/loop_rig.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

static struct loop_rig rig;
static struct stream from, to;
static struct relay relay;
static struct chunked chunked;
static int sender, receiver; /* the other ends */
static int ended;            /* how often */
static bool whole, bulk;

static void input(struct stream *stream) {
    if (stream != &from)
        return;
    relay_input(&relay, &to);
    bulk |= from.raw;
}

static void drained(struct stream *stream) {
    if (stream == &to && relay.bursts && relay_done(&relay) && !to.shutting)
        stream_shut(&to);
}

static void died(struct stream *stream) {
    if (stream == &from)
        relay_cut(&relay);
}

static void on_end(struct relay *done, bool all) {
    ck_assert_ptr_eq(done, &relay);
    ended++;
    whole = all;
}

static const struct stream_class class = {
    .kind = FD_UPSTREAM, .input = input, .drained = drained, .died = died};

/* A TCP connection; the ledger knows the stream's end, which does not block. */
static int join(struct stream *stream) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(name);
    int listener = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&name, size), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&name, &size), 0);
    ck_assert_int_eq(connect(other, (struct sockaddr *)&name, size), 0);
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    ck_assert_int_ge(fd, 0);
    close(listener);
    ck_assert_int_eq(fcntl(other, F_SETFL, O_NONBLOCK), 0);
    ledger_enter(&rig.loop.ledger, fd, FD_UPSTREAM, 0, 0);
    stream_init(stream, &rig.loop, &class, fd, false);
    return other;
}

static void setup(void) {
    loop_rig_setup(&rig);
    rig.offload.pipes = 2;
    loop_rig_start(&rig);
    from = to = (struct stream){0};
    chunked = (struct chunked){0};
    ended = 0, whole = bulk = false;
    sender = join(&from);
    receiver = join(&to);
}

static void teardown(void) {
    stream_abort(&from);
    stream_abort(&to);
    loop_rig_turn(&rig);
    ck_assert_uint_eq(rig.loop.ledger.open_by_kind[FD_UPSTREAM], 0);
    close(sender);
    close(receiver);
    loop_rig_teardown(&rig);
}

static void start_bursts(void) {
    relay_init(&relay, &from, RELAY_REST, NULL, on_end);
    relay.bursts = true;
}

static void start_message(uint64_t length, struct chunked *framing) {
    relay_init(&relay, &from, length, framing, on_end);
    relay.queued = true;
    ck_assert_int_eq(stream_send(&to, span_of(NULL, 0), span_of(NULL, 0), -1, &relay.body), 0);
}

static void say(const char *text) {
    ck_assert_int_eq(send(sender, text, strlen(text), 0), (ssize_t)strlen(text));
}

static void expect(const char *text) {
    char bytes[64] = "";
    loop_rig_receive(&rig, receiver, bytes, strlen(text));
    ck_assert_str_eq(bytes, text);
}

static void expect_eof(void) {
    char byte;
    loop_rig_receive(&rig, receiver, &byte, 1);
    ck_assert_int_eq(recv(receiver, &byte, 1, 0), 0);
}

static void turn_until_ended(void) {
    struct pollfd pause = {.fd = -1};
    for (int i = 0; i < 1000 && !ended; i++) {
        loop_rig_turn(&rig);
        poll(&pause, 1, 1);
    }
    ck_assert_int_eq(ended, 1);
}

START_TEST(bursts_hold_nothing_between)
{
    start_bursts();
    for (int i = 0; i < 3; i++) {
        say("hello");
        expect("hello");
        loop_rig_turn(&rig);
        ck_assert(!relay.queued && !from.in && outq_is_empty(&to.out));
    }
    ck_assert_uint_eq(relay.bytes, 15);
    ck_assert(!relay_done(&relay));
    say("bye");
    shutdown(sender, SHUT_WR);
    expect("bye");
    expect_eof();
    ck_assert(relay_done(&relay));
}
END_TEST

START_TEST(a_length_and_not_more)
{
    start_message(10, NULL);
    say("01234");
    expect("01234");
    say("56789next");
    expect("56789");
    turn_until_ended();
    ck_assert(whole);
    ck_assert_uint_eq(iobuf_pending(from.in).n, 4);
}
END_TEST

START_TEST(a_length_cut_short)
{
    start_message(10, NULL);
    say("01234");
    expect("01234");
    shutdown(sender, SHUT_WR);
    turn_until_ended();
    ck_assert(!whole && relay.broken && to.dying);
}
END_TEST

START_TEST(until_the_end)
{
    start_message(RELAY_REST, NULL);
    say("all of it");
    shutdown(sender, SHUT_WR);
    expect("all of it");
    turn_until_ended();
    ck_assert(whole);
}
END_TEST

START_TEST(chunks_are_taken_out)
{
    start_message(RELAY_REST, &chunked);
    say("3;x=y\r\nab");
    expect("ab");
    say("c\r\n");
    say("2\r\nde\r\n0\r\nTrailer: x\r\n\r\n");
    expect("cde");
    turn_until_ended();
    ck_assert(whole);
    ck_assert_uint_eq(relay.bytes, 5);
}
END_TEST

START_TEST(a_bad_chunk_breaks)
{
    start_message(RELAY_REST, &chunked);
    say("3\r\nabcX");
    turn_until_ended();
    ck_assert(!whole && relay.broken);
}
END_TEST

START_TEST(the_sender_dies)
{
    start_message(10, NULL);
    say("0123");
    expect("0123");
    stream_abort(&from);
    turn_until_ended();
    ck_assert(!whole && relay.broken);
}
END_TEST

START_TEST(the_receiver_dies)
{
    start_message(10, NULL);
    stream_abort(&to);
    turn_until_ended();
    ck_assert(!whole && !relay.broken);
}
END_TEST

/* Byte i of a bulk transfer. */
static char byte_at(size_t i) {
    return (char)(i * 2654435761u >> 13);
}

/* Sends what the socket takes of what is behind *sent. */
static void pump(size_t *sent, size_t size) {
    static char piece[65536];
    while (*sent < size) {
        size_t n = size - *sent < sizeof(piece) ? size - *sent : sizeof(piece);
        for (size_t i = 0; i < n; i++)
            piece[i] = byte_at(*sent + i);
        ssize_t took = send(sender, piece, n, 0);
        if (took <= 0)
            return;
        *sent += (size_t)took;
    }
}

static void drain(size_t *got) {
    static char piece[65536];
    for (ssize_t n; (n = recv(receiver, piece, sizeof(piece), 0)) > 0;) {
        bool same = true; /* an assertion a byte would cost a system call each */
        for (ssize_t i = 0; i < n; i++, ++*got)
            same &= piece[i] == byte_at(*got);
        ck_assert(same);
    }
}

/* Turns until nothing moves any more though nobody reads. */
static size_t fill_up(void) {
    struct pollfd pause = {.fd = -1};
    size_t sent = 0;
    for (int still = 0; still < 20; still++) {
        size_t before = sent;
        pump(&sent, 256 * MIB);
        loop_rig_turn(&rig);
        if (sent > before)
            still = 0;
        else
            poll(&pause, 1, 1);
    }
    return sent;
}

START_TEST(back_pressure)
{
    start_bursts();
    size_t sent = fill_up(), got = 0;
    ck_assert_uint_lt(sent, 64 * MIB);
    ck_assert(to.writing && !from.reading && relay.queued);
    while (got < sent) { /* and on it goes, to the last byte */
        drain(&got);
        loop_rig_turn(&rig);
    }
    loop_rig_turn(&rig);
    ck_assert(from.reading && !relay.queued && !relay.pipe);
    say("and more");
    expect("and more");
}
END_TEST

START_TEST(bulk_is_spliced)
{
    start_bursts();
    size_t size = 16 * MIB, sent = 0, got = 0;
    while (got < size) {
        pump(&sent, size);
        loop_rig_turn(&rig);
        drain(&got);
    }
    ck_assert(bulk);
    shutdown(sender, SHUT_WR);
    expect_eof();
    ck_assert(!relay.pipe && relay_done(&relay));
}
END_TEST

START_TEST(bulk_without_a_pipe)
{
    struct pipe_pair *taken[] = {offload_pipe(rig.loop.offload), offload_pipe(rig.loop.offload)};
    start_bursts();
    size_t size = 4 * MIB, sent = 0, got = 0;
    while (got < size) {
        pump(&sent, size);
        loop_rig_turn(&rig);
        drain(&got);
    }
    for (size_t i = 0; i < 2; i++)
        offload_pipe_release(rig.loop.offload, taken[i], true);
}
END_TEST

/* splice(2) does not pass urgent data: the relay has to go on by recv(2). */
START_TEST(urgent_data_is_not_the_end)
{
    start_bursts();
    from.raw = true; /* in the middle of a bulk transfer */
    say("before");
    ck_assert_int_eq(send(sender, "!", 1, MSG_OOB), 1);
    expect("before");
    say("behind");
    from.raw = true;
    expect("behind");
    shutdown(sender, SHUT_WR);
    expect_eof();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("relay");
    TCase *all = tcase_create("relay");
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, bursts_hold_nothing_between);
    tcase_add_test(all, a_length_and_not_more);
    tcase_add_test(all, a_length_cut_short);
    tcase_add_test(all, until_the_end);
    tcase_add_test(all, chunks_are_taken_out);
    tcase_add_test(all, a_bad_chunk_breaks);
    tcase_add_test(all, the_sender_dies);
    tcase_add_test(all, the_receiver_dies);
    tcase_add_test(all, back_pressure);
    tcase_add_test(all, bulk_is_spliced);
    tcase_add_test(all, bulk_without_a_pipe);
    tcase_add_test(all, urgent_data_is_not_the_end);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
