"""What the tests of MCP have in common: a daemon with the module of the conformance suite, and sessions."""
import functools
import os
import pathlib

import probe
from case import Case
from mcp import HttpSession, Modern, SocketSession, Stream, events, sessions
from rpc import call

LIST = "notifications/resources/list_changed"
UPDATED = "notifications/resources/updated"
ROOT = pathlib.Path(__file__).resolve().parents[2]
# Where tools/setup.sh --conformance puts what npm has.
INSTALLED = pathlib.Path(os.environ.get("SLUICE_CONFORMANCE", ROOT / "build" / "conformance"))
NODES = sorted(INSTALLED.glob("node_modules/node-linux-*/bin/node"))
EVERYTHING = pathlib.Path(__file__).resolve().parent.parent / "conformance" / "everything.c"


@functools.cache
def everything():
    """The module of the conformance suite's tools."""
    return probe.build(EVERYTHING, probe.installed() / "everything.so")


def first_event(client):
    """The next event of a chunked stream, each of which is a chunk."""
    size = int(client.take_through(b"\r\n"), 16)
    data = client.take(size)
    client.take(2)
    return events(data)[0]


class Mcp(Case):
    def server(self, *arguments, **options):
        return self.daemon("--demo-routes", "yes", "--modules", everything(), *arguments, **options)

    def each(self, server, **options):
        for name, session in sessions(server, **options):
            self.addCleanup(session.close)
            with self.subTest(name):
                yield session

    def http(self, server, **options):
        session = HttpSession(server.tcp, **options)
        self.addCleanup(session.close)
        return session

    def modern(self, server):
        client = Modern(server.tcp)
        self.addCleanup(client.close)
        return client

    def result(self, session, method, params=None, id=1):
        answer = session.ask(call(method, params, id=id))[-1]
        self.assertIn("result", answer)
        return answer["result"]

    def error(self, session, method, params=None):
        return session.ask(call(method, params))[-1]["error"]


class Changing(Mcp):
    """A daemon on a tree of the test's own, without the conformance module."""

    def setUp(self):
        self.place = self.directory({"a": b"1", "sub/b": b"2"})

    def put(self, key, data=b"x"):
        path = self.place / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def listening(self, *arguments, **options):
        return self.daemon(*arguments, root=self.place, **options)

    def socket(self, kind, server):
        session = SocketSession(kind, server.unix)
        self.addCleanup(session.close)
        return session

    def stream(self, server, method, *fields, **options):
        stream = Stream(server.tcp, method, *fields, **options)
        self.addCleanup(stream.close)
        return stream

    def told(self, hear, wanted):
        """Hears until every one of the wanted (method, uri) was told; all that came."""
        came, missing = [], set(wanted)
        while missing:
            message = hear()
            one = message["method"], message.get("params", {}).get("uri")
            came.append(one)
            missing.discard(one)
        return came
