"""A server behind the gateway that misbehaves on purpose, and remembers every byte it was sent.

The path says how it answers: /ok, /status/503, /mid-head ... (see the methods answer_*); anything else is answered 200
with what was asked for, as JSON. Each request is in `seen`, in the order of arrival over all connections.
"""
import json
import os
import socket
import struct
import threading
import time

from slc import TIMEOUT


class Seen:
    """A request as it arrived: head (all bytes up to the empty line), body (decoded), and on which connection."""

    def __init__(self, head, body, connection):
        self.head, self.body, self.connection = head, body, connection
        line, *fields = head.decode("latin-1").split("\r\n")[:-2]
        self.line = line
        self.method, self.target, _ = line.split(" ")
        self.fields = [tuple(part.strip() for part in field.split(":", 1)) for field in fields]

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name):
        values = self.all(name)
        assert len(values) <= 1, f"{name} comes {len(values)} times"
        return values[0] if values else None


class Closed(Exception):
    pass


class Line:
    """A connection with a buffer."""

    def __init__(self, sock):
        self.sock, self.data = sock, b""

    def more(self):
        piece = self.sock.recv(65536)
        if not piece:
            raise Closed
        self.data += piece

    def until(self, mark):
        while mark not in self.data:
            self.more()
        end = self.data.index(mark) + len(mark)
        taken, self.data = self.data[:end], self.data[end:]
        return taken

    def exactly(self, n):
        while len(self.data) < n:
            self.more()
        taken, self.data = self.data[:n], self.data[n:]
        return taken

    def send(self, data):
        self.sock.sendall(data)


def field_of(head, name):
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return None


def read_body(line, head):
    if field_of(head, b"transfer-encoding"):
        body = b""
        while True:
            size = int(line.until(b"\r\n").split(b";")[0], 16)
            body += line.exactly(size)
            line.until(b"\r\n")
            if size == 0:
                return body
    return line.exactly(int(field_of(head, b"content-length") or 0))


def plain(body=b"", status="200 OK", fields=()):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


class Upstream:
    """Listens until close(). idle: seconds after which it closes a connection that rests, or resets it; say: sends
    Keep-Alive; name: what /who answers; delay: seconds before each answer."""

    def __init__(self, unix=None, idle=None, reset=False, say=None, name="one", fields=(), host="127.0.0.1", port=0,
                 delay=0):
        self.delay, self.reset = delay, reset
        self.idle, self.name, self.fields = idle, name, list(fields)
        if say is not None:
            self.fields.append(f"Keep-Alive: timeout={say}")
        self.seen, self.opened = [], 0
        self.changed = threading.Condition()
        self.release = threading.Event()  # what /hold waits for
        self.fail = False                 # answer everything with 500
        self.listener = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        if unix:
            self.listener.bind(unix)
            self.address = f"unix:{unix}"
        else:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind((host, port))
            self.port = self.listener.getsockname()[1]
            self.address = f"tcp:{host}:{self.port}"
        self.listener.listen(512)
        self.sockets = set()
        self.closing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.closing = True
        self.release.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for sock in list(self.sockets):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def wait_seen(self, count):
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.seen) >= count, TIMEOUT):
                raise AssertionError(f"{len(self.seen)} requests came, not {count}")
            return self.seen[count - 1]

    @property
    def open(self):
        return len(self.sockets)

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.opened += 1
            self.sockets.add(sock)
            threading.Thread(target=self._serve, args=(sock, self.opened), daemon=True).start()

    def _serve(self, sock, number):
        line = Line(sock)
        try:
            while not self.closing and self._one(line, number):
                pass
        except (Closed, OSError):
            pass
        finally:
            self.sockets.discard(sock)
            sock.close()

    def _one(self, line, number):
        line.sock.settimeout(self.idle)
        try:
            head = line.until(b"\r\n\r\n")
        except TimeoutError:
            return self.answer_reset(line, None, None) if self.reset else False
        line.sock.settimeout(TIMEOUT)
        word = head.split(b" ")[1].decode().split("?")[0].split("/")
        early = getattr(self, "early_" + word[1].replace("-", "_"), None)
        if early:
            self._note(Seen(head, None, number))
            return early(line)
        seen = Seen(head, read_body(line, head), number)
        self._note(seen)
        time.sleep(self.delay)
        if self.fail:
            line.send(plain(b"broken", "500 Internal Server Error"))
            return True
        answer = getattr(self, "answer_" + word[1].replace("-", "_"), None)
        if answer:
            return answer(line, seen, word[2:]) is not False
        line.send(plain(json.dumps({"line": seen.line, "fields": seen.fields, "body": seen.body.decode("latin-1")})
                        .encode(), fields=["Content-Type: application/json", *self.fields]))
        return True

    def _note(self, seen):
        with self.changed:
            self.seen.append(seen)
            self.changed.notify_all()

    # ---- before the body was read --------------------------------------------------------------------
    def early_refuse(self, line):
        """And says that it closes: a gateway that has sent all of the body would try the connection again."""
        line.send(plain(b"too much", "413 Content Too Large", ["Connection: close"]))
        return False

    def early_slow_reader(self, line):
        """Takes nothing of the body until released, then all of it."""
        self.release.wait(TIMEOUT)
        total = 0
        while b"0\r\n\r\n" not in line.data[-16:]:
            total += len(line.data)
            line.data = line.data[-16:]
            line.more()
        line.send(plain(b"done"))
        return False

    # ---- well-behaved --------------------------------------------------------------------------------
    def answer_ok(self, line, seen, rest):
        line.send(plain(b"ok", fields=self.fields))

    def answer_who(self, line, seen, rest):
        line.send(plain(self.name.encode(), fields=self.fields))

    def answer_echo(self, line, seen, rest):
        line.send(plain(seen.body, fields=self.fields))

    def answer_bytes(self, line, seen, rest):
        n = int(rest[0])
        body = b"" if seen.method == "HEAD" else bytes(i * 7 % 251 for i in range(min(n, 251))) * (n // 251 + 1)
        line.send(f"HTTP/1.1 200 OK\r\nContent-Length: {n}\r\n\r\n".encode() + body[:n])

    def answer_chunked(self, line, seen, rest):
        line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (b"one", b"two" * 1000, b"three" * 20000):
            line.send(b"%x;ext=1\r\n%s\r\n" % (len(piece), piece))
        line.send(b"0\r\nX-Trailer: dropped\r\n\r\n")

    def answer_until_close(self, line, seen, rest):
        line.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"until the end" * 5000)
        return False

    def answer_status(self, line, seen, rest):
        line.send(plain(b"status", f"{rest[0]} Whatever"))

    def answer_upgrade_required(self, line, seen, rest):
        line.send(plain(b"", "426 Upgrade Required", ["Connection: upgrade", "Upgrade: websocket"]))

    def answer_no_content(self, line, seen, rest):
        line.send(b"HTTP/1.1 204 No Content\r\nX-Kept: yes\r\n\r\n")

    def answer_no_content_with_a_length(self, line, seen, rest):
        """And with the body that it announces, some time."""
        line.send(b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n" + b"null" * (rest == ["body"]))

    def answer_not_modified(self, line, seen, rest):
        line.send(b'HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\nETag: "x"\r\n\r\n')

    def answer_hop(self, line, seen, rest):
        line.send(plain(b"hop", fields=["Connection: X-Secret, keep-alive", "X-Secret: 1", "Proxy-Connection: x",
                                        "Upgrade: h2c", "X-Open: 2", "Trailer: X-T"]))

    def answer_interim(self, line, seen, rest):
        line.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + plain(b"final"))

    def answer_interim_flood(self, line, seen, rest):
        while True:
            line.send(b"HTTP/1.1 103 Early Hints\r\nLink: " + b"a" * 900 + b"\r\n\r\n")

    def answer_events(self, line, seen, rest):
        start = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        for i in range(3):
            line.send(start + b"9\r\ndata: %d\n\n\r\n" % i)
            start = b""
            self.release.wait(TIMEOUT)
            self.release.clear()
        line.send(b"0\r\n\r\n")

    def answer_hold(self, line, seen, rest):
        self.release.wait(TIMEOUT)
        line.send(plain(b"held"))

    def answer_upgrade(self, line, seen, rest):
        """A protocol that answers each line in capitals."""
        line.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: shout/1.0\r\n\r\nhello\n")
        try:
            while True:
                line.send(line.until(b"\n").upper())
        except Closed:
            line.send(b"bye\n")
        return False

    def answer_upgrade_bytes(self, line, seen, rest):
        """As many bytes as are asked for behind the upgrade."""
        line.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: bulk\r\n\r\n")
        line.send(b"b" * int(rest[0]))
        line.more()

    # ---- misbehaving ---------------------------------------------------------------------------------
    def answer_silent(self, line, seen, rest):
        self.release.wait(TIMEOUT)
        return False

    def answer_close(self, line, seen, rest):
        return False

    def answer_close_once(self, line, seen, rest):
        if sum(one.target == seen.target for one in self.seen) == 1:
            return False
        line.send(plain(b"ok"))

    def answer_close_after(self, line, seen, rest):
        line.send(plain(b"ok"))
        return False

    def answer_reset(self, line, seen, rest):
        line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    def answer_mid_head(self, line, seen, rest):
        line.send(b"HTTP/1.1 200 OK\r\nContent-Le")
        return False

    def answer_begun(self, line, seen, rest):
        line.send(b"HTTP/1.1 200 OK\r\nContent-Le")
        self.release.wait(TIMEOUT)
        return False

    def answer_after_head(self, line, seen, rest):
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        return False

    def answer_short(self, line, seen, rest):
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 50000)
        return False

    def answer_mid_chunk(self, line, seen, rest):
        line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nff\r\nthree")
        return False

    def answer_bad_chunk(self, line, seen, rest):
        line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n")
        self.release.wait(TIMEOUT)
        return False

    def answer_two(self, line, seen, rest):
        line.send(plain(b"first") + plain(b"second, which nobody asked for"))

    def answer_long_and_another(self, line, seen, rest):
        """More than a gateway reads at once, so that what nobody asked for is still unread at its end."""
        line.send(plain(b"x" * 300000) + plain(b"second, which nobody asked for"))

    def answer_longer(self, line, seen, rest):
        line.send(plain(b"short") + b"and more than was said")

    def answer_both(self, line, seen, rest):
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")

    def answer_garbage(self, line, seen, rest):
        line.send(b"this is not HTTP\r\n\r\n")

    def answer_split(self, line, seen, rest):
        line.send(b"HTTP/1.1 200 OK\r\nX-A: b\rX-Injected: 1\r\nContent-Length: 0\r\n\r\n")

    def answer_unasked_101(self, line, seen, rest):
        line.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: shout/1.0\r\n\r\n")

    def answer_drip(self, line, seen, rest):
        for byte in plain(b"drop by drop"):
            line.send(bytes([byte]))
            time.sleep(0.001)

    def answer_endless(self, line, seen, rest):
        """A body that never ends, as fast as it is taken."""
        line.send(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                line.send(os.urandom(16) * 4096)
        except OSError:
            return False
