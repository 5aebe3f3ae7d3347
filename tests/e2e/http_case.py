"""What the HTTP tests share: one daemon for all tests of a class, clients, and the question whether a connection is
still in step."""
import urllib.parse

from case import Case, shared_tree
from daemon import Daemon
from http1 import HttpClient


def url(key):
    return "/objects/" + urllib.parse.quote(key)


class HttpCase(Case):
    """options: of the class's daemon. A test that needs another one asks self.daemon(...) for it."""
    options = ("--demo-routes=yes", "--timeout-detect", 60, "--timeout-request", 60)

    @classmethod
    def setUpClass(cls):
        cls.server = Daemon(*cls.options, root=shared_tree().path)
        cls.addClassCleanup(cls.server.finish)

    def open(self, address=None, **options):
        client = HttpClient(address or self.server.tcp, **options)
        self.addCleanup(client.close)
        return client

    def fetch(self, address, target, *fields, method="GET", **options):
        """One request on a connection of its own."""
        with HttpClient(address) as client:
            return client.ask(method, target, *fields, **options)

    def assertGoesOn(self, client):
        """The connection is in step: a further request gets its own response and nothing else."""
        response = client.fetch("/_/health")
        self.assertEqual((response.status, response.body), (200, b'{"status":"ok"}\n'))

    def assertEnds(self, client):
        """Not a further byte comes."""
        self.assertEqual(client.rest(), b"")
