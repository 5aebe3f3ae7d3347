"""A client of sluiced's object protocol in one file, without dependencies (Python 3.8 or later, Linux).

    from sluice import connect

    with connect("unix:/run/sluice.sock") as s:
        f = s.open("models/a.bin")          # a real file, opened by the server
        print(f.info.size, f.read(16))
        data = s.read("models/b.bin", offset=100, count=50)
        for key in s.list("models/"):
            print(key)

open() needs a Unix socket: it takes the same time whatever the object's size. read() works over TCP, too.
What the server says no to raises an Error with .status and .name ("NOT_FOUND"); the connection goes on. A
connection that fails raises a ConnectionFailed, is closed, and answers every further call with its first failure:
connect anew. A client belongs to one thread at a time, and to the process that connected: after a fork, connect anew.
"""
import array
import collections
import io
import json
import os
import socket
import struct
import time

__all__ = ["connect", "Client", "Error", "ConnectionFailed", "Info"]

STATUS = ["OK", "NOT_FOUND", "DENIED", "BAD_REQUEST", "BAD_RANGE", "UNSUPPORTED", "NOT_REGULAR", "TOO_LARGE", "BUSY",
          "FD_LIMIT", "IO", "SHUTTING_DOWN", "TIMEOUT", "RATE_LIMITED"]
MODES = {"fd": b"F", "copy": b"C", "splice": b"S", "auto": b"A"}
HEADER = struct.Struct("<4sBBBBII")  # magic, op, flags, status, nfds, tag, length
FIELDS = struct.Struct("<QQQQq")
RANGE = struct.Struct("<QQ")
MAGIC = b"SLC1"
PAYLOAD_MAX = 4096
SHARED = 1
MORE = 2
FDS_MAX = 253  # the kernel's limit for a message
WINDOW = 128  # requests under way in open_many: their replies fit into any socket's buffer

Info = collections.namedtuple("Info", "size version mtime_ns")
Info.__doc__ = "An object's size in bytes, version (equal versions, equal content) and time since 1970 in ns."

_Reply = collections.namedtuple("_Reply", "op flags payload size offset count version mtime_ns fd")


class Error(Exception):
    """The server said no: .status (a number), .name ("NOT_FOUND") and .message."""

    def __init__(self, status, message):
        self.status = status
        self.name = STATUS[status] if status < len(STATUS) else "UNKNOWN"
        self.message = message
        super().__init__(f"{self.name}: {message}")


class ConnectionFailed(ConnectionError):
    """The connection broke, or the server broke the protocol; .status is None and .name CONNECTION."""

    status = None
    name = "CONNECTION"


class SharedFile(io.RawIOBase):
    """A file whose descriptor is shared with other processes: it has a position of its own and reads with pread."""

    def __init__(self, fd):
        self._fd = fd
        self._position = 0

    def fileno(self):
        if self._fd < 0:
            raise ValueError("the file is closed")
        return self._fd

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=os.SEEK_SET):
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: os.fstat(self.fileno()).st_size}[whence]
        if base + offset < 0:
            raise ValueError("a position before the beginning")
        self._position = base + offset
        return self._position

    def readinto(self, buffer):
        n = os.preadv(self.fileno(), [buffer], self._position)
        self._position += n
        return n

    def close(self):
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
        super().close()


def connect(address, timeout=30):
    """Connects to "unix:/path", "unix:@abstract" or "tcp:HOST:PORT" ("tcp:[::1]:7080"). timeout bounds, in seconds,
    the connection's set-up and every wait for the server to go on; None: no bound."""
    kind, _, rest = address.partition(":")
    if kind == "unix" and rest[:1] in ("/", "@"):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(timeout)
            _connect_unix(sock, "\0" + rest[1:] if rest[0] == "@" else rest)
        except BaseException:
            sock.close()
            raise
        return Client(sock)
    host, colon, port = rest.rpartition(":")
    if kind != "tcp" or not colon or not port.isdecimal():
        raise ValueError(f"{address}: expected unix:/path, unix:@name or tcp:HOST:PORT")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    sock = socket.create_connection(("localhost" if host == "*" else host, int(port)), timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Client(sock)


def _connect_unix(sock, path):
    """A socket with a time-out does not wait by itself while the server has its queue full: EAGAIN (unix(7))."""
    start = time.monotonic()
    while True:
        try:
            return sock.connect(path)
        except BlockingIOError:
            if time.monotonic() - start >= sock.gettimeout():
                raise socket.timeout("timed out") from None
            time.sleep(0.01)


class Client:
    """A connection; made by connect(). A context manager that closes it at its end."""

    def __init__(self, sock):
        self._socket = sock
        self._passes_fds = sock.family == socket.AF_UNIX
        self._received = bytearray()
        self._chunk = memoryview(bytearray(65536))
        self._fds = collections.deque()
        self._tag = 0
        self._process = os.getpid()
        self._ended = None  # why there is no connection any more

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self._end("the connection is closed")

    def _end(self, why):
        self._ended = self._ended or why
        self._socket.close()
        while self._fds:
            os.close(self._fds.popleft())

    # ---- requests --------------------------------------------------------------------------------
    def open(self, key, shared=False):
        """The object as a binary file opened for reading, with its .info. shared: the server may pass a descriptor
        that other processes of this user have too; the file reads with pread then, and so must you. For up to a second
        after a file was replaced or removed that may be the old one."""
        return self._file(self._ask(b"F", self._request(key), SHARED if shared else 0), shared)

    def open_many(self, keys, shared=False):
        """Opens many objects in one go, with requests under way together. Returns a list of files; an object that
        the server said no to has its Error in its place."""
        keys = list(keys)
        results = []
        try:
            for start in range(0, len(keys), WINDOW):
                tags = self._send_many(keys[start:start + WINDOW], SHARED if shared else 0)
                for tag in tags:
                    results.append(self._one_of_many(tag, shared))
        except BaseException:
            for result in results:
                if not isinstance(result, Error):
                    result.close()
            raise
        return results

    def read(self, key, offset=0, count=0, mode="auto"):
        """The object's bytes from offset, count of them (0: to the end). mode: fd, copy, splice or auto."""
        if mode not in MODES:
            raise ValueError(f"mode {mode}: expected one of {', '.join(MODES)}")
        reply = self._ask(MODES[mode], self._request(key, offset, count))
        if reply.fd < 0:
            return bytes(self._take(reply.count))
        try:
            return self._pread(reply)
        finally:
            os.close(reply.fd)

    def info(self, key):
        """The object's Info."""
        reply = self._ask(b"I", self._request(key))
        return Info(reply.size, reply.version, reply.mtime_ns)

    def list(self, prefix="", after="", page=0):
        """All keys that start with prefix, in bytewise order; after: only those greater. A generator that asks for a
        page at a time (page: keys in one, 0: the server's default); other requests may come between."""
        prefix, after = _bytes(prefix), _bytes(after)
        more = True
        while more:
            reply = self._ask(b"L", RANGE.pack(0, page) + prefix + (b"\0" + after if after else b""))
            keys = bytes(self._take(reply.count)).split(b"\n")
            more = bool(reply.flags & MORE)
            if keys.pop() != b"" or len(keys) != reply.size or (more and not keys):
                raise self._broken("a list that does not add up")
            after = keys[-1] if keys else after
            for key in keys:
                yield key.decode()

    def ping(self, payload=b""):
        """Sends bytes (at most 4,096) to and fro."""
        if self._ask(b"N", payload).payload != payload:
            raise self._broken("a ping that came back changed")

    def stats(self, what=""):
        """The server's statistics, or with "conns" its connections, from JSON."""
        return json.loads(bytes(self._take(self._ask(b"T", _bytes(what)).count)))

    # ---- replies ---------------------------------------------------------------------------------
    @staticmethod
    def _request(key, offset=0, count=0):
        if not (0 <= offset < 1 << 64 and 0 <= count < 1 << 64):
            raise ValueError("offset and count are numbers of bytes, 0 or more")
        return RANGE.pack(offset, count) + _bytes(key)

    @staticmethod
    def _frame(op, tag, payload, flags):
        if len(payload) > PAYLOAD_MAX:
            raise Error(STATUS.index("BAD_REQUEST"), f"a request has at most {PAYLOAD_MAX} bytes")
        return HEADER.pack(MAGIC, op[0], flags, 0, 0, tag, len(payload)) + payload

    def _next_tag(self):
        self._tag = self._tag % 0xffffffff + 1  # 0 is the server's own
        return self._tag

    def _ask(self, op, payload, flags=0):
        if self._fds and not self._received:
            raise self._broken("a descriptor that no reply owns")
        tag = self._next_tag()
        self._send(self._frame(op, tag, payload, flags))
        return self._reply(op, tag)

    def _send_many(self, keys, flags):
        """Returns the requests' tags; one that no server takes has its Error in its place."""
        tags, frames = [], []
        for key in keys:
            tag = self._next_tag()
            try:
                frames.append(self._frame(b"F", tag, self._request(key), flags))
                tags.append(tag)
            except Error as refusal:
                tags.append(refusal)
        self._send(b"".join(frames))
        return tags

    def _one_of_many(self, tag, shared):
        if isinstance(tag, Error):
            return tag
        try:
            return self._file(self._reply(b"F", tag), shared)
        except Error as refusal:
            return refusal

    def _reply(self, op, tag):
        magic, reply_op, flags, status, nfds, reply_tag, length = HEADER.unpack(self._take(HEADER.size))
        if magic != MAGIC or length > PAYLOAD_MAX:
            raise self._broken("no object protocol")
        payload = bytes(self._take(length))
        if status and reply_tag == 0:  # why the connection ends
            refusal = Error(status, payload.decode(errors="replace"))
            self._end(str(refusal))
            raise refusal
        if reply_tag != tag:
            raise self._broken("a reply to another request")
        if status:
            raise Error(status, payload.decode(errors="replace"))
        if reply_op not in (b"CSF" if op == b"A" else op):
            raise self._broken("a reply of another operation")
        if nfds != (reply_op == ord("F")) or (nfds and not self._fds):
            raise self._broken("a reply with a wrong number of descriptors")
        if op == b"N":
            return _Reply(reply_op, flags, payload, 0, 0, 0, 0, 0, -1)
        if length != FIELDS.size:
            raise self._broken("a reply with a wrong length")
        return _Reply(reply_op, flags, payload, *FIELDS.unpack(payload), self._fds.popleft() if nfds else -1)

    @staticmethod
    def _file(reply, shared):
        file = io.BufferedReader(SharedFile(reply.fd)) if shared else open(reply.fd, "rb")
        file.info = Info(reply.size, reply.version, reply.mtime_ns)
        return file

    @staticmethod
    def _pread(reply):
        pieces, done = [], 0
        while done < reply.count:
            pieces.append(os.pread(reply.fd, reply.count - done, reply.offset + done))
            if not pieces[-1]:
                raise EOFError(f"the object shrank: {reply.count - done} bytes are missing")
            done += len(pieces[-1])
        return b"".join(pieces)  # of one piece, as up to 2 GiB are: that piece, not a copy

    # ---- bytes and descriptors -------------------------------------------------------------------
    def _failed(self, why):
        self._end(why)
        return ConnectionFailed(self._ended)

    def _broken(self, what):
        return self._failed(f"protocol error: {what}")

    def _send(self, data):
        if self._process != os.getpid():  # replies would go to whichever process reads first
            self._end("the connection belongs to the process before the fork: connect anew")
        if self._ended:
            raise ConnectionFailed(self._ended)
        try:
            self._socket.sendall(data)
        except BrokenPipeError:
            pass  # the server closed: what it said before is still to be read, then its end
        except OSError as error:
            raise self._failed(f"send: {error}") from error
        except BaseException:  # also KeyboardInterrupt: the place in the stream is lost
            self._end("a call was interrupted")
            raise

    def _take(self, n):
        """The next n bytes of the connection."""
        try:
            data = bytearray(n)
        except MemoryError:
            self._end(f"no memory for {n} bytes")
            raise
        view = memoryview(data)
        done = min(n, len(self._received))
        view[:done] = self._received[:done]
        del self._received[:done]
        while done < n:
            if n - done < len(self._chunk):
                self._received += self._chunk[:self._receive_into(self._chunk)]
                part = min(n - done, len(self._received))
                view[done:done + part] = self._received[:part]
                del self._received[:part]
                done += part
            else:
                done += self._receive_into(view[done:])
        return data

    def _receive_into(self, view):
        try:
            return self._recvmsg(view)
        except OSError as error:
            raise self._failed(f"receive: {error}") from error
        except BaseException:
            self._end("a call was interrupted")
            raise

    def _recvmsg(self, view):
        room = socket.CMSG_SPACE(FDS_MAX * 4) if self._passes_fds else 0
        n, control, flags, _ = self._socket.recvmsg_into([view], room, socket.MSG_CMSG_CLOEXEC)
        for level, kind, data in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds = array.array("i")
                fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
                self._fds.extend(fds)
        if flags & socket.MSG_CTRUNC:
            raise OSError("fd limit reached in this process")
        if n == 0:
            raise OSError("the server closed the connection")
        return n


def _bytes(text):
    return text.encode() if isinstance(text, str) else bytes(text)
