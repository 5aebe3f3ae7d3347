"""Objects that change while HTTP sends them, and clients that leave at any moment."""
import os
import socket
import struct

from case import KIB, MIB, content
from http1 import chunks, head
from http_case import HttpCase

BIG = "/objects/size/5242883"
HUGE = "/objects/1g"


class Changing(HttpCase):
    SIZE = 24 * MIB  # more than the sockets on the way hold

    def start(self, address, data, *arguments):
        """A transfer of which the head and the first KiB were read."""
        root = self.directory({"object": data})
        daemon = self.daemon(*arguments, root=root)
        client = self.open(address(daemon), receive_buffer=32 * KIB)
        client.read_size = 4096
        client.send(head("GET", "/objects/object"))
        self.assertEqual(client.response_head().length, len(data))
        self.assertEqual(client.take(KIB), data[:KIB])
        client.read_size = 1 << 20
        return daemon, root / "object", client

    def ways(self):
        for address in (lambda daemon: daemon.tcp, lambda daemon: daemon.unix):
            for arguments in (("--sendfile", "yes"), ("--sendfile", "no")):
                yield address, arguments

    def test_a_replaced_one_is_the_old_one_to_the_end(self):
        data = content(self.SIZE)
        for address, arguments in self.ways():
            _, path, client = self.start(address, data, *arguments)
            (path.parent / "new").write_bytes(b"new")
            os.rename(path.parent / "new", path)
            self.assertTrue(client.take(self.SIZE - KIB) == data[KIB:])
            self.assertEqual(client.fetch("/objects/object").body, b"new")

    def test_a_removed_one_comes_whole(self):
        data = content(self.SIZE)
        for address, arguments in self.ways():
            _, path, client = self.start(address, data, *arguments)
            os.unlink(path)
            self.assertTrue(client.take(self.SIZE - KIB) == data[KIB:])
            self.assertEqual(client.fetch("/objects/object").status, 404)

    def test_one_that_grows_is_what_was_promised(self):
        data = content(self.SIZE)
        for address, arguments in self.ways():
            _, path, client = self.start(address, data, *arguments)
            with open(path, "ab") as file:
                file.write(b"more" * 1000)
            self.assertTrue(client.take(self.SIZE - KIB) == data[KIB:])
            self.assertEqual(client.ask("HEAD", "/objects/object").length, self.SIZE + 4000)

    def test_one_that_shrinks_is_never_padded(self):
        data = content(self.SIZE)
        for address, arguments in self.ways():
            for size in (0, 10 * MIB + 1):
                with self.subTest(arguments=arguments, size=size):
                    daemon, path, client = self.start(address, data, *arguments)
                    if not client.is_unix:
                        client.send(head("GET", "/_/health"))  # its response must not look like a part of the body
                    os.truncate(path, size)
                    reset = False
                    try:
                        got = client.rest()
                    except ConnectionResetError:
                        got, reset = bytes(client.buffer), True
                    self.assertLess(len(got), self.SIZE - KIB)
                    self.assertTrue(data[KIB:].startswith(got), "padded or mixed")
                    self.assertEqual(reset, not client.is_unix)
                    self.assertGreaterEqual(daemon.counter("reactor", "bodies_cut"), 1)


def post(*fields, body=b""):
    return head("POST", "/echo", *fields) + body


class Leaving(HttpCase):
    """At whatever point a client leaves: nothing stays behind (asserted when the daemon ends), nobody else notices."""
    # What was sent and how many bytes were received by then.
    STAGES = {
        "without a word": (b"", 0),
        "inside empty lines": (b"\r\n\r", 0),
        "inside the method": (b"GE", 0),
        "inside the request line": (b"GET /objects/hel", 0),
        "inside a field": (head("GET", BIG)[:-5], 0),
        "before the last LF": (head("GET", BIG)[:-1], 0),
        "with the request sent": (head("GET", BIG), 0),
        "inside the head of the response": (head("GET", BIG), 20),
        "inside the response": (head("GET", BIG), 5000),
        "inside a very large response": (head("GET", HUGE), 100000),
        "inside a range": (head("GET", HUGE, "Range: bytes=1000000-"), 100000),
        "with many responses to come": (head("GET", BIG) * 100 + head("GET", "/hello") * 100, 10000),
        "with a body to be sent": (post("Content-Length: 5"), 0),
        "inside a body": (post("Content-Length: 500000", body=bytes(100000)), 0),
        "with 100 asked for": (post("Content-Length: 5", "Expect: 100-continue"), 0),
        "with 100 received": (post("Content-Length: 5", "Expect: 100-continue"), 25),
        "with 100 asked for behind another request":
            (head("GET", BIG) + post("Content-Length: 5", "Expect: 100-continue"), 10),
        "inside a chunk's size": (post("Transfer-Encoding: chunked", body=b"5"), 0),
        "inside a chunk": (post("Transfer-Encoding: chunked", body=b"50000\r\nhello"), 0),
        "inside a trailer": (post("Transfer-Encoding: chunked", body=chunks(b"hello")[:-2] + b"X: "), 0),
        "inside a body behind other requests": (head("GET", BIG) + post("Content-Length: 5", body=b"hel"), 10),
        "while a worker works": (head("GET", "/fib/33"), 0),
        "while workers work, and others wait": (head("GET", "/fib/28") * 60, 0),
        "with responses waiting behind a worker's":
            (head("GET", "/fib/33") + (head("GET", "/hello") + head("GET", BIG) + head("GET", "/_/stats")) * 20, 0),
        "inside administration's pages": (head("GET", "/_/metrics") * 60, 100),
        "after an error": (b"GET / HTTP/1.1\r\n\r\n", 0),
        "inside a refused body": (post("Content-Length: 99999999", body=bytes(50000)), 0),
    }

    def leave(self, client, kindly):
        if not kindly:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    def test_at_any_moment(self):
        other = self.open()
        for name, (data, count) in self.STAGES.items():
            for address in (self.server.tcp, self.server.unix):
                for kindly in (True, False):
                    with self.subTest(name, address=address, kindly=kindly):
                        client = self.open(address, receive_buffer=4096)
                        client.read_size = 1024
                        client.send(data)
                        client.take(count)
                        self.leave(client, kindly)
                        self.assertGoesOn(other)
        other.close()
        self.server.check_rest()

    def test_with_descriptors_on_their_way(self):
        for count in (1, 3, 100):
            client = self.open(self.server.unix)
            client.send(head("GET", "/objects/hello", "Sluice-Delivery: fd") * count)
            client.close()
        self.server.check_rest()

    def test_many_at_once(self):
        stages = list(self.STAGES.values())
        clients = []
        for n in range(300):
            client = self.open((self.server.tcp, self.server.unix)[n % 2], receive_buffer=4096)
            client.send(stages[n % len(stages)][0])
            clients.append(client)
        for n, client in enumerate(clients):
            self.leave(client, n % 3)
        self.server.check_rest()
        self.assertGoesOn(self.open())
