"""The reverse proxy: bodies both ways, what the client sees of servers that misbehave, back-pressure."""
import contextlib
import signal
import socket
import threading

from daemon import BUILD, until
from gateway_case import GatewayCase
from http1 import chunks, head
from upstream import plain

KIB, MIB = 1024, 1024 * 1024


class Bodies(GatewayCase):
    def setUp(self):
        self.server = self.upstream()
        self.daemon_ = self.gateway(self.server)
        self.client = self.open(self.daemon_)

    def test_get(self):
        for _ in range(3):
            self.assertEqual(self.client.fetch("/ok").body, b"ok")
        self.assertEqual({seen.connection for seen in self.server.seen}, {1}, "one connection is enough")

    def test_sizes_down(self):
        for n in (0, 1, 2047, 2048, 2049, 17 * KIB, 64 * KIB + 1, 300 * KIB, 5 * MIB):
            body = self.client.fetch(f"/bytes/{n}").body
            self.assertEqual(len(body), n)
            self.assertEqual(body, (bytes(i * 7 % 251 for i in range(min(n, 251))) * (n // 251 + 1))[:n])
        self.assertEqual(self.server.opened, 1)

    def test_sizes_up(self):
        for n in (1, 100, 17 * KIB, 64 * KIB, 64 * KIB + 1, 3 * MIB):
            body = bytes(i % 253 for i in range(n))
            self.assertEqual(self.client.ask("POST", "/echo", body=body).body, body)
            self.assertEqual(self.server.seen[-1].get("Content-Length"), str(n))

    def test_chunked_up(self):
        parts = [b"a", b"b" * 5000, b"c" * 200000]
        self.client.send(head("POST", "/echo", "Transfer-Encoding: chunked") + chunks(*parts, trailers=["X-T: 1"]))
        self.assertEqual(self.client.response("POST").body, b"".join(parts))
        seen = self.server.seen[-1]
        self.assertEqual(seen.get("Transfer-Encoding"), "chunked")
        self.assertIsNone(seen.get("Content-Length"))
        self.assertEqual(self.client.fetch("/ok").body, b"ok")

    def test_chunked_up_in_single_bytes(self):
        for byte in head("POST", "/echo", "Transfer-Encoding: chunked") + chunks(b"hello", b"world"):
            self.client.send(bytes([byte]))
        self.assertEqual(self.client.response("POST").body, b"helloworld")

    def test_chunked_down(self):
        response = self.client.fetch("/chunked")
        self.assertTrue(response.chunked)
        self.assertEqual(response.body, b"one" + b"two" * 1000 + b"three" * 20000)
        self.assertEqual(self.client.fetch("/ok").body, b"ok")
        self.assertEqual(self.server.opened, 1, "the connection is reused behind a chunked answer")

    def test_until_close_down(self):
        response = self.client.fetch("/until-close")
        self.assertTrue(response.chunked)
        self.assertEqual(response.body, b"until the end" * 5000)
        self.assertEqual(self.client.fetch("/ok").body, b"ok")

    def test_http10_client(self):
        response = self.fetch(self.daemon_, "/chunked", version="1.0")
        self.assertFalse(response.chunked)
        self.assertTrue(response.closes)
        self.assertEqual(len(response.body), 3 + 3000 + 100000)

    def test_head_and_bodiless(self):
        response = self.client.ask("HEAD", "/bytes/1234")
        self.assertEqual((response.status, response.length), (200, 1234))
        response = self.client.fetch("/no-content")
        self.assertEqual((response.status, response.length, response.get("X-Kept")), (204, None, "yes"))
        response = self.client.fetch("/not-modified")
        self.assertEqual((response.status, response.length, response.get("ETag")), (304, 1234, '"x"'))
        self.assertEqual(self.client.fetch("/ok").body, b"ok")
        self.assertEqual(self.server.opened, 1)

    def test_no_content_that_announces_some(self):
        """RFC 9112, 6.3: it has none; if it comes all the same, it gets into no other answer."""
        for path in ("/no-content-with-a-length", "/no-content-with-a-length/body"):
            for method in ("GET", "POST"):
                response = self.client.ask(method, path)
                self.assertEqual((response.status, response.length), (204, None))
                self.assertEqual(self.client.fetch("/ok").body, b"ok")
        self.assertEqual(self.endpoint(self.daemon_, self.server)["malformed"], 0)

    def test_pipelined(self):
        self.client.send(b"".join(head("GET", f"/status/4{i:02}") for i in range(5)) + head("GET", "/chunked"))
        for i in range(5):
            self.assertEqual(self.client.response().status, 400 + i)
        self.assertEqual(len(self.client.response().body), 103003)

    def test_pipelined_requests_that_change_something(self):
        """RFC 9112, 9.3.2: only safe ones may be under way together; the others come to the server in their turn."""
        for first, second in (("GET", "POST"), ("POST", "GET"), ("GET", "DELETE")):
            server = self.upstream()
            daemon = self.gateway(server)
            client = self.open(daemon)
            client.send(head(first, "/hold") + head(second, "/who"))
            server.wait_seen(1)
            for _ in range(3):  # turns of the loop in which it could go wrong
                self.fetch(daemon, "/ok")
            self.assertEqual([seen.target for seen in server.seen], ["/hold", *["/ok"] * 3])
            server.release.set()
            self.assertEqual([client.response().body, client.response().body], [b"held", b"one"])
            self.assertEqual(client.fetch("/ok").body, b"ok")

    def test_pipelined_safe_requests_go_together(self):
        self.client.send(head("GET", "/hold") + head("HEAD", "/ok") + head("GET", "/who"))
        self.server.wait_seen(3)
        self.server.release.set()
        self.assertEqual(self.client.response().body, b"held")
        self.assertEqual(self.client.response("HEAD").length, 2)
        self.assertEqual(self.client.response().body, b"one")

    def test_events_arrive_one_by_one(self):
        self.client.send(head("GET", "/events"))
        response = self.client.response_head()
        self.assertEqual(response.get("Content-Type"), "text/event-stream")
        for i in range(3):
            self.client.take_through(b"data: %d\n\n\r\n" % i)
            self.server.release.set()  # only now the next one is sent
        self.client.take_through(b"0\r\n\r\n")

    def test_interim(self):
        self.client.send(head("GET", "/interim"))
        early = self.client.response()
        self.assertEqual((early.status, early.get("Link")), (103, "</a>"))
        self.assertEqual(self.client.response().body, b"final")

    def test_interim_answers_to_whom_they_would_harm(self):
        """To a client of HTTP/1.0, and before the answer to an earlier request."""
        client = self.open(self.daemon_)
        client.send(b"GET /interim HTTP/1.0\r\n\r\n")
        response = client.response()
        self.assertEqual((response.status, response.body), (200, b"final"))
        self.client.send(head("GET", "/hold") + head("GET", "/interim"))
        self.server.wait_seen(3)
        until(lambda: self.endpoint(self.daemon_, self.server)["responses_2xx"] == 2,
              "the second one is answered first")
        self.server.release.set()
        self.assertEqual([self.client.response().body for _ in range(2)], [b"held", b"final"])

    def test_expect_continue(self):
        self.client.send(head("POST", "/echo", "Content-Length: 5", "Expect: 100-continue"))
        self.assertEqual(self.client.response().status, 100)
        self.client.send(b"hello")
        self.assertEqual(self.client.response("POST").body, b"hello")
        self.assertIsNone(self.server.seen[-1].get("Expect"))

    def test_drip(self):
        self.assertEqual(self.client.fetch("/drip").body, b"drop by drop")

    def test_upgrade(self):
        self.client.send(head("GET", "/upgrade", "Connection: Upgrade", "Upgrade: shout/1.0"))
        response = self.client.response()
        self.assertEqual((response.status, response.get("Upgrade"), response.get("Connection").lower()),
                         (101, "shout/1.0", "upgrade"))
        self.assertEqual(self.client.take_through(b"\n"), b"hello\n")
        for i in range(100):
            self.client.send(b"line %d\n" % i)
            self.assertEqual(self.client.take_through(b"\n"), b"LINE %d\n" % i)
        self.client.send(b"x" * 300000 + b"\n")
        self.assertEqual(self.client.take_through(b"\n", 400000), b"X" * 300000 + b"\n")
        self.client.finish_sending()
        self.assertEqual(self.client.rest(), b"bye\n", "the server may still speak after the client has ended")
        until(lambda: self.daemon_.stats()["route"]["/*"]["open"] == 0, "the request is over")
        stats = self.daemon_.stats()
        self.assertEqual((stats["route"]["/*"]["failures"], stats["gateway"]["upgrades"]), (0, 1))

    def test_bytes_behind_an_upgrade(self):
        """What comes before the answer is the new protocol's, if there is one, or the next request."""
        self.client.send(head("GET", "/upgrade", "Connection: Upgrade", "Upgrade: shout/1.0") + head("GET", "/ok"))
        self.assertEqual(self.client.response().status, 101)
        self.assertEqual(self.client.take_through(b"\r\n\r\n"), b"hello\n" + head("GET", "/ok").upper())
        client = self.open(self.daemon_)
        client.send(head("GET", "/ok", "Connection: Upgrade", "Upgrade: shout/1.0") + head("GET", "/who"))
        self.assertEqual([client.response().body, client.response().body], [b"ok", b"one"])
        self.assertEqual(client.fetch("/ok").body, b"ok")

    def test_upgrade_refused(self):
        self.client.send(head("GET", "/ok", "Connection: Upgrade", "Upgrade: shout/1.0"))
        self.assertEqual(self.client.response().body, b"ok")
        self.assertEqual(self.client.fetch("/ok").body, b"ok")

    def test_upgrade_required(self):
        response = self.client.fetch("/upgrade-required")
        self.assertEqual((response.status, response.get("Upgrade"), response.get("Connection")),
                         (426, "websocket", "upgrade"))
        self.assertEqual(self.client.fetch("/ok").body, b"ok")

    def test_bodies_longer_than_a_route_takes(self):
        daemon = self.gateway(self.server, route="proxy_body = 1k")
        self.assertEqual(self.fetch(daemon, "/echo", method="POST", body=b"x" * 1024).body, b"x" * 1024)
        seen = len(self.server.seen)
        self.assertEqual(self.fetch(daemon, "/echo", method="POST", body=b"x" * 1025).status, 413)
        client = self.open(daemon)
        client.send(head("POST", "/echo", "Transfer-Encoding: chunked") + chunks(b"x" * 1024, b"x"))
        self.assertEqual(client.response("POST").status, 413)
        self.assertEqual(len(self.server.seen), seen, "no server got one whole")

    def test_early_answer(self):
        """The server answers and closes without reading the body: the answer arrives, the connection ends."""
        self.client.send(head("POST", "/refuse", f"Content-Length: {MIB}"))
        response = self.client.response("POST")
        self.assertEqual((response.status, response.body), (413, b"too much"))
        self.assertTrue(response.closes)

    def test_early_answer_is_read_before_the_reset(self):
        """A server that closes with much of the body unread resets the connection: its answer still counts."""
        for _ in range(20):
            client = self.open(self.daemon_)
            client.send_in_background(head("POST", "/refuse", f"Content-Length: {MIB}") + b"x" * MIB)
            response = client.response("POST")
            self.assertEqual((response.status, response.body), (413, b"too much"))
            client.close()

    def test_early_answer_that_has_to_wait(self):
        """It is not its turn yet: the rest of its body is dropped, and harms nobody. (A POST would wait.)"""
        self.client.send(head("GET", "/hold") + head("GET", "/refuse", f"Content-Length: {MIB}"))
        until(lambda: self.endpoint(self.daemon_, self.server)["responses_4xx"] == 1, "the second one is answered")
        for _ in range(10):
            self.client.send(b"x" * 1000)
            self.fetch(self.daemon_, "/ok")
        self.server.release.set()
        self.assertEqual(self.client.response().body, b"held")
        response = self.client.response()
        self.assertEqual((response.status, response.closes), (413, True))


class WhatTheClientSees(GatewayCase):
    def setUp(self):
        self.server = self.upstream()
        self.daemon_ = self.gateway(self.server, options="retries = 0")

    def test_hop_by_hop(self):
        response = self.fetch(self.daemon_, "/hop")
        self.assertEqual(response.get("X-Open"), "2")
        for name in ("X-Secret", "Proxy-Connection", "Upgrade", "Trailer", "Connection"):
            self.assertIsNone(response.get(name), name)

    def test_failures_before_the_head_is_whole(self):
        for path in ("/close", "/reset", "/mid-head", "/garbage", "/both", "/split", "/unasked-101"):
            client = self.open(self.daemon_)
            self.assertEqual(client.fetch(path).status, 502, path)
            self.assertEqual(client.fetch("/ok").body, b"ok", f"the client's connection goes on after {path}")

    def test_failures_inside_the_body(self):
        for path in ("/after-head", "/short", "/mid-chunk", "/bad-chunk"):
            client = self.open(self.daemon_)
            client.send(head("GET", path))
            with self.assertRaises((EOFError, ConnectionResetError), msg=path):
                client.response()
            self.server.release.set()
        self.assertEqual(self.daemon_.counter("gateway", "cut"), 4)
        self.assertEqual(self.fetch(self.daemon_, "/ok").body, b"ok")

    def test_more_than_one_answer(self):
        """Bytes behind an answer never become the answer to another request."""
        for path, body in (("/two", b"first"), ("/longer", b"short")):
            client = self.open(self.daemon_)
            self.assertEqual(client.fetch(path).body, body)
            self.assertEqual(client.fetch("/ok").body, b"ok")
            self.assertEqual(client.fetch("/who").body, b"one")
        until(lambda: self.endpoint(self.daemon_, self.server)["stray_bytes"] == 2, "both are counted")

    def test_more_than_one_answer_while_others_wait(self):
        """Not even where the connection goes on to the next in line at once, before anybody has read further."""
        server = self.upstream()
        daemon = self.gateway(server, options="max_connections = 1")
        clients = [self.open(daemon) for _ in range(8)]
        for _ in range(5):
            for client in clients:
                client.send(head("POST", "/long-and-another", "Content-Length: 0") +
                            head("POST", "/who", "Content-Length: 0"))
            for client in clients:
                self.assertEqual(len(client.response("POST").body), 300000)
                self.assertEqual(client.response("POST").body, b"one")

    def state(self, daemon):
        with open(f"/proc/{daemon.pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0]

    def test_answer_before_the_request(self):
        """What a server says unasked, like 408 when its patience ends, does not answer a request that just comes."""
        server = self.upstream()
        daemon = self.gateway(server)
        client = self.open(daemon)
        for _ in range(20):
            client.fetch("/who")
            daemon.signal(signal.SIGSTOP)  # it is to find both at once
            until(lambda: self.state(daemon) == "T", "it stands still")
            client.send(head("POST", "/who", "Content-Length: 0"))
            for sock in list(server.sockets):
                with contextlib.suppress(OSError):  # of an earlier round, gone by now
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    sock.sendall(plain(b"", "408 Request Timeout"))
            daemon.signal(signal.SIGCONT)
            self.assertEqual(client.response("POST").body, b"one")
        self.assertGreater(self.endpoint(daemon, server)["stray_bytes"], 0)

    def test_timeouts(self):
        server = self.upstream()
        daemon = self.gateway(server, options="timeout_first_byte = 0.1 retries = 0")
        self.assertEqual(self.fetch(daemon, "/silent").status, 504)
        self.assertEqual(self.endpoint(daemon, server)["timeouts"], 1)
        daemon = self.gateway(server, options="timeout_idle = 0.1")
        client = self.open(daemon)
        client.send(head("GET", "/events"))
        client.take_through(b"data: 0\n\n\r\n")
        with self.assertRaises((EOFError, ConnectionResetError)):
            client.take_through(b"data: 1\n\n\r\n")
        self.assertEqual(self.endpoint(daemon, server)["timeouts"], 1)

    def test_timeout_total(self):
        server = self.upstream()
        daemon = self.gateway(server, options="timeout_total = 0.1 retries = 0")
        self.assertEqual(self.fetch(daemon, "/hold").status, 504)

    def test_nobody_listens(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = "tcp:127.0.0.1:%d" % probe.getsockname()[1]
        daemon = self.gateway(address)
        self.assertEqual(self.fetch(daemon, "/").status, 502)


class BackPressure(GatewayCase):
    def memory(self, daemon):
        with open(f"/proc/{daemon.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) * KIB

    def assertGrewLess(self, daemon, before, most):
        """By less than so much memory since it was measured."""
        if not {"asan", "tsan", "ubsan"} & set(BUILD.parts):  # their allocators keep what is freed
            self.assertLess(self.memory(daemon) - before, most)

    def settled(self, count):
        """Waits until a number that grows has stopped to."""
        last = [-1, 0]

        def still():
            now = count()
            last[1] = last[1] + 1 if now == last[0] else 0
            last[0] = now
            return last[1] > 20
        until(still, "it stops")
        return last[0]

    def test_reader_that_stops(self):
        server = self.upstream()
        daemon = self.gateway(server)
        before = self.memory(daemon)
        client = self.open(daemon)
        client.send(head("GET", "/endless"))
        client.take(100)
        received = self.settled(lambda: self.connection(daemon)["bytes_out"])
        self.assertLess(received, 64 * MIB)
        self.assertGrewLess(daemon, before, 4 * MIB)
        taken = 0
        while taken < 2 * received + MIB:  # it goes on when the reader does
            taken += len(client.take(MIB))
        client.close()
        until(lambda: server.open == 0, "the server's connection ends")

    def test_a_reader_that_stops_is_no_silence_of_the_server(self):
        size = 32 * MIB
        daemon = self.gateway(self.upstream(), options="timeout_idle = 0.2")
        client = self.open(daemon)
        client.send(head("GET", f"/bytes/{size}"))
        self.settled(lambda: self.connection(daemon)["bytes_out"])

        def now():
            return daemon.stats()["process"]["uptime_seconds"]
        stopped = now()
        until(lambda: now() > stopped + 0.6, "three times as long as a server may be silent")
        self.assertEqual(len(client.response().body), size)

    def connection(self, daemon):
        return next(row for row in daemon.connections() if row["listener"] == daemon.tcp)

    def test_server_that_stops_reading(self):
        server = self.upstream()
        daemon = self.gateway(server)
        before = self.memory(daemon)
        client = self.open(daemon)
        client.send(head("POST", "/slow-reader", "Transfer-Encoding: chunked"))
        client.socket.setblocking(False)
        piece, sent = b"%x\r\n%s\r\n" % (64 * KIB, b"z" * 64 * KIB), 0
        rest = piece

        def blocked():
            nonlocal rest, sent
            for _ in range(200):
                try:
                    n = client.socket.send(rest)
                except BlockingIOError:
                    break
                sent += n
                rest = rest[n:] or piece
            return sent
        self.settled(blocked)
        self.assertGrewLess(daemon, before, 4 * MIB)
        server.release.set()
        client.socket.setblocking(True)
        client.send(rest + b"0\r\n\r\n")
        self.assertEqual(client.response("POST").body, b"done")

    def test_server_that_takes_too_long_to_read(self):
        server = self.upstream()
        daemon = self.gateway(server, options="timeout_idle = 0.2")
        client = self.open(daemon)
        client.send_in_background(head("POST", "/slow-reader", f"Content-Length: {64 * MIB}") + b"z" * 64 * MIB)
        self.assertEqual(client.response("POST").status, 504)
        self.assertEqual(self.endpoint(daemon, server)["timeouts"], 1)
        server.release.set()

    def test_interim_answers_nobody_takes(self):
        server = self.upstream()
        daemon = self.gateway(server)
        before = self.memory(daemon)
        client = self.open(daemon)
        client.send(head("GET", "/interim-flood"))
        until(lambda: daemon.counter("gateway", "bytes_in") > 64 * MIB, "the server goes on")
        self.assertGrewLess(daemon, before, 24 * MIB)
        self.assertEqual(self.fetch(daemon, "/ok").body, b"ok", "others have buffers")

    def test_upgraded_reader_that_stops(self):
        """What is no answer any more goes by timeout_tunnel, not by timeout_send."""
        size = 64 * MIB
        daemon = self.gateway(self.upstream(), arguments=("--timeout-send", 0.1))
        client = self.open(daemon)
        client.send(head("GET", f"/upgrade-bytes/{size}", "Connection: Upgrade", "Upgrade: bulk"))
        self.settled(lambda: self.connection(daemon)["bytes_out"])
        threading.Event().wait(0.5)
        self.assertEqual(client.response().status, 101)
        client.discard(size)
