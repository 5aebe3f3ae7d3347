"""A raw client of the object protocol, written from docs/protocol.md alone so that it shares no mistake with
tools/client: it sends any bytes in any cuts, and checks where each received descriptor came in.

    with Client("unix:/run/sluice.sock") as client:
        client.send(frame("F", request("models/a.bin")))
        reply = client.reply()          # reply.fd is the caller's
"""
import array
import collections
import contextlib
import os
import socket
import struct
import threading

TIMEOUT = float(os.environ.get("E2E_TIMEOUT", "60"))  # seconds that any single wait may take

HEADER = struct.Struct("<4sBBBBII")
RANGE = struct.Struct("<QQ")
FIELDS = struct.Struct("<QQQQq")
FDS_MAX = 253  # the kernel's limit of one message

STATUS = ("OK NOT_FOUND DENIED BAD_REQUEST BAD_RANGE UNSUPPORTED NOT_REGULAR TOO_LARGE BUSY FD_LIMIT IO "
          "SHUTTING_DOWN TIMEOUT RATE_LIMITED").split()
SHARED = 1
MORE = 2

Fields = collections.namedtuple("Fields", "size offset count version mtime_ns")


class ProtocolError(AssertionError):
    """The server broke a rule of docs/protocol.md."""


def frame(op, payload=b"", tag=0, flags=0, status=0, nfds=0, magic=b"SLC1", length=None):
    """A frame with any field as given; length: of the payload unless it is to be a lie."""
    size = len(payload) if length is None else length
    return HEADER.pack(magic, ord(op), flags, status, nfds, tag, size) + payload


def as_bytes(key):
    return key if isinstance(key, bytes) else key.encode()


def request(key, offset=0, count=0):
    """Payload of F, C, S, A, I."""
    return RANGE.pack(offset, count) + as_bytes(key)


def listing(prefix="", limit=0, after=None):
    """Payload of L."""
    end = b"" if after is None else b"\0" + as_bytes(after)
    return RANGE.pack(0, limit) + as_bytes(prefix) + end


class Reply:
    """One reply: header, payload, five fields if it has them, descriptor, body (None: not read)."""

    def __init__(self, header):
        _, op, self.flags, status, self.nfds, self.tag, self.length = header
        self.op = chr(op)
        self.status = STATUS[status] if status < len(STATUS) else str(status)
        self.payload = b""
        self.fields = None
        self.fd = -1
        self.body = None

    @property
    def ok(self):
        return self.status == "OK"

    @property
    def message(self):
        return self.payload.decode() if not self.ok else ""

    @property
    def body_length(self):
        return self.fields.count if self.fields and self.op in "CSLT" else 0

    def keys(self):
        """The keys of a list."""
        return [line.decode() for line in self.body.split(b"\n")[:-1]]

    def json_text(self):
        return self.body.decode()

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __repr__(self):
        return f"<{self.op} {self.status} tag={self.tag} flags={self.flags} {self.fields} {self.message!r}>"


def parse_address(address):
    """(family, name for connect) of unix:/path, unix:@name, tcp:HOST:PORT."""
    kind, _, rest = address.partition(":")
    if kind == "unix":
        return socket.AF_UNIX, "\0" + rest[1:] if rest.startswith("@") else rest
    host, _, port = rest.rpartition(":")
    if host.startswith("["):
        return socket.AF_INET6, (host[1:-1], int(port))
    return socket.AF_INET, ("127.0.0.1" if host == "*" else host, int(port))


@contextlib.contextmanager
def as_user(uid):
    """Effective uid for a while: what SO_PEERCRED will say of sockets that connect inside."""
    if uid is None:
        yield
        return
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


class Client:
    """One connection. receive_buffer: SO_RCVBUF, small to make the server wait. source: address to bind."""

    def __init__(self, address, uid=None, receive_buffer=0, source=None, timeout=TIMEOUT):
        family, name = parse_address(address)
        self.is_unix = family == socket.AF_UNIX
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.buffer = bytearray()  # received, not yet taken
        self.position = 0          # of buffer[0] in the stream
        self.fds = collections.deque()  # (position of the bytes it came with, fd)
        self.fd_messages = []      # descriptors of each message that carried any
        self.read_size = 65536
        try:
            if receive_buffer:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            if source:
                self.socket.bind((source, 0))
            with as_user(uid):
                self.socket.connect(name)
            if not self.is_unix:
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes the connection and every descriptor nobody took."""
        while self.fds:
            os.close(self.fds.popleft()[1])
        self.socket.close()

    def reset(self):
        """Closes it so that the peer learns it at once: the end of input alone may be a half-close."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    # ---- sending ---------------------------------------------------------------------------------
    def send(self, data):
        self.socket.sendall(data)

    def send_bytewise(self, data):
        for i in range(len(data)):
            self.socket.sendall(data[i:i + 1])

    def send_in_background(self, data):
        """For more than the socket takes at once: the caller reads replies meanwhile."""
        thread = threading.Thread(target=self._send_quietly, args=(data,), daemon=True)
        thread.start()
        return thread

    def _send_quietly(self, data):
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    def finish_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    # ---- receiving -------------------------------------------------------------------------------
    def receive(self, size=None):
        """One recvmsg into the buffer; b"" at end of file."""
        size = size or self.read_size
        if not self.is_unix:
            data = self.socket.recv(size)
        else:
            room = socket.CMSG_SPACE(FDS_MAX * 4)
            data, control, flags, _ = self.socket.recvmsg(size, room, socket.MSG_CMSG_CLOEXEC)
            self._queue_fds(control, self.position + len(self.buffer))
            if flags & socket.MSG_CTRUNC:
                raise ProtocolError("control data was truncated")
        self.buffer += data
        return data

    def _queue_fds(self, control, position):
        for level, kind, data in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds = array.array("i")
                fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
                self.fds.extend((position, fd) for fd in fds)
                self.fd_messages.append(len(fds))

    def take(self, size):
        """Exactly size bytes of the stream."""
        while len(self.buffer) < size:
            if not self.receive():
                raise EOFError(f"end of file after {len(self.buffer)} of {size} bytes")
        data = bytes(memoryview(self.buffer)[:size])
        del self.buffer[:size]
        self.position += size
        return data

    def _take_fd(self, at):
        if not self.fds:
            raise ProtocolError("the header's descriptor did not come with its first byte")
        position, fd = self.fds.popleft()
        if position > at:
            os.close(fd)
            raise ProtocolError("the descriptor came after its header")
        return fd

    def reply_head(self):
        """The next reply without its body."""
        at = self.position
        header = HEADER.unpack(self.take(HEADER.size))
        if header[0] != b"SLC1":
            raise ProtocolError(f"not a frame: {header}")
        reply = Reply(header)
        if reply.nfds:
            if reply.nfds != 1 or not self.is_unix:
                raise ProtocolError(f"{reply.nfds} descriptors in one frame")
            reply.fd = self._take_fd(at)
        reply.payload = self.take(reply.length)
        if reply.ok and reply.op in "FCSILT":
            if reply.length != FIELDS.size:
                raise ProtocolError(f"payload of {reply.length} bytes, not the five fields")
            reply.fields = Fields(*FIELDS.unpack(reply.payload))
        return reply

    def reply(self):
        """The next reply with its body."""
        reply = self.reply_head()
        reply.body = self.take(reply.body_length)
        return reply

    def discard(self, size):
        """Reads size body bytes and forgets them."""
        while size > 0:
            if not self.buffer and not self.receive(1 << 20):
                raise EOFError(f"end of file with {size} bytes to come")
            n = min(size, len(self.buffer))
            del self.buffer[:n]
            self.position += n
            size -= n

    def rest(self):
        """Everything up to end of file."""
        while self.receive(1 << 20):
            pass
        data = bytes(self.buffer)
        self.position += len(self.buffer)
        self.buffer.clear()
        return data

    def ended(self):
        """True when the server has closed without a further byte."""
        return self.rest() == b""

    def ended_or_reset(self):
        """Same, for ends of which a reset is as good."""
        try:
            return self.ended()
        except (ConnectionResetError, BrokenPipeError):
            return True

    # ---- both ------------------------------------------------------------------------------------
    def call(self, op, payload=b"", tag=0, flags=0):
        """One request on an otherwise idle connection, its whole reply."""
        self.send(frame(op, payload, tag, flags))
        reply = self.reply()
        if self.fds:
            raise ProtocolError(f"{len(self.fds)} descriptors that no frame announces")
        return reply

    def get(self, op, key, offset=0, count=0, tag=0, flags=0):
        return self.call(op, request(key, offset, count), tag, flags)

    def ping(self, data=b"ping"):
        reply = self.call("N", data)
        if not reply.ok or reply.payload != data:
            raise ProtocolError(f"ping answered with {reply}")
        return reply
