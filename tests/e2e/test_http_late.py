"""Replies that outlast their handler: streams, events, and late ones."""
import json

from case import KIB, MIB
from daemon import until
from http1 import head
from probe import build
from probe_case import HELLO, ProbeCase, alphabet


class Streams(ProbeCase):
    def test_bodies_of_unknown_length_are_chunked(self):
        client = self.open()
        for size in (0, 1, 1024, 16384, 16385, 3 * MIB):
            response = client.fetch(f"/stream?size={size}")
            self.assertEqual((response.chunked, response.body == alphabet(size)), (True, True), size)
        self.assertGoesOn(client)

    def test_http_1_0_ends_with_the_connection(self):
        client = self.open()
        response = client.fetch("/stream?size=100000", version="1.0")
        self.assertEqual((response.chunked, response.closes, response.body), (False, True, alphabet(100000)))

    def test_a_source_may_ask_for_time(self):
        self.assertEqual(self.open().fetch("/stream?size=3500&hesitant=1").body, alphabet(3500))

    def test_replies_behind_a_stream_wait_for_it(self):
        client = self.open()
        client.send(head("GET", "/stream?size=300000") + head("GET", "/hello") + head("GET", "/stream?size=5"))
        self.assertEqual(client.response().body, alphabet(300000))
        self.assertEqual(client.response().body, HELLO)
        self.assertEqual(client.response().body, alphabet(5))

    def test_a_source_that_fails_breaks_the_connection(self):
        for address in (self.server.tcp, self.server.unix):
            client = self.open(address)
            with self.assertRaises((EOFError, ConnectionResetError)):
                client.fetch("/stream?size=200000&fail=100000")

    def test_every_source_is_dropped_once(self):
        daemon = self.probe_daemon()
        client = self.open(daemon.tcp)
        client.fetch("/stream?size=10")
        client.ask("HEAD", "/stream?size=10")
        self.assertEqual(client.fetch("/stream?size=10&instead=1").body, b"instead")
        leaver = self.open(daemon.tcp, receive_buffer=4096)
        leaver.send(head("GET", "/stream?size=1000000000"))
        leaver.response_head()
        self.leave(leaver)
        until(lambda: self.counters(client)["dropped"] == 4, "four dropped sources")
        self.assertEqual(client.fetch("/hello").status, 200)

    def test_a_slow_client_slows_its_source_down(self):
        daemon = self.probe_daemon()
        slow, other = self.open(daemon.tcp, receive_buffer=16 * KIB), self.open(daemon.tcp)
        slow.send(head("GET", "/stream?size=1073741824"))
        slow.response_head()
        slow.take(MIB)
        self.assertLess(self.counters(other)["pulled"], 64 * MIB)
        self.leave(slow)


class Events(ProbeCase):
    def listen(self, daemon, room=65536, **options):
        client = self.open(daemon.tcp, **options)
        client.send(head("GET", f"/listen?room={room}"))
        return client

    def publish(self, client, count, size):
        return json.loads(client.ask("POST", f"/publish?count={count}&size={size}").body)

    def take_event(self, client):
        """The next chunk, which small events have for themselves."""
        size = int(client.take_through(b"\r\n"), 16)
        data = client.take(size)
        client.take(2)
        return data

    def test_events_arrive_as_they_are_published(self):
        daemon = self.probe_daemon()
        publisher, listeners = self.open(daemon.unix), [self.listen(daemon) for _ in range(3)]
        for listener in listeners:
            response = listener.response_head()
            self.assertEqual((response.status, response.get("Content-Type")), (200, "text/event-stream"))
            self.assertEqual(response.get("Cache-Control"), "no-cache")
        for n in (1, 2):
            self.assertEqual(self.publish(publisher, 1, 3), {"taken": 3, "full": 0, "gone": 0})
            for listener in listeners:
                self.assertEqual(self.take_event(listener), b"id: %d\nevent: news\ndata: ddd\n\n" % n)
        publisher.ask("POST", "/hang-up")
        for listener in listeners:
            self.assertEqual(listener.take(5), b"0\r\n\r\n")
            self.assertEqual(listener.fetch("/hello").body, HELLO)

    def test_a_slow_listener_misses_events_and_nobody_else_does(self):
        daemon = self.probe_daemon()
        publisher = self.open(daemon.unix)
        slow, quick = self.listen(daemon, 8 * KIB, receive_buffer=4096), self.listen(daemon, 8 * KIB)
        slow.response_head()
        quick.response_head()
        published = missed = 0
        while missed < 3:
            told = self.publish(publisher, 1, 4 * KIB)
            published += 1
            missed += told["full"]
            self.assertIn(b"id: %d\n" % published, quick.take_through(b"\n\n"))
        publisher.ask("POST", "/hang-up")
        data = b""
        while size := int(slow.take_through(b"\r\n"), 16):
            data += slow.take(size)
            slow.take(2)
        events = data.split(b"\n\n")
        self.assertEqual(events.pop(), b"")
        ids = [int(event.split(b"\n")[0].removeprefix(b"id: ")) for event in events]
        self.assertEqual(ids, sorted(set(ids)))
        self.assertEqual(len(ids), published - missed)
        for event in events:
            self.assertTrue(event.endswith(b"\ndata: " + b"d" * 4 * KIB))

    def test_a_publisher_learns_that_a_listener_left(self):
        daemon = self.probe_daemon()
        publisher, listener = self.open(daemon.unix), self.listen(daemon)
        listener.response_head()
        self.leave(listener)
        until(lambda: self.publish(publisher, 1, 1)["gone"], "a listener gone")
        publisher.ask("POST", "/hang-up")

    def test_head_leaves_the_channel_at_once(self):
        daemon = self.probe_daemon()
        client = self.open(daemon.tcp)
        self.assertEqual(client.ask("HEAD", "/listen?room=100").status, 200)
        self.assertEqual(self.publish(client, 1, 1), {"taken": 0, "full": 0, "gone": 1})
        client.ask("POST", "/hang-up")

    def test_open_channels_do_not_outlive_the_daemon(self):
        daemon = self.probe_daemon("--drain-timeout", 0.2)
        listener = self.listen(daemon)
        listener.response_head()
        daemon.stop()
        self.assertTrue(listener.ended_or_reset())
        self.assertIn("probe: exit", daemon.stderr)


class Late(ProbeCase):
    WORKER = 'route "GET /late-worker/:word" { handler = "late" mode = worker }'

    def test_a_reply_of_another_thread(self):
        daemon = self.probe_daemon(config=self.WORKER)
        for path in ("/late", "/late-worker"):
            gate, client, other = self.gate(), self.open(daemon.tcp), self.open(daemon.tcp)
            client.send(head("GET", f"{path}/w%20x?gate={gate}"))
            self.assertEqual(other.fetch("/hello").body, HELLO)
            self.open_gate(gate)
            response = client.response()
            self.assertEqual((response.status, response.get("X-Early"), response.get("X-Cancelled")),
                             (203, "yes", "no"))
            self.assertRegex(response.body, rb"^late w x 127\.0\.0\.1:\d+$")
            self.assertEqual(client.fetch("/hello").body, HELLO)

    def test_a_late_reply_keeps_its_place_in_the_pipeline(self):
        daemon, gate = self.probe_daemon(), self.gate()
        client = self.open(daemon.tcp)
        client.send(head("GET", "/hello") + head("GET", f"/late/a?gate={gate}") + head("GET", "/fib/10"))
        self.assertEqual(client.response().body, HELLO)
        daemon.wait_counter("http", "handlers_worker")
        self.open_gate(gate)
        self.assertTrue(client.response().body.startswith(b"late a"))
        self.assertEqual(client.response().body, b'{"n":10,"fib":55}')

    def test_a_late_reply_after_the_client_left_is_dropped(self):
        daemon = self.probe_daemon(config=self.WORKER)
        for n, path in enumerate(("/late", "/late-worker")):
            gate, client = self.gate(), self.open(daemon.tcp)
            client.send(head("GET", f"{path}/a?gate={gate}"))
            daemon.wait_counter("http", ("handlers_inline", "handlers_worker")[n])
            self.leave(client)
            self.await_connections(daemon, 0)
            self.open_gate(gate)
            daemon.wait_counter("http", "handlers_late", n + 1)
        self.assertEqual(self.fetch(daemon.tcp, "/hello").body, HELLO)

    def test_finished_before_the_handler_returned(self):
        daemon = self.probe_daemon(config='route "GET /soon-worker" { handler = "soon" mode = worker }')
        client = self.open(daemon.tcp)
        for path in ("/soon", "/soon-worker"):
            for _ in range(50):
                self.assertEqual(client.fetch(path).body, b"soon")
        client.send(b"".join(head("GET", path) for path in ("/soon", "/soon-worker") * 50))
        for _ in range(100):
            self.assertEqual(client.response().body, b"soon")

    def test_the_after_hook_sees_the_late_reply(self):
        response = self.open().fetch("/late-hooked")
        self.assertEqual((response.body, response.get("X-After")), (b"soon", "hook 200"))

    def test_a_drain_waits_for_late_replies(self):
        daemon, gate = self.probe_daemon(), self.gate()
        client = self.open(daemon.tcp)
        client.send(head("GET", f"/late/a?gate={gate}"))
        daemon.wait_counter("http", "handlers_inline")
        daemon.signal()
        daemon.wait_line("draining")
        self.open_gate(gate)
        self.assertEqual(client.response().status, 203)
        daemon.stop()

    def test_a_drain_that_is_cut_off_leaves_them_behind(self):
        daemon, gate = self.probe_daemon("--drain-timeout", 0.2), self.gate()
        client = self.open(daemon.tcp)
        client.send(head("GET", f"/late/a?gate={gate}"))
        daemon.wait_counter("http", "handlers_inline")
        daemon.stop()
        self.assertTrue(client.ended_or_reset())

    def test_one_that_comes_when_all_is_over_does_no_harm(self):
        """Later than it may: when main() has returned."""
        module = build('''
            #include <sluice/handler.h>
            #include <stdio.h>
            static struct sluice_request *late;
            static void keep(struct sluice_request *request, void *user) {
                (void)user;
                late = sluice_defer(request);
            }
            __attribute__((destructor)) static void finish(void) {
                if (!late)
                    return;
                sluice_reply_text(late, "too late");
                sluice_finish(late);
                fprintf(stderr, "finished\\n");
            }
            SLUICE_MODULE;
            int sluice_module_init(struct sluice_module *module) {
                return sluice_module_add(module, &(struct sluice_route){.title = "POST /keep", .handler = keep});
            }''', self.directory() / "late.so")
        daemon = self.daemon("--modules", module, "--drain-timeout", 0.1)
        client = self.open(daemon.tcp)
        client.send(head("POST", "/keep", "Content-Length: 100000") + bytes(100000))
        daemon.wait_counter("http", "handlers_inline")
        daemon.stop()
        self.assertIn("finished", daemon.stderr)
