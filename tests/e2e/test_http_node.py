"""What we take for requests, Node's parser takes for the same requests: no two readings of the same bytes."""
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import unittest

from case import Case
from http_rows import ROWS

SERVER = pathlib.Path(__file__).with_name("node_server.js")
REFUSALS = {400, 408, 413, 414, 417, 431, 501, 505}
# Rows in which Node does otherwise, each with the reason; the words are parts of their names.
OTHERWISE = {
    "method": "Node knows a fixed list of methods",
    "extension": "white space around chunk extensions (RFC 9112, 7.1.1)",
    "CONNECT": "Node hands CONNECT to another event",
    "HTTP 1.": "Node knows 1.0 and 1.1 only (RFC 9110, 2.5: higher minors are to be understood)",
    "trailers frame nothing": "Node refuses framing fields among trailers, we skip them all",
    "a body nobody reads": "we end the connection after it, Node reads on",
}


def expected(row):
    """Requests in the row's bytes as we answered them, none of them refused."""
    return None if REFUSALS & set(row.statuses) else len(row.statuses)


@unittest.skipUnless(shutil.which("node"), "needs node")
class Readings(Case):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.mkdtemp(prefix="sluice-node-")
        cls.addClassCleanup(shutil.rmtree, directory)
        cls.path = f"{directory}/node.sock"
        cls.node = subprocess.Popen(["node", str(SERVER), cls.path], stdout=subprocess.PIPE, text=True)
        cls.addClassCleanup(cls.stop)
        assert cls.node.stdout.readline() == "ready\n"

    @classmethod
    def stop(cls):
        cls.node.kill()
        cls.node.wait()
        cls.node.stdout.close()

    def node_reads(self, data):
        """What Node saw in the bytes of one connection, which ends with them."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(self.path)
            try:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass
            except (BrokenPipeError, ConnectionResetError):
                pass
        seen = []
        while (line := self.node.stdout.readline()) != "closed\n":
            self.assertTrue(line, "node ended")
            seen.append(json.loads(line))
        return seen


def add_rows():
    for row in ROWS:
        count = expected(row)
        if count is None or any(word in row.name for word in OTHERWISE):
            continue

        def test(self, row=row, count=count):
            seen = self.node_reads(row.data)
            self.assertEqual(len(seen), count, (row.data[:300], seen))
            first = row.data.lstrip(b"\r\n").split(b" ")[0].decode()
            if seen:
                self.assertEqual(seen[0]["method"], first)
        setattr(Readings, f"test_rfc {row.name}", test)


add_rows()
