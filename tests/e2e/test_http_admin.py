"""Administration below /_/."""
import json
import os
import re
import shutil
import subprocess
import unittest

import exposition
from case import KIB, Case
from daemon import run_sluiced, until
from http1 import HttpClient, head
from http_case import HttpCase

PAGES = ("health", "ready", "stats", "conns", "fds", "config", "metrics")


class Pages(HttpCase):
    def page(self, name, address=None):
        """The JSON of a page."""
        response = self.fetch(address or self.server.tcp, f"/_/{name}")
        self.assertEqual((response.status, response.get("Content-Type")), (200, "application/json"))
        return json.loads(response.body)

    def test_health(self):
        self.assertEqual(self.page("health"), {"status": "ok"})
        self.assertEqual(self.page("ready"), {"status": "ready"})

    def test_are_not_to_be_cached(self):
        for name in PAGES:
            self.assertEqual(self.fetch(self.server.tcp, f"/_/{name}").get("Cache-Control"), "no-store")

    def test_stats_are_those_of_the_object_protocol(self):
        here, there = self.page("stats"), self.server.stats()
        self.assertEqual([(table, sorted(rows)) for table, rows in here.items()],
                         [(table, sorted(rows)) for table, rows in there.items()])
        before = here["http"]
        for target, name in (("/objects/hello", "http_2xx"), ("/none", "http_4xx"), ("/objects/hello", "http_2xx")):
            self.fetch(self.server.tcp, target)
            after = self.page("stats")["http"]
            counted = 2 if name == "http_2xx" else 1
            self.assertEqual(after["http_requests"], before["http_requests"] + 2)
            self.assertEqual(after[name], before[name] + counted)
            before = after
        self.fetch(self.server.tcp, "/objects/hello", "If-None-Match: *")
        self.assertEqual(self.page("stats")["http"]["http_3xx"], before["http_3xx"] + 1)
        self.assertGreater(before["http_latency"]["count"], 0)

    def test_conns(self):
        slc, web = self.connect(self.server.unix), self.open()
        slc.ping()
        web.fetch("/hello")
        rows = until(lambda: self.both(slc, web), "both connections in conns")
        self.assertEqual(rows["slc"]["listener"], self.server.unix)
        self.assertEqual((rows["http"]["listener"], rows["http"]["requests"]), (self.server.tcp, 1))
        self.assertEqual(rows["http"]["peer"], "%s:%d" % web.socket.getsockname())
        self.assertEqual(rows["slc"]["uid"], os.geteuid())
        for row in rows.values():
            self.assertGreaterEqual(row["age"], row["idle"])
            self.assertGreater(row["bytes_in"], 0)

    def both(self, slc, web):
        found = {row["protocol"]: row for row in self.page("conns") if row["state"] == "idle"}
        return found if {"slc", "http"} <= found.keys() else None

    def test_fds(self):
        clients = [self.open() for _ in range(5)]
        for client in clients:
            client.fetch("/hello")
        rows = self.page("fds")
        self.assertEqual(len(rows), len({row["fd"] for row in rows}))
        self.assertGreaterEqual({row["kind"] for row in rows}, {"loop", "listener", "client", "root", "inherited"})
        uptime = self.page("stats")["process"]["uptime_seconds"]
        for row in rows:
            self.assertGreaterEqual(row["age"], 0)
            self.assertLess(row["age"], uptime + 1)  # some were open before the clock was asked
            self.assertGreaterEqual(row["holders"], 1)
        client = clients[0]
        mine = {row["fd"] for row in json.loads(client.fetch("/_/fds?kind=client").body)}
        self.assertGreaterEqual(len(mine), 5)
        for query in "age=0&kind=listener", "kind=listener&age=0":
            self.assertEqual({row["kind"] for row in json.loads(client.fetch(f"/_/fds?{query}").body)}, {"listener"})
        self.assertEqual(json.loads(client.fetch("/_/fds?kind=nonsense").body), [])
        self.assertEqual(json.loads(client.fetch("/_/fds?age=1000000").body), [])
        self.assertEqual(json.loads(client.fetch("/_/fds?kind=client&age=1e6").body), [])
        oldest = max(row["age"] for row in rows)
        older = json.loads(client.fetch(f"/_/fds?age={oldest}&kind=loop").body)
        self.assertGreater(len(older), 0)

    def test_fds_is_the_truth(self):
        """In a daemon of which nobody else asks anything."""
        daemon = self.daemon()
        client = self.open(daemon.unix)
        rows = json.loads(client.fetch("/_/fds").body)
        self.assertEqual(sorted(row["fd"] for row in rows), sorted(map(int, os.listdir(f"/proc/{daemon.pid}/fd"))))

    def test_config_is_the_effective_one(self):
        daemon = self.daemon("--timeout-keep-alive", 33, "--chunk", "128k")
        response = self.fetch(daemon.tcp, "/_/config")
        text = response.body.decode()
        self.assertTrue(response.get("Content-Type").startswith("text/plain"))
        settings = dict(re.findall(r"^(\w+) = (\S+)", text, re.M))
        self.assertEqual((settings["timeout_keep_alive"], settings["chunk"], settings["timeout_request"]),
                         ("33", "128k", "10"))
        self.assertIn(str(self.tree.path), text)

    def test_config_hides_secrets(self):
        """Fields that upstreams are sent, users and passwords of brokers; --check, for the file's owner, shows them."""
        config = """
            ingest { path = "{dir}/log" }
            forward "nats" {
                servers = {"nats://bob:hunter2@127.0.0.1:9", "tls://token-7@[::1]:9", "nats://127.0.0.1:9"}
            }
            upstream "u" { servers = {"tcp:127.0.0.1:9"} }
            route "/u/*" { upstream = "u" request_set = {"Authorization: Bearer http://x@hunter2", "X-Key:hunter2"}
                           request_add = {"X-Other: hunter2"} response_set = {"X-Shown: yes"} }"""
        daemon = self.daemon(config=config)
        shown = self.fetch(daemon.tcp, "/_/config").body.decode()
        called = self.fetch(daemon.tcp, "/rpc", "Content-Type: application/json", method="POST",
                            body=b'{"jsonrpc":"2.0","id":1,"method":"config.get"}').body.decode()
        self.assertIn("X-Shown: yes", called)
        for secret in ("hunter2", "bob", "token-7"):
            self.assertNotIn(secret, shown)
            self.assertNotIn(secret, called)
        for line in ('servers = {"nats://***@127.0.0.1:9", "tls://***@[::1]:9", "nats://127.0.0.1:9"}',
                     'request_set = {"Authorization: ***", "X-Key: ***"}', 'request_add = {"X-Other: ***"}',
                     'response_set = {"X-Shown: yes"}'):
            self.assertIn(line, shown)
        check = run_sluiced("--check", "-c", daemon.directory / "sluice.conf", "--listen", "unix:@x")
        self.assertIn('"nats://bob:hunter2@127.0.0.1:9"', check.stdout)

    def test_other_paths_and_methods(self):
        client = self.open()
        for target in ("/_/", "/_/none", "/_/health/", "/_/health/x", "/_/Health", "/_", "/_//health",
                       "/_/stats.json"):
            for method in ("GET", "POST", "OPTIONS"):
                self.assertEqual(client.ask(method, target).status, 404, target)
        for name in PAGES:
            for method in ("POST", "PUT", "DELETE", "TRACE"):
                response = client.ask(method, f"/_/{name}")
                self.assertEqual((response.status, response.get("Allow")), (405, "GET, HEAD, OPTIONS"))
            response = client.ask("OPTIONS", f"/_/{name}")
            self.assertEqual((response.status, response.get("Allow")), (204, "GET, HEAD, OPTIONS"))
        self.assertEqual(client.fetch("/_/%68ealth").status, 200)
        self.assertEqual(client.fetch("/x/../_/health?a=b").status, 200)

    def test_large_pages_in_a_row(self):
        """More than the socket takes at once, from a daemon with many descriptors."""
        many = [self.open() for _ in range(200)]
        client = self.open(receive_buffer=4 * KIB)
        sender = client.send_in_background(head("GET", "/_/fds") * 30 + head("GET", "/_/metrics") * 30)
        for _ in range(30):
            self.assertGreater(len(json.loads(client.response().body)), len(many))
        for _ in range(30):
            exposition.parse(client.response().body.decode())
        sender.join()
        self.assertGoesOn(client)


class Metrics(HttpCase):
    def metrics(self, address=None):
        response = self.fetch(address or self.server.tcp, "/_/metrics")
        self.assertEqual(response.get("Content-Type"), "text/plain; version=0.0.4; charset=utf-8")
        return response.body.decode()

    def test_are_well_formed(self):
        metrics = exposition.parse(self.metrics())
        for name in ("sluice_reactor_requests_total", "sluice_http_requests_total", "sluice_http_latency_seconds",
                     "sluice_http_2xx_total", "sluice_objects_served_copy_total", "sluice_offload_jobs_pool_total"):
            self.assertIn(name, metrics)

    def test_have_every_counter_of_stats(self):
        metrics = exposition.parse(self.metrics())
        stats = self.server.stats()
        for table in ("reactor", "offload", "objects", "http"):
            self.assertEqual(len(stats[table]), sum(name.startswith(f"sluice_{table}_") for name in metrics), table)

    def test_count(self):
        before = exposition.parse(self.metrics())
        for _ in range(3):
            self.fetch(self.server.tcp, "/objects/hello")
        after = exposition.parse(self.metrics())
        for name, more in (("sluice_http_requests_total", 4), ("sluice_http_2xx_total", 4),
                           ("sluice_reactor_accepted_total", 4)):
            self.assertEqual(after[name].value, before[name].value + more, name)
        count = ("sluice_http_latency_seconds_count", "")
        name = "sluice_http_latency_seconds"
        self.assertEqual(after[name].samples[count], before[name].samples[count] + 4)
        self.assertLess(after[name].samples[name, 'quantile="0.99"'], 60)

    @unittest.skipUnless(shutil.which("promtool"), "needs promtool (Debian package prometheus)")
    def test_pass_promtool(self):
        done = subprocess.run(["promtool", "check", "metrics"], input=self.metrics(), capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))


class Who(HttpCase):
    """Names that somebody else's DNS points at us, and pages of other sites, get nothing (DNS rebinding)."""

    def status(self, address, *fields, host="localhost", target="/_/health"):
        return self.fetch(address, target, *fields, host=host).status

    def test_host(self):
        for host in ("localhost", "LocalHost:8080", "127.0.0.1", "127.0.0.1:80", "192.0.2.7", "[::1]", "[::1]:7080",
                     "[2001:db8::1]"):
            self.assertEqual(self.status(self.server.tcp, host=host), 200, host)
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "localhost.", "xlocalhost",
                     "127.1", "2130706433", "0x7f000001", "127.0.0.1.", "a", "127.0.0.256"):
            for page in PAGES:
                self.assertEqual(self.status(self.server.tcp, host=host, target=f"/_/{page}"), 403, host)

    def test_the_hosts_of_absolute_targets(self):
        client = self.open()
        for host, status in (("evil.example", 403), ("localhost", 200)):
            self.assertEqual(client.fetch(f"http://{host}/_/health", host=host).status, status)

    def test_over_unix_the_host_does_not_matter(self):
        self.assertEqual(self.status(self.server.unix, host="any.example"), 200)

    def test_origin(self):
        for address in (self.server.tcp, self.server.unix):
            for origin in ("http://localhost", "http://localhost:3000", "https://127.0.0.1", "http://127.9.9.9",
                           "http://[::1]:8080"):
                self.assertEqual(self.status(address, f"Origin: {origin}"), 200, origin)
            for origin in ("http://evil.example", "https://localhost.evil.example", "null", "", "localhost",
                           "http://", "file://", "http://localhost@evil.example", "http://evil.example/localhost",
                           "chrome-extension://abc", "http://192.0.2.1", "http://[2001:db8::1]", "http://0.0.0.0"):
                self.assertEqual(self.status(address, f"Origin: {origin}"), 403, origin)
        for origin, status in (("http://192.0.2.1", 200), ("http://192.0.2.1:81", 200), ("http://192.0.2.2", 403)):
            self.assertEqual(self.status(self.server.tcp, f"Origin: {origin}", host="192.0.2.1"), status, origin)

    def test_objects_are_for_every_name(self):
        self.assertEqual(self.status(self.server.tcp, "Origin: http://evil.example", host="evil.example",
                                     target="/objects/hello"), 200)

    def test_names_may_be_added(self):
        daemon = self.daemon("--admin-hosts", "box.example,Box", "--admin-origins", "https://ops.example,app://x")
        for host, status in (("box.example", 200), ("BOX:80", 200), ("localhost", 200), ("example", 403),
                             ("box.example.org", 403)):
            self.assertEqual(self.status(daemon.tcp, host=host), status, host)
        for origin, status in (("https://ops.example", 200), ("app://x", 200), ("http://box.example:81", 200),
                               ("https://ops.example:444", 403), ("http://ops.example", 403)):
            self.assertEqual(self.status(daemon.tcp, f"Origin: {origin}"), status, origin)

    def test_only_on_listeners_with_administration(self):
        config = """
            listen "tcp:127.0.0.1:0" { admin = no }
            listen "tcp:0.0.0.0:0" { }
            listen "unix:{dir}/no.sock" { admin = no }
            listen "tcp:*:0" { admin = yes }"""
        daemon = self.daemon(listen=(), config=config)
        *without, offered = [address.replace("0.0.0.0", "127.0.0.1") for address in daemon.addresses[1:]]
        for address in without:
            client = self.open(address)
            for page in PAGES:
                self.assertEqual(client.fetch(f"/_/{page}").status, 404, (address, page))
            self.assertEqual(client.fetch("/objects/hello").status, 200)
        self.assertEqual(self.status(offered), 200)


class Ready(Case):
    def test_is_503_as_soon_as_the_drain_begins(self):
        daemon = self.daemon("--drain-delay", 600)
        client = HttpClient(daemon.tcp)
        self.addCleanup(client.close)
        self.assertEqual(client.fetch("/_/ready").status, 200)
        daemon.signal()
        until(lambda: client.fetch("/_/ready").status == 503, "503")
        with HttpClient(daemon.tcp) as late:  # still served: whoever balances the load needs time to notice
            response = late.fetch("/_/ready")
            self.assertEqual((response.status, json.loads(response.body), response.closes),
                             (503, {"status": "draining"}, False))
            self.assertEqual(late.fetch("/_/health").status, 200)
            self.assertEqual(late.fetch("/objects/hello").status, 200)
        self.assertEqual(client.fetch("/objects/hello").status, 200)
        daemon.signal()
        self.assertEqual(client.rest(), b"")
        client.close()
        self.assertEqual(daemon.wait_exit(), 0)
