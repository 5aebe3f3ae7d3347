"""Brokers that want to know who comes, and that prove who they are."""
import socket
import unittest

import nats
import nkeys
from daemon import until
from forward_case import ForwardCase
from ingest_case import record


@unittest.skipUnless(nkeys.OPENSSL, "no openssl")
class Secure(ForwardCase):
    def broker(self, config):
        server = nats.Server("n", self.directory(), nats.free_ports(1)[0], limits=config)
        self.addCleanup(server.kill)
        server.start()
        until(lambda: self.listens(server.port), "the broker listens")
        return server

    @staticmethod
    def listens(port):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            return False
        return True

    def assertTaken(self, url, *options):
        daemon = self.forwarding([url], forward=options, log=self.directory() / "log")
        self.post(self.http(daemon), record("a"))
        until(lambda: daemon.stats()["forward"]["nats"]["samples"] == 1, "it is forwarded")

    def assertRefused(self, word, url, *options):
        daemon = self.forwarding([url], forward=options, log=self.directory() / "log")
        self.post(self.http(daemon), record("a"))
        self.assertIn(word, daemon.wait_line("forward broker away"))
        daemon.foreign = 0

    def test_a_password(self):
        broker = self.broker('authorization { user: "u", password: "secret" }')
        self.assertTaken(f"nats://u:secret@127.0.0.1:{broker.port}")
        self.assertRefused("Authorization Violation", f"nats://u:wrong@127.0.0.1:{broker.port}")

    def test_a_permission_that_is_missing(self):
        user = '{ user: u, password: p, permissions: { publish: ["_INBOX.>", "$JS.API.>"] } }'
        broker = self.broker(f"authorization {{ users = [ {user} ] }}")
        self.assertRefused("Permissions Violation for Publish to", f"nats://u:p@127.0.0.1:{broker.port}")

    def test_credentials(self):
        operator = nkeys.Operator(self.directory())
        broker = self.broker(operator.config)
        self.assertTaken(broker.url, f'credentials = "{operator.credentials}"')
        self.assertRefused("Authorization Violation", broker.url)

    def test_certificates(self):
        authority = nkeys.Authority(self.directory())
        known = f'ca = "{authority.file}"'
        broker = self.broker(authority.server("127.0.0.1"))
        url = broker.url.replace("nats:", "tls:")
        self.assertTaken(url, known)
        self.assertRefused("certificate", url)
        other = self.broker(authority.server("other.example"))
        self.assertRefused("mismatch", other.url.replace("nats:", "tls:"), known)
