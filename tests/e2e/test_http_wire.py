"""HTTP/1.1 byte by byte: the table of http_rows.py, and what a table cannot tell."""
import contextlib
import json

from case import MIB, content
from http1 import chunks, head
from http_case import HttpCase
from http_rows import CLOSED, ROWS

HELLO = b"hello, world\n"
BIG = "size/5242883"


def send(client, data):
    client.send(data)


def send_bytewise(client, data):
    """To a server that may have heard enough before the end."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        client.send_bytewise(data)


class Rows(HttpCase):
    """One test for each row, in four runs."""

    def check(self, row):
        for address, cut, first in ((self.server.tcp, send, True), (self.server.unix, send_bytewise, True),
                                    (self.server.unix, send, False), (self.server.tcp, send_bytewise, False)):
            with self.subTest(address=address, cut=cut.__name__, first=first):
                self.run_row(row, self.open(address), cut, first)

    def run_row(self, row, client, cut, first):
        if not first:
            self.assertGoesOn(client)
        cut(client, row.data)
        if first and row.later:
            self.assertTrue(client.ended_or_reset())
            return
        responses = [self.final_response(client, row, i) for i in range(len(row.statuses))]
        self.assertEqual([response.status for response in responses], list(row.statuses))
        for response, body in zip(responses, row.bodies or ()):
            self.assertEqual(response.body, body)
        ends = row.after == CLOSED
        self.assertEqual([response.closes for response in responses], [False] * (len(responses) - 1) + [ends])
        (self.assertEnds if ends else self.assertGoesOn)(client)
        client.close()

    def final_response(self, client, row, i):
        """Single bytes are slow enough for a 100 to come first."""
        response = client.response(row.methods[i] if row.methods else "GET")
        if response.status == 100 and b"expect:" in row.data.lower():
            response = client.response()
        return response


def add_rows():
    for row in ROWS:
        def test(self, row=row):
            self.check(row)
        setattr(Rows, f"test_rfc {row.name}", test)


add_rows()


class Cuts(HttpCase):
    def test_two_requests_cut_at_every_byte(self):
        both = (head("POST", "/echo", "Transfer-Encoding: chunked") + chunks(b"he", b"llo", trailers=["X: y"])
                + head("GET", "/objects/hello", "Connection: keep-alive"))
        for address in (self.server.tcp, self.server.unix):
            client = self.open(address)
            for cut in range(len(both) + 1):
                client.send(both[:cut])
                client.send(both[cut:])
                self.assertEqual(client.response().body, b"hello")
                self.assertEqual(client.response().body, HELLO)
            self.assertGoesOn(client)

    def test_responses_read_in_single_bytes(self):
        client = self.open(self.server.unix)
        client.read_size = 1
        client.send(head("GET", "/objects/hello", "Sluice-Delivery: fd") + head("GET", "/objects/hello")
                    + head("GET", "/objects/size/1", "Sluice-Delivery: fd"))
        first, second, third = client.response(), client.response(), client.response()
        self.addCleanup(first.close)
        self.addCleanup(third.close)
        self.assertEqual((first.status, first.body), (200, b""))
        self.assertEqual(second.body, HELLO)
        self.assertGreaterEqual(min(first.fd, third.fd), 0)

    def test_a_large_body_is_not_mixed_up(self):
        body = content(MIB)
        client = self.open()
        sender = client.send_in_background(
            head("POST", "/echo", f"Content-Length: {MIB}") + body
            + head("POST", "/echo", "Transfer-Encoding: chunked") + chunks(body[:7], body[7:500000], body[500000:]))
        self.assertEqual(client.response().body, body)
        self.assertEqual(client.response().body, body)
        sender.join()
        self.assertGoesOn(client)


class Described(HttpCase):
    """What a handler is told of a request."""

    def describe(self, *lines, host="localhost", body=b"", address=None):
        client = self.open(address)
        client.send(head(*lines, host=host) + body)
        response = client.response()
        self.assertEqual((response.status, response.get("Content-Type")), (200, "application/json"))
        return json.loads(response.body)

    def test_path_and_query(self):
        seen = self.describe("GET", "/x/../%65cho?describe=1&a=b%20c+d&e&=f")
        self.assertEqual((seen["method"], seen["target"], seen["path"], seen["version"]),
                         ("GET", "/x/../%65cho?describe=1&a=b%20c+d&e&=f", "/echo", "HTTP/1.1"))
        self.assertEqual(seen["query"], [["describe", "1"], ["a", "b c d"], ["e", ""], ["", "f"]])

    def test_absolute_form(self):
        seen = self.describe("DELETE", "http://localhost:80/echo?describe=1")
        self.assertEqual((seen["method"], seen["path"]), ("DELETE", "/echo"))

    def test_fields_come_in_order_and_trimmed(self):
        seen = self.describe("GET", "/echo?describe=1", "a:  1 ", "B:", "a: 2\t3", "X-Request-ID: my-id.1")
        self.assertEqual(seen["headers"], [["Host", "localhost"], ["a", "1"], ["B", ""], ["a", "2\t3"],
                                           ["X-Request-ID", "my-id.1"]])
        self.assertEqual(seen["request_id"], "my-id.1")

    def test_body_length_and_peer(self):
        seen = self.describe("POST", "/echo?describe=1", "Transfer-Encoding: chunked", body=chunks(b"ab", b"c"))
        self.assertEqual(seen["body_length"], 3)
        self.assertRegex(seen["peer"], r"^127\.0\.0\.1:\d+$")
        self.assertRegex(self.describe("GET", "/echo?describe=1", address=self.server.unix)["peer"], r"^uid:\d+$")

    def test_a_request_that_waits_for_its_body_keeps_its_head(self):
        first, second = self.open(), self.open()
        first.send(head("POST", "/%65cho?describe=1", "Content-Length: 3", "X: one"))
        self.assertEqual(second.fetch("/objects/hello").body, HELLO)
        first.send(b"abc" + head("GET", "/echo?describe=1", "X: two"))
        seen = [json.loads(first.response().body) for _ in range(2)]
        self.assertEqual([(s["method"], s["path"], s["headers"][-1]) for s in seen],
                         [("POST", "/echo", ["X", "one"]), ("GET", "/echo", ["X", "two"])])


class Head(HttpCase):
    """RFC 9110, 9.3.2: what GET would have said, without the content."""

    def test_has_the_fields_of_get(self):
        targets = [("/hello", ()), ("/objects/hello", ()), (f"/objects/{BIG}", ()), ("/objects/size/0", ()),
                   ("/objects/none", ()), ("/none", ()), ("/_/health", ()), ("/_/none", ()), ("/objects/%", ()),
                   ("/objects/hello", ("If-None-Match: *",)), ("/objects/hello", ("If-Match: \"x\"",)),
                   ("/echo", ()), ("/fib/1", ())]
        for address in (self.server.tcp, self.server.unix):
            client = self.open(address)
            for target, fields in targets:
                with self.subTest(target=target, fields=fields):
                    got, told = client.ask("GET", target, *fields), client.ask("HEAD", target, *fields)
                    got.fields.pop("date"), told.fields.pop("date")
                    self.assertEqual((got.status, got.fields), (told.status, told.fields))

    def test_of_pages_that_change(self):
        client = self.open()
        for page in ("stats", "conns", "fds", "metrics", "config", "ready"):
            response = client.ask("HEAD", f"/_/{page}")
            self.assertEqual((response.status, response.length > 0), (200, True))
        self.assertGoesOn(client)


class Expect(HttpCase):
    """RFC 9110, 10.1.1."""

    def ask_for_it(self, client, length=5, target="/echo", before=b""):
        client.send(before + head("POST", target, f"Content-Length: {length}", "Expect: 100-continue"))

    def test_100_comes_before_the_body(self):
        before = self.server.counter("http", "http_1xx")
        for address in (self.server.tcp, self.server.unix):
            client = self.open(address)
            for _ in range(3):
                self.ask_for_it(client)
                self.assertEqual(client.response().status, 100)
                client.send(b"hello")
                self.assertEqual(client.response().body, b"hello")
            self.assertGoesOn(client)
        self.assertEqual(self.server.counter("http", "http_1xx"), before + 6)

    def test_only_once_however_the_body_comes(self):
        client = self.open()
        self.ask_for_it(client)
        self.assertEqual(client.response().status, 100)
        client.send_bytewise(b"hello")
        self.assertEqual(client.response().body, b"hello")
        self.assertGoesOn(client)

    def test_it_waits_for_earlier_responses(self):
        for earlier, want in ((f"/objects/{BIG}", self.tree.files[BIG]), ("/fib/20", None), ("/hello", None)):
            with self.subTest(earlier):
                client = self.open()
                self.ask_for_it(client, before=head("GET", earlier) * 3)
                for _ in range(3):
                    response = client.response()
                    self.assertEqual(response.status, 200)
                    self.assertEqual(response.body if want else None, want)
                self.assertEqual(client.response().status, 100)
                client.send(b"hello" + head("GET", "/objects/hello"))
                self.assertEqual(client.response().body, b"hello")
                self.assertEqual(client.response().body, HELLO)

    def test_who_waits_for_it_behind_a_slow_request_is_not_late(self):
        daemon = self.daemon("--demo-routes=yes", "--timeout-request", 0.05)
        client = self.open(daemon.tcp)
        self.ask_for_it(client, before=head("GET", "/fib/38"))
        self.assertEqual((client.response().status, client.response().status), (200, 100))

    def test_a_refusal_comes_instead(self):
        for target, length, status in (("/objects/hello", 5, 405), ("/none", 5, 404), ("/hello", 5, 405),
                                       ("/echo", MIB + 1, 413), ("/_/health", 5, 405), ("/..", 5, 400)):
            with self.subTest(target):
                client = self.open()
                self.ask_for_it(client, length, target)
                response = client.response()
                self.assertEqual((response.status, response.closes), (status, True))
                self.assertEnds(client)

    def test_the_body_comes_without_waiting(self):
        client = self.open()
        for _ in range(100):
            self.ask_for_it(client)
            client.send(b"hello")
            response = client.response()
            if response.status == 100:
                response = client.response()
            self.assertEqual(response.body, b"hello")
        self.assertGoesOn(client)


class Pipelining(HttpCase):
    """RFC 9112, 9.3.2."""

    def mixed(self, count):
        """Requests of all kinds, with the method and the body that each must come back with."""
        requests, want = [], []
        for n in range(count):
            kind = n % 6
            if kind == 0:
                requests.append(head("GET", "/objects/hello"))
                want.append(("GET", 200, HELLO))
            elif kind == 1:
                text = b"number %d" % n
                requests.append(head("POST", "/echo", f"Content-Length: {len(text)}") + text)
                want.append(("POST", 200, text))
            elif kind == 2:
                requests.append(head("HEAD", "/objects/size/4096"))
                want.append(("HEAD", 200, b""))
            elif kind == 3:
                requests.append(head("GET", f"/fib/{n % 20}"))
                want.append(("GET", 200, None))
            elif kind == 4:
                requests.append(head("GET", "/objects/size/65553"))
                want.append(("GET", 200, self.tree.files["size/65553"]))
            else:
                requests.append(head("PUT", "/echo", "Transfer-Encoding: chunked") + chunks(b"%d" % n, b"!"))
                want.append(("PUT", 200, b"%d!" % n))
        return b"".join(requests), want

    def check(self, client, data, want):
        sender = client.send_in_background(data)
        for n, (method, status, body) in enumerate(want):
            response = client.response(method)
            self.assertEqual((n, response.status), (n, status))
            self.assertFalse(response.closes)
            if body is not None and response.body != body:
                self.fail(f"response {n} is another one's: {response}")
        sender.join()
        self.assertGoesOn(client)

    def test_a_thousand_are_answered_in_order(self):
        data, want = self.mixed(1000)
        for address in (self.server.tcp, self.server.unix):
            self.check(self.open(address), data, want)

    def test_with_few_in_hand_at_once(self):
        data, want = self.mixed(300)
        for pipeline in (1, 2, 5):
            self.check(self.open(self.daemon("--demo-routes=yes", "--pipeline", pipeline).tcp), data, want)

    def test_a_thousand_short_ones_in_one_write(self):
        client = self.open()
        client.send(head("GET", "/hello") * 1000)
        for _ in range(1000):
            self.assertEqual(client.response().body, b'{"message":"Hello, World!"}')
        self.assertGoesOn(client)

    def test_errors_keep_their_place(self):
        client = self.open()
        client.send(head("GET", f"/objects/{BIG}") + head("GET", "/none") + head("GET", "/fib/99") + head("GET", "/%")
                    + head("GET", "/fib/22") + b"GET / HTTP/3.0\r\n\r\n")
        self.assertEqual([client.response().status for _ in range(6)], [200, 404, 400, 400, 200, 505])
        self.assertEnds(client)


class Ends(HttpCase):
    """The client ends its side (docs/protocol.md, "Frame": half-close)."""

    def test_all_complete_requests_are_answered(self):
        for address in (self.server.tcp, self.server.unix):
            client = self.open(address)
            client.send(head("GET", f"/objects/{BIG}") + head("GET", "/fib/20") + head("GET", "/objects/hello"))
            client.finish_sending()
            self.assertEqual(client.response().body, self.tree.files[BIG])
            self.assertEqual(client.response().status, 200)
            self.assertEqual(client.response().body, HELLO)
            self.assertEnds(client)

    def test_inside_a_head(self):
        whole = head("GET", "/objects/hello")
        for rest in (whole[:1], whole[:-1], b"\r\n"):
            with self.subTest(rest):
                client = self.open()
                client.send(whole + rest)
                client.finish_sending()
                self.assertEqual(client.response().body, HELLO)
                self.assertEnds(client)

    def test_inside_a_body(self):
        posts = (head("POST", "/echo", "Content-Length: 5") + b"hell", head("POST", "/echo", "Content-Length: 5"),
                 head("POST", "/echo", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n",
                 head("POST", "/echo", "Transfer-Encoding: chunked") + b"0\r\n")
        for address in (self.server.tcp, self.server.unix):
            for post in posts:
                with self.subTest(address=address, post=post):
                    client = self.open(address)
                    client.send(head("GET", f"/objects/{BIG}") + head("GET", "/fib/20") + post)
                    client.finish_sending()
                    self.assertEqual(client.response().body, self.tree.files[BIG])
                    self.assertEqual(client.response().status, 200)
                    last = client.response()
                    self.assertEqual((last.status, last.closes), (400, True))
                    self.assertEnds(client)

    def test_another_protocol_on_a_connection_that_speaks_http(self):
        for data in (b"SLC1" + bytes(12), b"{\"jsonrpc\":\"2.0\"}\n", b"\x16\x03\x01\n"):
            client = self.open()
            self.assertGoesOn(client)
            client.send(data)
            with contextlib.suppress(EOFError):
                client.finish_sending()
                self.assertEqual(client.response().status, 400)
            self.assertEnds(client)


class Errors(HttpCase):
    def test_are_told_as_json(self):
        for data, status, name in ((head("GET", "/none"), 404, "NOT_FOUND"),
                                   (head("GET", "/objects/none"), 404, "NOT_FOUND"),
                                   (head("GET", "/objects/a//b"), 400, "BAD_REQUEST"),
                                   (b"GET / HTTP/1.1\r\n\r\n", 400, "BAD_REQUEST"),
                                   (b"GET / HTTP/2.0\r\n\r\n", 505, "HTTP_VERSION_NOT_SUPPORTED"),
                                   (b"GET /" + 9000 * b"a", 414, "URI_TOO_LONG"),
                                   (head("POST", "/echo", "Transfer-Encoding: x, chunked"), 501, "NOT_IMPLEMENTED"),
                                   (head("POST", "/echo", "Transfer-Encoding: chunked") + b"x", 400, "BAD_REQUEST"),
                                   (head("POST", "/echo", "Content-Length: 9999999"), 413, "TOO_LARGE")):
            with self.subTest(data):
                client = self.open()
                client.send(data)
                response = client.response()
                told = json.loads(response.body)
                self.assertEqual((response.status, response.get("Content-Type")), (status, "application/json"))
                self.assertEqual(told["error"], name)
                self.assertTrue(told["message"])

    def test_a_refused_message_is_counted(self):
        before = self.server.counter("reactor", "bad_frames")
        client = self.open()
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        self.assertEqual(client.response().status, 400)
        self.assertEqual(self.server.counter("reactor", "bad_frames"), before + 1)

    def test_empty_lines_alone_are_no_request(self):
        client = self.open()
        self.assertGoesOn(client)
        client.send(b"\r\n" * 9 + head("GET", "/hello"))
        self.assertEqual(client.response().status, 400)
        self.assertEnds(client)
