"""Servers by name: what becomes of addresses that join, leave, are too many, or are there already."""
import json
import pathlib
import shutil
import subprocess
import unittest

from daemon import BUILD, MODE, until
from gateway_case import GatewayCase
from http1 import head

SHIM = pathlib.Path(__file__).resolve().parents[1] / "fault" / "names.c"


class Names(GatewayCase):
    def test_one_address_by_several_words_is_one_server(self):
        """It has one share, one pool, one row: who drains it means all of it."""
        server, other = self.upstream(name="a"), self.upstream(name="b")
        words = [f"tcp:127.1:{server.port}", f"tcp:127.0.1:{server.port}", server, other]
        daemon = self.gateway(*words, options="resolve = 0.1")
        until(lambda: daemon.counter("gateway", "resolved") >= 4, "both were looked up, and again")
        rows = json.loads(self.fetch(daemon, "/_/upstreams").body)
        self.assertEqual(sorted(row["server"] for row in rows), sorted([server.address, other.address]))
        self.assertEqual([self.fetch(daemon, "/who").body for _ in range(10)].count(b"a"), 5)
        self.fetch(daemon, f"/_/upstreams?action=drain&server=api/{server.address}", method="POST")
        self.assertEqual({self.fetch(daemon, "/who").body for _ in range(6)}, {b"b"})


@unittest.skipIf(BUILD.name in ("asan", "tsan", "ubsan"), "the sanitizers' own interposition comes first")
@unittest.skipUnless(shutil.which("cc") or shutil.which("gcc"), "no compiler for tests/fault/names.c")
class Changes(GatewayCase):
    def setUp(self):
        self.file = self.directory() / "names"
        self.library = self.file.with_name("names.so")
        compiler = shutil.which("cc") or shutil.which("gcc")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", self.library, SHIM], check=True)

    def lead_to(self, *addresses):
        new = self.file.with_suffix(".new")
        new.write_text("".join(f"{address}\n" for address in addresses))
        new.rename(self.file)

    def named(self, port, options="resolve = 0.1"):
        before = dict(MODE["environment"])
        MODE["environment"].update(LD_PRELOAD=str(self.library), SLUICE_NAMES=str(self.file))
        try:
            return self.gateway(f"tcp:name.test:{port}", options=options)
        finally:
            MODE["environment"] = before

    def servers(self, daemon):
        return [row["server"] for row in json.loads(self.fetch(daemon, "/_/upstreams").body) if row["state"] != "gone"]

    def test_another_address(self):
        """New requests go there; those under way stay where they are."""
        old = self.upstream(name="old")
        new = self.upstream(name="new", host="127.0.0.2", port=old.port)
        self.lead_to("127.0.0.1")
        daemon = self.named(old.port)
        busy = self.open(daemon)
        busy.send(head("GET", "/hold"))
        old.wait_seen(1)
        self.lead_to("127.0.0.2")
        until(lambda: self.servers(daemon) == [new.address], "the name leads elsewhere")
        self.assertEqual({self.fetch(daemon, "/who").body for _ in range(4)}, {b"new"})
        old.release.set()
        self.assertEqual(busy.response().body, b"held")
        until(lambda: old.open == 0, "then the connection ends")

    def test_an_address_that_comes_back(self):
        server = self.upstream()
        self.lead_to("127.0.0.1")
        daemon = self.named(server.port)
        for address in ("127.0.0.2", "127.0.0.1"):
            self.lead_to(address)
            until(lambda: self.servers(daemon) == [f"tcp:{address}:{server.port}"], "the name leads there")
        self.assertEqual(self.fetch(daemon, "/ok").body, b"ok")

    def test_a_name_that_is_lost(self):
        """The addresses known before stay."""
        server = self.upstream()
        self.lead_to("127.0.0.1")
        daemon = self.named(server.port)
        self.assertEqual(self.fetch(daemon, "/ok").body, b"ok")
        self.lead_to()
        daemon.wait_line('event="name not found"')
        self.assertEqual(self.fetch(daemon, "/ok").body, b"ok")

    def test_a_name_that_is_not_there_yet(self):
        server = self.upstream()
        daemon = self.named(server.port)
        daemon.wait_line('event="name not found"')
        self.assertEqual(self.fetch(daemon, "/ok").status, 503)
        self.lead_to("127.0.0.1")
        until(lambda: self.fetch(daemon, "/ok").body == b"ok", "it is found later")

    def test_more_addresses_than_are_used(self):
        server = self.upstream()
        self.lead_to(*[f"127.0.0.{i}" for i in range(1, 71)])
        daemon = self.named(server.port, options="resolve = 0 outlier_errors = 0 retries = 16")
        line = daemon.wait_line('event="addresses left out"')
        self.assertIn("upstream=api name=name.test addresses=6", line)
        self.assertEqual(len(self.servers(daemon)), 64)
