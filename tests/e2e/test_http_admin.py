"""Administration below /_/, and the access log."""
import json
import os
import re
import shutil
import signal
import subprocess
import unittest

import exposition
from case import KIB, MIB, Case
from daemon import run_sluiced, until
from http1 import HttpClient, head
from http_case import HttpCase
from probe import probe

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
        for row in rows:
            self.assertGreaterEqual(row["age"], 0)
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
            forward "nats" { servers = {"nats://bob:hunter2@127.0.0.1:9", "tls://token-7@[::1]:9", "nats://127.0.0.1:9"} }
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
            for method in ("POST", "PUT", "DELETE", "BREW"):
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


LOGFMT = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?: |$)')


def parse_logfmt(line):
    words, at = {}, 0
    while at < len(line):
        match = LOGFMT.match(line, at)
        if not match:
            raise AssertionError(f"no logfmt from byte {at} on: {line!r}")
        words[match[1]] = json.loads(match[2]) if match[2].startswith('"') else match[2]
        at = match.end()
    return words


class Log(Case):
    """The access log."""
    FIELDS = ["time", "method", "path", "status", "bytes", "duration", "delivery", "peer", "request_id"]

    def logging(self, form, *arguments, **options):
        self.file = self.directory() / "access.log"
        daemon = self.daemon("--access-log", form, "--access-log-file", self.file, "--demo-routes=yes", *arguments,
                             **options)
        self.parse = json.loads if form == "json" else parse_logfmt
        return daemon

    def ask(self, daemon, target, *fields, method="GET", address=None, **options):
        with HttpClient(address or daemon.tcp) as client:
            response = client.ask(method, target, *fields, **options)
            response.close()
            return response

    def lines(self, count, file=None):
        """The lines of the log as soon as there are so many."""
        file = file or self.file
        until(lambda: file.exists() and file.read_bytes().count(b"\n") >= count, f"{count} lines in {file}")
        text = file.read_text()
        self.assertTrue(text.endswith("\n"))
        lines = [self.parse(line) for line in text.splitlines()]
        self.assertEqual(len(lines), count)
        for line in lines:
            self.assertEqual(list(line), self.FIELDS)
        return lines

    def test_says_what_was_asked_and_how_it_went(self):
        for form in ("json", "logfmt"):
            with self.subTest(form):
                daemon = self.logging(form)
                self.ask(daemon, "/objects/hello?a=b", "X-Request-ID: abc-1._Z")
                self.ask(daemon, "/none", method="POST")
                self.ask(daemon, "/objects/size/5242883", address=daemon.unix)
                self.ask(daemon, "/objects/hello", "Sluice-Delivery: fd", address=daemon.unix)
                self.ask(daemon, "/objects/hello", method="HEAD")
                self.ask(daemon, "/fib/10")
                lines = self.lines(6)
                told = [(line["method"], line["path"], int(line["status"]), int(line["bytes"])) for line in lines]
                self.assertEqual(told[0], ("GET", "/objects/hello?a=b", 200, 13))
                self.assertEqual(told[1][:3], ("POST", "/none", 404))
                self.assertEqual(told[2:5], [("GET", "/objects/size/5242883", 200, 5242883),
                                             ("GET", "/objects/hello", 200, 0), ("HEAD", "/objects/hello", 200, 0)])
                self.assertEqual(told[5], ("GET", "/fib/10", 200, len('{"n":10,"fib":55}')))
                self.assertEqual(lines[0]["request_id"], "abc-1._Z")
                self.assertIn(lines[2]["delivery"], ("sendfile", "copy"))
                self.assertEqual(lines[3]["delivery"], "fd")
                self.assertRegex(lines[0]["peer"], r"^127\.0\.0\.1:\d+$")
                self.assertEqual(lines[2]["peer"], f"uid:{os.geteuid()}")
                for line in lines:
                    self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
                    self.assertGreaterEqual(float(line["duration"]), 0)

    def test_the_bytes_are_those_of_the_body_that_left(self):
        daemon = self.logging("json", "--modules", probe())
        want = []
        for size in (0, 3, 100, 5000, 100000):
            self.ask(daemon, f"/stream?size={size}")
            self.ask(daemon, f"/stream?size={size}", version="1.0")
            self.ask(daemon, f"/say?size={size}")
            want += [size] * 3
        response = self.ask(daemon, "/objects/size/4096", "Range: bytes=0-9,20-29")
        want.append(len(response.body))
        self.assertEqual([line["bytes"] for line in self.lines(len(want))], want)

    def test_of_a_body_that_is_broken_off_only_what_left_counts(self):
        daemon = self.logging("json")
        with HttpClient(daemon.unix, receive_buffer=4 * KIB) as client:
            client.send(head("GET", "/objects/1g"))
            client.response_head()
        line, = self.lines(1)
        self.assertEqual(line["status"], 200)
        self.assertTrue(0 < line["bytes"] < 64 * MIB, line)

    def test_requests_whose_client_left_before_the_answer(self):
        """Also those that were answered, but not sent, because an earlier one was not."""
        daemon = self.logging("json", "--modules", probe())
        with HttpClient(daemon.unix) as client:
            client.send(head("GET", "/endless") + head("GET", "/hello") + head("GET", "/objects/size/5242883")
                        + head("POST", "/echo", "Content-Length: 5") + b"hell")
            daemon.wait_counter("http", "handlers_inline")
        lines = self.lines(4)
        self.assertEqual([(line["path"], line["status"], line["bytes"], line["delivery"]) for line in lines],
                         [(path, 0, 0, "none") for path in ("/endless", "/hello", "/objects/size/5242883", "/echo")])
        http = daemon.stats()["http"]
        self.assertEqual((http["http_left"], http["http_requests"]), (4, 0))

    def test_what_an_upstream_answered(self):
        daemon = self.logging("json")
        gateway = self.logging("json", config=f"""
            upstream "u" {{ servers = {{"{daemon.tcp}"}} }}
            route "/*" {{ upstream = "u" }}""")
        for target in ("/objects/hello", "/objects/size/5242883"):
            self.ask(gateway, target)
        self.assertEqual([(line["status"], line["bytes"], line["delivery"]) for line in self.lines(2)],
                         [(200, 13, "upstream"), (200, 5242883, "upstream")])

    def test_a_request_id_is_accepted_or_made(self):
        daemon = self.logging("json")
        sent = ["ok", "A-b_c.9", "x" * 64, "x" * 65, "", "a b", "a\tb", 'a"b', "a=b", "\xe9", "a,b"]
        for identity in sent:
            self.ask(daemon, "/hello", f"X-Request-ID: {identity}")
        self.ask(daemon, "/objects/hello")
        self.ask(daemon, "/none")
        ids = [line["request_id"] for line in self.lines(len(sent) + 2)]
        self.assertEqual(ids[:3], sent[:3])
        for identity in ids[3:]:
            self.assertRegex(identity, r"^[0-9a-f]{32}$")
        self.assertEqual(len(set(ids)), len(ids))

    def test_a_hostile_path_stays_one_line(self):
        targets = ["/%0a%0d", "/" + "a" * 8000, "/" + "%00" * 2000, "/[]{}|^`'=,;:@&+$!*()~", "/%5cu000a", "/?x=%09y",
                   "/a=b", "/%22status=200%22", "/%7f"]
        for form in ("json", "logfmt"):
            with self.subTest(form):
                daemon = self.logging(form)
                for target in targets:
                    self.ask(daemon, target)
                for data in (b"GET /\x01\n HTTP/1.1\r\n\r\n", b"GET /\xff\xfe\x00 HTTP/1.1\r\n\r\n",
                             b'BR"EW / HTTP/1.1\r\n\r\n'):
                    with HttpClient(daemon.tcp) as client:
                        client.fetch("/hello")
                        client.send(data)
                        self.assertEqual(client.response().status, 400)
                lines = self.lines(len(targets) + 6)
                for target, line in zip(targets, lines):
                    self.assertTrue(target.startswith(line["path"]) and len(line["path"]) >= min(len(target), 400),
                                    line)
                self.assertEqual([(line["path"], int(line["status"])) for line in lines[len(targets):]],
                                 [("/hello", 200), ("", 400)] * 3)

    def test_of_a_refused_head_what_is_known_is_told(self):
        daemon = self.logging("json")
        told = [("GET", "/a?b", "/a?b HTTP/1.1\r\n", 400), ("PUT", "/c", "/c HTTP/3.0\r\nHost: x\r\n", 505),
                ("HEAD", "/d", "/d HTTP/1.1\r\nHost: x\nX: y\r\n", 400), ("POST", "/e", "/e f HTTP/1.1\r\n", 400),
                ("GET", "/g", "/g HTTP/1.1\r\nHost: x\r\nX: " + 17000 * "y" + "\r\n", 431),
                ("CONNECT", "h:80", "h:80 HTTP/1.1\r\nHost: i\r\n", 400)]
        for method, _, rest, status in told:
            with HttpClient(daemon.tcp) as client:
                client.send(f"{method} {rest}\r\n".encode())
                self.assertEqual(client.response(method).status, status)
        self.assertEqual([(line["method"], line["path"], line["status"]) for line in self.lines(len(told))],
                         [(method, path, status) for method, path, _, status in told])

    def test_of_pipelined_requests_each_line_is_its_own(self):
        daemon = self.logging("json")
        targets = []
        for n in range(60):
            targets += [f"/objects/size/5242883?{n}", f"/_/stats?{n}", f"/none?{n}", f"/fib/15?{n}", f"/%?{n}",
                        f"/hello?{n}"]
        with HttpClient(daemon.tcp, receive_buffer=16 * KIB) as client:
            sender = client.send_in_background(b"".join(head("GET", target, f"X-Request-ID: n.{i}")
                                                        for i, target in enumerate(targets)))
            statuses = [client.response().status for _ in targets]
            sender.join()
        lines = self.lines(len(targets))
        lines.sort(key=lambda line: int(line["request_id"][2:]))
        self.assertEqual([(line["path"], line["status"], line["request_id"]) for line in lines],
                         [(target, status, f"n.{i}") for i, (target, status) in enumerate(zip(targets, statuses))])

    def test_is_reopened_on_sigusr1(self):
        daemon = self.logging("logfmt")
        self.ask(daemon, "/hello?1")
        self.lines(1)
        moved = self.file.with_name("access.log.1")
        os.rename(self.file, moved)
        self.ask(daemon, "/hello?2")
        self.lines(2, moved)
        daemon.signal(signal.SIGUSR1)
        daemon.stats()  # answered after the signal was taken
        self.ask(daemon, "/hello?3")
        self.assertEqual(self.lines(1)[0]["path"], "/hello?3")
        self.lines(2, moved)

    def test_may_go_to_stderr(self):
        daemon = self.daemon("--access-log", "json", "--demo-routes=yes")
        self.ask(daemon, "/hello")
        line = json.loads(daemon.wait_line('"path":"/hello"'))
        self.assertEqual(line["status"], 200)
        daemon.signal(signal.SIGUSR1)
        self.ask(daemon, "/hello?2")
        daemon.wait_line('"path":"/hello?2"')

    def test_everything_is_written_before_the_end(self):
        daemon = self.logging("json")
        with HttpClient(daemon.tcp) as client:
            client.send(head("GET", "/hello") * 500)
            for _ in range(500):
                client.response()
        daemon.stop()
        self.assertEqual(len(self.lines(500)), 500)

    def test_a_full_disk_costs_lines_and_nothing_else(self):
        daemon = self.daemon("--access-log", "json", "--access-log-file", "/dev/full", "--demo-routes=yes")
        for _ in range(3):
            self.assertEqual(self.ask(daemon, "/hello").status, 200)
        daemon.wait_counter("http", "access_lost", 3)

    def test_off_is_the_default_and_sigusr1_does_no_harm_then(self):
        daemon = self.daemon("--demo-routes=yes")
        daemon.signal(signal.SIGUSR1)
        self.ask(daemon, "/hello")
        self.assertNotIn("/hello", daemon.stderr)

    def test_a_file_that_cannot_be_opened_stops_the_start(self):
        with self.assertRaisesRegex(AssertionError, "access_log_file"):
            self.daemon("--access-log", "json", "--access-log-file", "/nonexistent/access.log")
