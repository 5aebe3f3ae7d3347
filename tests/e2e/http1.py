"""A raw client of HTTP/1.1, written from RFC 9110 and RFC 9112 alone: it sends any bytes in any cuts, and judges
every response that comes back.

    client = HttpClient("tcp:127.0.0.1:8080")
    client.send(b"GET /objects/a HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    response = client.response()        # for HEAD: client.response("HEAD")
"""
import os
import re

from slc import Client, ProtocolError

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-9][0-9][0-9]) ([\t \x21-\x7e]*)")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\t]*?)[ \t]*")
DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
                  r"\d\d:\d\d:\d\d GMT")
CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,16}")
ONCE = {"content-length", "transfer-encoding", "connection", "date", "content-type", "etag", "last-modified",
        "content-range", "location", "sluice-fds", "retry-after"}


def head(method, target, *fields, host="localhost", version="1.1"):
    """The head of a request; fields are whole lines."""
    lines = [f"{method} {target} HTTP/{version}", *([f"Host: {host}"] if host is not None else []), *fields]
    return "".join(line + "\r\n" for line in lines).encode("latin-1") + b"\r\n"


def chunks(*parts, trailers=()):
    """A chunked body (RFC 9112, 7.1)."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return body + b"0\r\n" + b"".join(line.encode() + b"\r\n" for line in trailers) + b"\r\n"


class Response:
    """One response: status, fields by lower-case name (lists of values), body, descriptor."""

    def __init__(self, status, reason, fields):
        self.status = status
        self.reason = reason
        self.fields = fields
        self.body = b""
        self.fd = -1

    def get(self, name, default=None):
        """The only value of this field."""
        values = self.fields.get(name.lower(), [])
        if len(values) > 1:
            raise ProtocolError(f"{name} comes {len(values)} times")
        return values[0] if values else default

    @property
    def length(self):
        """Content-Length, None without one."""
        text = self.get("Content-Length")
        return None if text is None else int(text)

    @property
    def chunked(self):
        return self.get("Transfer-Encoding") is not None

    @property
    def closes(self):
        """Says that the connection ends."""
        return "close" in self.get("Connection", "").lower().split(", ")

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __repr__(self):
        return f"<{self.status} {self.reason} {self.fields} {self.body[:200]!r}>"


def parse_head(data):
    """Judges a whole head, RFC 9112, 4 and 5, and the fields that frame it."""
    lines = data.split(b"\r\n")
    match = STATUS_LINE.fullmatch(lines[0])
    if not match:
        raise ProtocolError(f"bad status line {lines[0]!r}")
    fields = {}
    for line in lines[1:-2]:
        field = FIELD_LINE.fullmatch(line)
        if not field:
            raise ProtocolError(f"bad field line {line!r}")
        fields.setdefault(field[1].decode().lower(), []).append(field[2].decode())
    response = Response(int(match[1]), match[2].decode(), fields)
    check_head(response)
    return response


def check_head(response):
    for name in ONCE & response.fields.keys():
        response.get(name)
    length, coding = response.get("Content-Length"), response.get("Transfer-Encoding")
    bodiless = response.status < 200 or response.status == 204
    if length is not None and not re.fullmatch("0|[1-9][0-9]*", length):
        raise ProtocolError(f"bad Content-Length {length!r}")
    if coding not in (None, "chunked"):
        raise ProtocolError(f"Transfer-Encoding {coding!r}")
    if coding and length is not None:
        raise ProtocolError("both Content-Length and Transfer-Encoding")
    if bodiless and (coding or length is not None):
        raise ProtocolError(f"{response.status} announces a body")
    if response.status >= 200 and not DATE.fullmatch(response.get("Date", "")):  # RFC 9110, 6.6.1
        raise ProtocolError(f"bad Date {response.get('Date')!r}")
    if response.status == 405 and "allow" not in response.fields:  # RFC 9110, 15.5.6
        raise ProtocolError("405 without Allow")


class HttpClient(Client):
    """One connection; see Client for how it is made."""

    def _take_line(self):
        line = self.take_through(b"\r\n")
        return line[:-2]

    def take_through(self, mark, limit=65536):
        """The stream up to the end of mark."""
        seen = 0
        while True:
            at = self.buffer.find(mark, seen)
            if at >= 0:
                return self.take(at + len(mark))
            seen = max(0, len(self.buffer) - len(mark) + 1)
            if len(self.buffer) > limit:
                raise ProtocolError(f"no {mark!r} within {limit} bytes")
            if not self.receive():
                raise EOFError(f"end of file after {bytes(self.buffer)!r}")

    def response_head(self):
        """The next response's head, with its descriptor if it announces one."""
        at = self.position
        response = parse_head(self.take_through(b"\r\n\r\n"))
        if response.get("Sluice-Fds") is not None:
            if response.get("Sluice-Fds") != "1" or not self.is_unix:
                raise ProtocolError(f"Sluice-Fds {response.get('Sluice-Fds')!r}")
            response.fd = self._take_fd(at)
        return response

    def response(self, method="GET"):
        """The next response with its body; method: of the request."""
        response = self.response_head()
        if method == "HEAD" or response.status in (204, 304) or response.status < 200:
            return response
        if response.chunked:
            response.body = self._take_chunks()
        elif response.length is not None:
            response.body = self.take(response.length)
        else:
            if not response.closes:
                raise ProtocolError("a body without framing on a connection that goes on")
            response.body = self.rest()
        return response

    def _take_chunks(self):
        body = b""
        while True:
            line = self._take_line()
            if not CHUNK_SIZE.fullmatch(line):
                raise ProtocolError(f"bad chunk size {line!r}")
            size = int(line, 16)
            if size == 0:
                break
            body += self.take(size)
            if self.take(2) != b"\r\n":
                raise ProtocolError("a chunk that does not end where it should")
        if self._take_line():
            raise ProtocolError("trailers")
        return body

    def ask(self, method, target, *fields, body=b"", host="localhost", version="1.1"):
        """One request on an otherwise idle connection, its whole response. A body gets its Content-Length."""
        if body:
            fields = (*fields, f"Content-Length: {len(body)}")
        self.send(head(method, target, *fields, host=host, version=version) + body)
        response = self.response(method)
        if self.buffer or self.fds:
            raise ProtocolError(f"{bytes(self.buffer)!r} and {len(self.fds)} descriptors behind the response")
        return response

    def fetch(self, target, *fields, **options):
        return self.ask("GET", target, *fields, **options)
