"""Clients that are slow, idle or too many, the drain, and wrk: bounded, told, and never mixed up."""
import json
import re
import select
import shutil
import signal
import subprocess
import time
import unittest

from case import KIB, MIB, Case
from daemon import until
from http1 import HttpClient, chunks, head
from http_case import HttpCase

BIG = "/objects/size/5242883"


class LimitCase(Case):
    def open(self, address, **options):
        client = HttpClient(address, **options)
        self.addCleanup(client.close)
        return client

    def assertTold(self, response, status, name):
        """An error that ends the connection."""
        self.assertEqual((response.status, response.closes), (status, True))
        self.assertIn(b'"%s"' % name.encode(), response.body)

    def drip(self, client, data):
        """Sends single bytes, until the server says something: long before all have gone, but a single byte of them
        after another may well be late on a busy machine."""
        for at in range(len(data)):
            if select.select([client.socket], [], [], 0.01)[0]:
                return
            client.send(data[at:at + 1])
        self.fail(f"{len(data)} slow bytes were taken")


class Slow(LimitCase):
    """Slowloris, in all its forms."""

    def test_head_that_stops(self):
        daemon = self.daemon("--timeout-request", 0.1, "--timeout-detect", 0.1)
        whole = head("GET", "/objects/hello")
        for address in (daemon.tcp, daemon.unix):
            for cut in (4, 10, 40, len(whole) - 1):
                for before in (b"", whole):
                    with self.subTest(address=address, cut=cut, before=bool(before)):
                        client = self.open(address)
                        client.send(before + whole[:cut])
                        if before:
                            self.assertEqual(client.response().status, 200)
                        self.assertTold(client.response(), 408, "TIMEOUT")
                        self.assertEqual(client.rest(), b"")
        self.assertEqual(daemon.counter("reactor", "closed_request"), 16)

    def test_head_that_drips(self):
        daemon = self.daemon("--timeout-request", 1)
        client = self.open(daemon.tcp)
        self.drip(client, head("GET", "/objects/hello")[:-2] + b"X: " + b"y" * 1000)
        self.assertTold(client.response(), 408, "TIMEOUT")
        self.assertEqual(client.rest(), b"")

    def test_a_head_that_comes_in_time_has_its_own(self):
        """Requests without a pause, each cut in two, for longer than one may take."""
        daemon = self.daemon("--timeout-request", 1)
        whole = head("GET", "/objects/hello")
        for _ in range(10):
            client = self.open(daemon.tcp)
            client.send(whole[:9])
            start, longest = time.monotonic(), 0
            while time.monotonic() < start + 2.5:
                before = time.monotonic()
                client.send(whole[9:] + whole[:9])
                status = client.response().status
                longest = max(longest, time.monotonic() - before)
                if status != 200:
                    break
            if status == 200:
                return
            self.assertGreater(longest, 0.5, f"{status}, and no request took long")
            client.close()
        self.skipTest("the machine stands still too often")

    def test_body_that_stops(self):
        daemon = self.daemon("--demo-routes=yes", "--timeout-request", 0.1)
        bodies = [head("POST", "/echo", "Content-Length: 10") + b"hello", head("POST", "/echo", "Content-Length: 10"),
                  head("POST", "/echo", "Content-Length: 900000") + bytes(500000),
                  head("POST", "/echo", "Transfer-Encoding: chunked"),
                  head("POST", "/echo", "Transfer-Encoding: chunked") + b"5",
                  head("POST", "/echo", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n",
                  head("POST", "/echo", "Transfer-Encoding: chunked") + chunks(b"hello")[:-1]]
        for address in (daemon.tcp, daemon.unix):
            for body in bodies:
                with self.subTest(address=address, body=body[:80]):
                    client = self.open(address)
                    client.send(head("GET", "/hello") + body)
                    self.assertEqual(client.response().status, 200)
                    self.assertTold(client.response(), 408, "TIMEOUT")
                    self.assertEqual(client.rest(), b"")
        self.assertEqual(daemon.counter("reactor", "closed_request"), 2 * len(bodies))

    def test_body_that_drips(self):
        daemon = self.daemon("--demo-routes=yes", "--timeout-request", 1)
        for start in (head("POST", "/echo", "Content-Length: 1000000"),
                      head("POST", "/echo", "Transfer-Encoding: chunked") + b"ffff\r\n",
                      head("POST", "/echo", "Transfer-Encoding: chunked") + b"0\r\nX: "):
            client = self.open(daemon.tcp)
            client.send(start)
            self.drip(client, b"y" * 1000)
            self.assertTold(client.response(), 408, "TIMEOUT")
            self.assertEqual(client.rest(), b"")

    def test_body_after_100(self):
        daemon = self.daemon("--demo-routes=yes", "--timeout-request", 0.1)
        client = self.open(daemon.tcp)
        client.send(head("POST", "/echo", "Content-Length: 10", "Expect: 100-continue"))
        self.assertEqual(client.response().status, 100)
        self.assertTold(client.response(), 408, "TIMEOUT")
        self.assertEqual(client.rest(), b"")

    def test_reader(self):
        daemon = self.daemon("--timeout-send", 0.1)
        for data in (head("GET", "/objects/1g"), head("GET", BIG) * 20, head("GET", "/_/metrics") * 1000):
            for address in (daemon.tcp, daemon.unix):
                before = daemon.counter("reactor", "closed_send")
                client = self.open(address, receive_buffer=4 * KIB)
                sender = client.send_in_background(data)
                daemon.wait_counter("reactor", "closed_send", before + 1)
                sender.join()
                self.assertTrue(self.is_cut_off(client))

    def is_cut_off(self, client):
        """What was on its way is all that comes."""
        size = 0
        try:
            while data := client.socket.recv(1 << 20):
                size += len(data)
        except ConnectionResetError:
            pass
        return size < 16 * MIB

    def test_reader_who_reads_a_little_goes_on(self):
        daemon = self.daemon("--timeout-send", 600)
        client = self.open(daemon.tcp, receive_buffer=4 * KIB)
        client.read_size = 1000
        client.send(head("GET", BIG) + head("GET", "/objects/hello"))
        self.assertTrue(client.response().body == self.tree.files["size/5242883"])
        self.assertEqual(client.response().status, 200)

    def test_many_of_them_hold_up_nobody(self):
        daemon = self.daemon("--demo-routes=yes", "--timeout-request", 600)
        data = [head("GET", "/objects/hello")[:-1], head("POST", "/echo", "Content-Length: 10") + b"hello",
                head("GET", "/objects/1g"), head("POST", "/echo", "Transfer-Encoding: chunked") + b"5\r\n"]
        slow = [self.open((daemon.tcp, daemon.unix)[n % 2], receive_buffer=4 * KIB) for n in range(200)]
        for n, client in enumerate(slow):
            client.send(data[n % len(data)])
        other = self.open(daemon.tcp)
        for _ in range(20):
            self.assertTrue(other.fetch(BIG).body == self.tree.files["size/5242883"])
        for client in slow:
            client.close()


class Idle(LimitCase):
    def test_keep_alive_ends(self):
        daemon = self.daemon("--timeout-keep-alive", 0.1)
        for address in (daemon.tcp, daemon.unix):
            silent = self.open(address)
            for after in (b"", b"\r\n"):
                client = self.open(address)
                client.send(head("GET", "/objects/hello") * 3 + after)
                for _ in range(3):
                    self.assertEqual(client.response().status, 200)
                self.assertEqual(client.rest(), b"")
            self.assertEqual(silent.fetch("/objects/hello").status, 200)  # it had sent nothing so far
            silent.close()
        self.assertGreaterEqual(daemon.counter("reactor", "closed_idle"), 4)

    def test_a_transfer_is_not_idle(self):
        daemon = self.daemon("--timeout-keep-alive", 0.1)
        busy, idle = self.open(daemon.tcp, receive_buffer=16 * KIB), self.open(daemon.tcp)
        busy.read_size = 4096
        busy.send(head("GET", BIG))
        busy.response_head()
        self.assertEqual(idle.fetch("/objects/hello").status, 200)
        self.assertEqual(idle.rest(), b"")  # by then the other one has lasted as long
        self.assertTrue(busy.take(5242883) == self.tree.files["size/5242883"])

    def test_a_worker_at_work_is_not_idle(self):
        daemon = self.daemon("--demo-routes=yes", "--timeout-keep-alive", 0.01, "--timeout-request", 0.05)
        client = self.open(daemon.tcp)
        client.send(head("GET", "/fib/36"))
        self.assertEqual(client.response().status, 200)

    def test_requests_of_a_connection(self):
        daemon = self.daemon("--requests-per-connection", 3)
        client = self.open(daemon.tcp)
        client.send(head("GET", "/objects/hello") * 5)
        self.assertEqual([client.response().closes for _ in range(3)], [False, False, True])
        self.assertEqual(client.rest(), b"")

    def test_too_many_requests(self):
        daemon = self.daemon("--rate-connection", 1, "--rate-burst", 3)
        client = self.open(daemon.tcp)
        client.send(head("GET", "/objects/hello") * 3 + head("GET", "/objects/hello") * 60)
        responses = [client.response() for _ in range(63)]
        self.assertEqual([response.status for response in responses[:3]], [200] * 3)
        refused = [response for response in responses if response.status == 429]
        self.assertGreater(len(refused), 30)
        self.assertEqual({response.get("Retry-After") for response in refused}, {"1"})
        self.assertIn(b"RATE_LIMITED", refused[0].body)

    def test_a_body_that_comes_too_often_is_the_last(self):
        daemon = self.daemon("--demo-routes=yes", "--rate-connection", 1, "--rate-burst", 1)
        client = self.open(daemon.tcp)
        client.send(head("GET", "/hello") + head("POST", "/echo", "Content-Length: 5") + b"hello" +
                    head("GET", "/hello"))
        responses = [client.response() for _ in range(2)]
        self.assertEqual([(response.status, response.closes) for response in responses], [(200, False), (429, True)])
        self.assertEqual(client.rest(), b"")


class Memory(LimitCase):
    def test_gathered_bodies_have_a_budget(self):
        daemon = self.daemon("--demo-routes=yes", "--request-bytes-total", "1m", "--timeout-request", 60)
        large, small = bytes(700000), b"x" * 100000
        start = head("POST", "/echo", f"Content-Length: {len(large)}")
        first, second = self.open(daemon.tcp), self.open(daemon.tcp)
        first.send(start + large[:-1])
        until(lambda: daemon.counter("reactor", "request_bytes") >= len(large) - 1, "all but one byte is gathered")
        second.send_in_background(start + large)
        response = second.response()
        self.assertEqual((response.status, response.get("Retry-After"), response.closes), (503, "1", True))
        self.assertEqual(json.loads(response.body)["error"], "BUSY")
        self.assertLessEqual(daemon.counter("reactor", "request_bytes"), MIB)
        with HttpClient(daemon.tcp) as third:
            self.assertEqual(third.ask("POST", "/echo", body=small).body, small)
        first.send(large[-1:])
        self.assertEqual(len(first.response().body), len(large))
        self.assertEqual(first.ask("POST", "/echo", body=large).status, 200)
        until(lambda: daemon.counter("reactor", "request_bytes") == 0, "what was booked is free again")


    def test_replies_that_nobody_reads_are_at_the_cost_of_their_own_connection(self):
        daemon = self.daemon("--demo-routes=yes", "--bytes-total", "2m", "--bytes-connection", "200k")
        body = b"x" * 100000
        post = head("POST", "/echo", f"Content-Length: {len(body)}") + body
        greedy = [self.open(address, receive_buffer=4 * KIB) for address in (daemon.tcp, daemon.unix)]
        senders = [client.send_in_background(post * 40) for client in greedy]
        daemon.wait_counter("reactor", "memory_bytes", 400000)
        with HttpClient(daemon.tcp) as other:
            for _ in range(10):
                self.assertEqual(other.ask("POST", "/echo", body=body).status, 200)
        self.assertLessEqual(daemon.counter("reactor", "memory_bytes"), 2 * (200 * KIB + len(body)))
        for client, sender in zip(greedy, senders):
            for _ in range(40):
                self.assertEqual(client.response().body, body)
            sender.join()


class Drain(LimitCase):
    def drain(self, daemon):
        daemon.signal(signal.SIGTERM)
        daemon.wait_line("event=draining")

    def ends(self, daemon, *clients):
        for client in clients:
            self.assertEqual(client.rest(), b"")
            client.close()
        self.assertEqual(daemon.wait_exit(), 0)

    def test_idle_connections_end(self):
        daemon = self.daemon()
        clients = [self.open(address) for address in (daemon.tcp, daemon.unix) * 3]
        for client in clients[2:]:
            self.assertEqual(client.fetch("/objects/hello").status, 200)
        until(lambda: daemon.counter("reactor", "connections") == 7, "all are accepted")
        self.drain(daemon)
        self.ends(daemon, *clients)

    def test_a_response_in_flight_completes_and_late_requests_are_told(self):
        daemon = self.daemon()
        clients = [self.open(address, receive_buffer=16 * KIB) for address in (daemon.tcp, daemon.unix)]
        for client in clients:
            client.read_size = 4096
            client.send(head("GET", BIG))
            self.assertEqual(client.response_head().status, 200)
        self.drain(daemon)
        for client in clients:
            client.send(head("GET", "/objects/hello") * 2)
            self.assertTrue(client.take(5242883) == self.tree.files["size/5242883"])
            self.assertTold(client.response(), 503, "SHUTTING_DOWN")
        self.ends(daemon, *clients)

    def test_pipelined_requests_in_hand_are_answered(self):
        daemon = self.daemon("--demo-routes=yes", "--handler-threads", 1, "--drain-timeout", 600)
        client = self.open(daemon.tcp)
        client.send(head("GET", "/fib/20") * 10 + head("GET", "/objects/hello") + head("GET", "/fib/40"))
        daemon.wait_counter("reactor", "requests_pipelined", 11)
        self.drain(daemon)
        responses = [client.response() for _ in range(12)]
        self.assertEqual([(response.status, response.closes) for response in responses],
                         [(200, False)] * 11 + [(200, True)])
        self.ends(daemon, client)

    def test_a_worker_at_work_answers(self):
        daemon = self.daemon("--demo-routes=yes", "--drain-timeout", 600)
        client = self.open(daemon.tcp)
        client.send(head("GET", "/fib/40"))
        daemon.wait_counter("reactor", "requests_open", 2)
        self.drain(daemon)
        response = client.response()
        self.assertEqual((response.status, response.closes), (200, True))
        self.ends(daemon, client)

    def test_a_body_that_has_begun_is_taken(self):
        daemon = self.daemon("--demo-routes=yes")
        posts = [(head("POST", "/echo", "Content-Length: 5") + b"he", b"llo"),
                 (head("POST", "/echo", "Transfer-Encoding: chunked") + b"5\r\nhel", b"lo\r\n0\r\n\r\n")]
        clients = [self.open(daemon.tcp) for _ in posts]
        for client, (start, _) in zip(clients, posts):
            client.send(start)
        daemon.wait_counter("reactor", "requests_open", 1 + len(posts))
        self.drain(daemon)
        for client, (_, rest) in zip(clients, posts):
            client.send(rest + head("GET", "/hello"))
            response = client.response()
            self.assertEqual((response.status, response.body, response.closes), (200, b"hello", True))
        self.ends(daemon, *clients)

    def test_a_head_that_has_begun_is_told(self):
        daemon = self.daemon()
        client = self.open(daemon.tcp)
        client.send(head("GET", "/objects/hello")[:-1])
        until(lambda: "http" in [row["protocol"] for row in daemon.connections()], "the start of a head")
        self.drain(daemon)
        client.send(b"\n")
        self.assertTold(client.response(), 503, "SHUTTING_DOWN")
        self.ends(daemon, client)

    def test_whoever_does_not_read_is_cut_off(self):
        daemon = self.daemon("--drain-timeout", 0.1)
        client = self.open(daemon.tcp, receive_buffer=16 * KIB)
        client.send(head("GET", "/objects/1g"))
        self.assertEqual(client.response_head().status, 200)
        self.drain(daemon)
        daemon.wait_line("drain cut off")
        self.assertEqual(daemon.wait_exit(), 0)

    def test_under_load_nothing_is_lost_without_a_word(self):
        """Each response is whole, and the connection ends only after it said so or between two of them."""
        daemon = self.daemon("--demo-routes=yes")
        clients = [self.open((daemon.tcp, daemon.unix)[n % 2]) for n in range(20)]
        for client in clients:
            client.send((head("GET", "/hello") + head("GET", "/objects/size/65553") + head("GET", "/fib/18")) * 20)
        until(lambda: daemon.counter("reactor", "connections") == 21, "all are accepted")
        self.drain(daemon)
        for client in clients:
            responses = []
            while client.buffer or client.receive():
                responses.append(client.response())
            self.assertLessEqual({response.status for response in responses}, {200, 503})
            self.assertFalse(any(response.closes for response in responses[:-1]))
            self.assertFalse(client.buffer)
            client.close()
        self.assertEqual(daemon.wait_exit(), 0)


@unittest.skipUnless(shutil.which("wrk"), "needs wrk (Debian package wrk)")
class Wrk(HttpCase):
    """A load generator that others wrote."""
    PIPELINE = """
        local batch
        init = function(args)
            local one = wrk.format("GET")
            batch = string.rep(one, 16)
        end
        request = function() return batch end
    """

    def wrk(self, target, seconds=1, connections=50, script=None, address=None):
        arguments = ["-t2", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
        if script:
            arguments += ["-s", self.directory({"script.lua": script.encode()}) / "script.lua"]
        where = (address or self.server.tcp)[len("tcp:"):]
        done = subprocess.run(["wrk", *arguments, f"http://{where}{target}"], capture_output=True, text=True,
                              timeout=seconds + 60, check=True)
        self.assertNotIn("Socket errors", done.stdout)
        self.assertNotIn("Non-2xx", done.stdout)
        requests = int(re.search(r"(\d+) requests in", done.stdout)[1])
        self.assertGreater(requests, 100)
        return requests

    def test_a_handler(self):
        self.wrk("/hello", seconds=5 if self.mode == "auto" else 1, connections=100)

    def test_a_handler_on_workers(self):
        self.wrk("/fib/15")

    def test_objects(self):
        for target in ("/objects/hello", "/objects/size/65553"):
            self.wrk(target)

    def test_pipelined(self):
        before = self.server.counter("http", "http_2xx")
        requests = self.wrk("/hello", script=self.PIPELINE)
        self.assertGreaterEqual(self.server.counter("http", "http_2xx"), before + requests)

    def test_closing_each_time(self):
        self.wrk("/hello", connections=20, script='wrk.headers["Connection"] = "close"')

    def test_while_the_workers_are_busy(self):
        client = self.open()
        client.send(head("GET", "/fib/30") * 20)
        self.wrk("/hello")
        self.assertEqual({client.response().status for _ in range(20)}, {200})
