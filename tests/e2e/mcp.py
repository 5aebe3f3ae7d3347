"""MCP clients of both eras over the transports of rpc.py, and Server-Sent Events."""
import json

from http1 import HttpClient, head
from rpc import Frames, Lines, Post, call
from slc import ProtocolError

MODERN = "2026-07-28"
LEGACY = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
META = "io.modelcontextprotocol/"


def meta(capabilities=None, version=MODERN, **more):
    return {META + "protocolVersion": version, META + "clientCapabilities": capabilities or {}, **more}


def initialize(version="2025-11-25", capabilities=None, id=0):
    return call("initialize", {"protocolVersion": version, "capabilities": capabilities or {},
                               "clientInfo": {"name": "test", "version": "1"}}, id=id)


def events(body):
    """The messages of an event stream."""
    found = []
    for block in body.decode().split("\n\n"):
        data = [line[5:].lstrip() for line in block.split("\n") if line.startswith("data:")]
        if data and data[0]:
            found.append(json.loads("".join(data)))
    return found


class Stream:
    """A stream of events as it comes: what GET /mcp or a POST answers."""

    def __init__(self, address, method, *fields, body=b""):
        self.client = HttpClient(address)
        if body:
            fields = (*fields, f"Content-Length: {len(body)}")
        self.client.send(head(method, "/mcp", "Accept: application/json, text/event-stream", *fields) + body)
        self.head = self.client.response_head()
        self.ids = []
        self.lines = b""

    def event(self):
        """The next event's message; None: one without data."""
        while b"\n\n" not in self.lines:
            size = int(self.client.take_through(b"\r\n"), 16)
            if size == 0:
                raise EOFError
            self.lines += self.client.take(size)
            self.client.take(2)
        block, self.lines = self.lines.split(b"\n\n", 1)
        fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if b": " in line)
        if not fields:
            return self.event()  # a comment
        if b"id" in fields:
            self.ids.append(fields[b"id"].decode())
        return json.loads(fields[b"data"]) if fields.get(b"data") else None

    def message(self):
        while (message := self.event()) is None:
            pass
        return message

    def close(self):
        self.client.close()


class HttpSession:
    """A legacy session over POST /mcp."""

    ACCEPT = "Accept: application/json, text/event-stream"

    def __init__(self, address, version="2025-11-25", capabilities=None):
        self.client = Post(address)
        response = self.post(initialize(version, capabilities))
        self.id = response.get("Mcp-Session-Id")
        self.first = json.loads(response.body)["result"]
        self.post(call("notifications/initialized", id=...))

    @property
    def fields(self):
        return [self.ACCEPT] + ([f"Mcp-Session-Id: {self.id}"] if getattr(self, "id", None) else [])

    def post(self, message, *fields):
        return self.client.post(message, *self.fields, *fields, path="/mcp")

    def request(self, method, *fields):
        return HttpClient.ask(self.client, method, "/mcp", *self.fields, *fields)

    def ask(self, message):
        """All messages of the reply, the answer last."""
        response = self.post(message)
        if response.status != 200:
            raise ProtocolError(repr(response))
        if response.get("Content-Type") == "text/event-stream":
            return events(response.body)
        return [json.loads(response.body)]

    def close(self):
        self.client.close()


class SocketSession:
    """A legacy session on a socket."""

    def __init__(self, kind, address, version="2025-11-25", capabilities=None):
        self.client = kind(address)
        self.first = self.client.ask(initialize(version, capabilities))["result"]
        self.client.say(call("notifications/initialized", id=...))

    def hear(self):
        if isinstance(self.client, Frames):
            return json.loads(self.client.hear_frame()[4])
        return self.client.hear_any()

    def ask(self, message):
        self.client.say(message)
        heard = [self.hear()]
        while "method" in heard[-1]:
            heard.append(self.hear())
        return heard

    def close(self):
        self.client.close()


def sessions(server, **options):
    """One of each transport."""
    yield "lines", SocketSession(Lines, server.unix, **options)
    yield "frames", SocketSession(Frames, server.tcp, **options)
    yield "http", HttpSession(server.tcp, **options)
    yield "http over unix", HttpSession(server.unix, **options)


class Modern:
    """Calls of the modern era over HTTP, with the headers that they need."""

    def __init__(self, address):
        self.client = Post(address)

    def post(self, method, params=None, *fields, id=1, capabilities=None, headers=True, **more):
        params = {"_meta": meta(capabilities, **more), **(params or {})}
        lines = ["Accept: application/json, text/event-stream"]
        if headers:
            lines += [f"MCP-Protocol-Version: {MODERN}", f"Mcp-Method: {method}"]
            name = params.get("uri" if method == "resources/read" else "name")
            if method in ("tools/call", "prompts/get", "resources/read"):
                lines.append(f"Mcp-Name: {name}")
        return self.client.post(call(method, params, id=id), *lines, *fields, path="/mcp")

    def ask(self, *arguments, **options):
        response = self.post(*arguments, **options)
        if response.get("Content-Type") == "text/event-stream":
            return events(response.body)[-1]
        return json.loads(response.body)

    def close(self):
        self.client.close()
