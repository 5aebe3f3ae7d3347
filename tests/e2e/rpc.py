"""A raw client of JSON-RPC 2.0 in its three framings: newline JSON, MCP1 frames, POST /rpc. What comes back is judged:
one object or array a message, the envelope's members, no duplicate or missing ids."""
import json

from http1 import HttpClient
from slc import HEADER, STATUS, Client, ProtocolError, frame


def call(method, params=None, id=1, **more):
    """A call as the object; id=...: a notification."""
    message = {"jsonrpc": "2.0", "method": method}
    if params is not None:
        message["params"] = params
    if id is not ...:
        message["id"] = id
    return {**message, **more}


def judge(reply):
    """RFC-like strictness for one reply object."""
    if not isinstance(reply, dict) or reply.get("jsonrpc") != "2.0" or "id" not in reply:
        raise ProtocolError(f"no JSON-RPC reply: {reply!r}")
    if ("result" in reply) == ("error" in reply):
        raise ProtocolError(f"result or error, not both: {reply!r}")
    if "error" in reply:
        error = reply["error"]
        if not isinstance(error["code"], int) or not isinstance(error["message"], str):
            raise ProtocolError(f"malformed error: {reply!r}")
        if set(error) - {"code", "message", "data"}:
            raise ProtocolError(f"unknown members: {reply!r}")
    return reply


def parse(text):
    reply = json.loads(text)
    if isinstance(reply, list):
        if not reply:
            raise ProtocolError("an empty batch as the reply")
        return [judge(one) for one in reply]
    return judge(reply)


def as_text(message):
    return message if isinstance(message, bytes) else json.dumps(message).encode()


class Lines(Client):
    """Newline-delimited messages."""

    def say(self, *messages):
        self.send(b"".join(as_text(message) + b"\n" for message in messages))

    def hear_any(self):
        """The next message of any kind."""
        while (at := self.buffer.find(b"\n")) < 0:
            if not self.receive():
                raise EOFError(f"end of file after {bytes(self.buffer)[:200]!r}")
        return json.loads(self.take(at + 1))

    def hear(self):
        """The next reply, with its descriptor as "fd" if it announces one."""
        at = self.position
        while (end := self.buffer.find(b"\n")) < 0:
            if not self.receive():
                raise EOFError(f"end of file after {bytes(self.buffer)[:200]!r}")
        reply = parse(self.take(end + 1))
        if isinstance(reply, dict) and isinstance(reply.get("result"), dict) and reply["result"].get("fds"):
            reply["fd"] = self._take_fd(at)
        return reply

    def ask(self, message):
        self.say(message)
        return self.hear()


class Frames(Client):
    """MCP1 frames."""

    def say(self, *messages, tag=0):
        self.send(b"".join(frame("J", as_text(message), tag=tag, magic=b"MCP1") for message in messages))

    def hear_frame(self):
        """(op, status, tag, nfds, payload)"""
        magic, op, flags, status, nfds, tag, length = HEADER.unpack(self.take(HEADER.size))
        if magic != b"MCP1" or flags:
            raise ProtocolError(f"no MCP1 frame: {magic} {flags}")
        return chr(op), STATUS[status], tag, nfds, self.take(length)

    def hear(self, tag=0):
        op, status, got, _, payload = self.hear_frame()
        if (op, status, got) != ("J", "OK", tag):
            raise ProtocolError(f"{op} {status} tag {got}: {payload[:200]!r}")
        return parse(payload)

    def ask(self, message, tag=77):
        self.say(message, tag=tag)
        return self.hear(tag)


class Post(HttpClient):
    """POST /rpc."""

    def ask(self, message, *fields):
        response = self.post(message, *fields)
        if response.status != 200 or response.get("Content-Type") != "application/json":
            raise ProtocolError(repr(response))
        return parse(response.body)

    def post(self, message, *fields, path="/rpc"):
        return HttpClient.ask(self, "POST", path, "Content-Type: application/json", *fields,
                              body=as_text(message))


TRANSPORTS = {"lines": Lines, "frames": Frames, "post": Post}
