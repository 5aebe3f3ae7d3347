"""The gateway from outside: sluice ctl, and what --check says about its sections."""
import json
import resource
import subprocess

import exposition
from daemon import BUILD, run_sluiced, until
from gateway_case import GatewayCase
from http1 import head


class Control(GatewayCase):
    def ctl(self, daemon, *words, status=0):
        done = subprocess.run([BUILD / "sluice", "-s", daemon.admin, "ctl", *words], capture_output=True, text=True)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stderr if status else done.stdout

    def rows(self, daemon):
        return json.loads(self.ctl(daemon, "--json", "upstreams"))

    def test_upstreams(self):
        a, b = self.upstream(), self.upstream()
        daemon = self.gateway(a, f"{b.address} weight=2 backup")
        for _ in range(4):
            self.fetch(daemon, "/ok")
        first, second = self.rows(daemon)
        self.assertEqual((first["server"], first["state"], first["requests"], first["reuse"], first["idle"]),
                         (a.address, "up", 4, 0.75, 1))
        self.assertGreater(first["p99_ms"], 0)
        self.assertEqual((second["weight"], second["backup"], second["requests"]), (2, True, 0))
        self.assertIn(a.address, self.ctl(daemon, "upstreams"))

    def test_drain_and_undrain(self):
        a, b = self.upstream(name="a"), self.upstream(name="b")
        daemon = self.gateway(a, b)
        busy = self.open(daemon)
        busy.send(head("GET", "/hold"))
        until(lambda: a.seen or b.seen, "one of them is busy")
        victim, other = (a, b) if a.seen else (b, a)
        self.ctl(daemon, "drain", f"api/{victim.address}")
        self.assertEqual({self.fetch(daemon, "/who").body.decode() for _ in range(6)}, {other.name})
        states = {row["server"]: row["state"] for row in self.rows(daemon)}
        self.assertEqual(states, {victim.address: "drained", other.address: "up"})
        victim.release.set()
        self.assertEqual(busy.response().body, b"held", "what is in hand goes on")
        until(lambda: victim.open == 0, "then its connections end")
        self.ctl(daemon, "undrain", f"api/{victim.address}")
        self.assertEqual(len({self.fetch(daemon, "/who").body for _ in range(6)}), 2)

    def test_weight(self):
        a, b = self.upstream(name="a"), self.upstream(name="b")
        daemon = self.gateway(a, b)
        self.ctl(daemon, "weight", f"api/{a.address}", "3")
        self.assertEqual([self.fetch(daemon, "/who").body for _ in range(8)].count(b"a"), 6)
        self.ctl(daemon, "weight", f"api/{b.address}", "0")
        self.assertEqual({self.fetch(daemon, "/who").body for _ in range(5)}, {b"a"})

    def test_any_byte_in_a_path(self):
        server = self.upstream(unix=f"{self.directory()}/a&b=c%41+d#\"e\\f.sock")
        daemon = self.gateway(server)
        self.ctl(daemon, "drain", f"api/{server.address}")
        self.assertEqual([row["state"] for row in self.rows(daemon)], ["drained"])
        self.ctl(daemon, "weight", server.address, "7")
        self.assertEqual([row["weight"] for row in self.rows(daemon)], [7])
        metrics = exposition.parse(self.fetch(daemon, "/_/metrics").body.decode())
        (_, labels), = metrics["sluice_upstream_requests_total"].samples
        self.assertEqual(labels, f'upstream="api",server={json.dumps(server.address)}')

    def test_errors(self):
        server = self.upstream()
        daemon = self.gateway(server)
        self.assertIn("0 to 1000", self.ctl(daemon, "weight", f"api/{server.address}", "1&weight=2", status=1))
        self.assertIn("no such server", self.ctl(daemon, "drain", "api/tcp:127.0.0.1:1", status=1))
        self.assertIn("no such server", self.ctl(daemon, "drain", "none", status=1))
        self.assertIn("0 to 1000", self.ctl(daemon, "weight", f"api/{server.address}", "1001", status=1))
        self.assertIn("usage", self.ctl(daemon, "weight", f"api/{server.address}", status=2))
        self.assertIn("usage", self.ctl(daemon, "explode", status=2))

    def test_other_methods(self):
        daemon = self.gateway(self.upstream())
        for page, allow in (("upstreams", "GET, HEAD, POST, OPTIONS"), ("drain", "POST, OPTIONS")):
            for method, status in (("PUT", 405), ("OPTIONS", 204)):
                response = self.fetch(daemon, f"/_/{page}", method=method)
                self.assertEqual((response.status, response.get("Allow")), (status, allow))

    def test_only_where_administration_is(self):
        server = self.upstream()
        config = f'upstream "api" {{ servers = {{"{server.address}"}} }}\nlisten "tcp:127.0.0.1:0" {{ admin = no }}\n'
        daemon = self.daemon(root=False, config=config, listen=())
        self.assertEqual(self.fetch(daemon, "/_/upstreams").status, 404)
        response = self.fetch(daemon, "/_/upstreams?action=drain&server=api/" + server.address, method="POST")
        self.assertEqual(response.status, 404)

    def test_drain_the_daemon(self):
        server = self.upstream()
        daemon = self.gateway(server)
        client = self.open(daemon)
        client.send(head("GET", "/hold"))
        server.wait_seen(1)
        self.ctl(daemon, "drain")
        server.release.set()
        response = client.response()
        self.assertEqual((response.body, response.closes), (b"held", True))
        self.assertEqual(daemon.wait_exit(), 0)


class Check(GatewayCase):
    def problems(self, text, nofile=None):
        def limit():
            if nofile:
                resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))
        file = self.directory({"s.conf": text.encode()}) / "s.conf"
        done = run_sluiced("-c", file, "--listen", "tcp:127.0.0.1:0", "--check", preexec=limit)
        if done.returncode == 0:
            return []
        self.assertEqual(done.returncode, 2)
        return [line.removeprefix(f"{file}:") for line in done.stderr.splitlines()]

    def test_good(self):
        self.assertEqual(self.problems('upstream "a" { servers = {"tcp:localhost:1 weight=2", "unix:/x backup"} }\n'
                                       'route "/a/*" { upstream = "a" request_set = {"X-A: b"} }\n'
                                       'tunnel "tcp:*:0" { upstream = "a" }\n'), [])

    def test_every_problem_has_its_line(self):
        found = self.problems('upstream "none" { }\n'
                              'upstream "kind" { servers = {"udp:127.0.0.1:1"} }\n'
                              'upstream "weight" { servers = {"tcp:127.0.0.1:1 weight=many"} }\n'
                              'upstream "check" { servers = {"tcp:127.0.0.1:1"} check_status = "9" }\n'
                              'upstream "hash" { servers = {"tcp:127.0.0.1:1"} hash_key = "header:" }\n'
                              'upstream "path" { servers = {"tcp:127.0.0.1:1"} check_path = "x" }\n'
                              'upstream "source" { servers = {"tcp:127.0.0.1:1"} source = {"here"} }\n'
                              'route "/a" { upstream = "nobody" }\n'
                              'route "/b" { }\n'
                              'route "/c" { upstream = "check" handler = "hello" }\n'
                              'route "/d" { upstream = "check" redirect = "/" }\n'
                              'route "/e" { upstream = "check" request_set = {"Content-Length: 1"} }\n'
                              'route "/f" { upstream = "check" strip_prefix = "x" }\n'
                              'route "/x/../a" { answer_status = 200 }\n'
                              'listen "tcp:127.0.0.1:3" { }\ntunnel "tcp:127.0.0.1:3" { upstream = "check" }\n'
                              'upstream "a/b" { servers = {"tcp:127.0.0.1:1"} }\n'
                              'upstream "twice" { servers = {"tcp:127.0.0.1:1", "tcp:127.0.0.1:1 weight=2"} }\n'
                              'upstream "host" { servers = {"tcp:127.0.0.1:1"} check_host = "a b" }\n'
                              'upstream "idle" { servers = {"tcp:127.0.0.1:1"} min_idle = 2 max_idle = 1 }\n'
                              'route "/h" { answer_status = 204 answer_body = "x" }\n'
                              'route "/i" { redirect = "/" redirect_status = 304 }\n'
                              'route "/j" { redirect = "/a b" }\n'
                              'route "/k" { upstream = "check" body_limit = 1k }\n'
                              'route "/l" { upstream = "check" mode = worker }\n'
                              'route "/g" { upstream = "check" add_prefix = "/x/%7Ey" }\n'
                              'tunnel "tcp:*:0" { }\n'
                              'tunnel "tcp:*:1" { upstream = "nobody" }\n'
                              'tunnel "nowhere" { upstream = "check" }\n'
                              'tunnel "tcp:*:2" { upstream = "check" protocols = {"http"} }\n')
        lines = [int(line.split(":")[0]) for line in found]
        self.assertEqual(sorted(set(lines)), [*range(1, 15), *range(16, 31)], "\n".join(found))

    def test_every_problem_of_a_section(self):
        found = self.problems('upstream "a b" { servers = {"udp:127.0.0.1:1"} source = {"here"} hash_key = "x" '
                              'check_path = "y" min_idle = 2 max_idle = 1 }\n'
                              'route "/a" { upstream = "a b" redirect = "/ " strip_prefix = "x" add_prefix = "y" '
                              'host = "a b" request_set = {"no"} response_remove = {"Date:"} redirect_status = 304 }\n'
                              'tunnel "tcp:*:0" { protocols = {"http"} allow = {"x"} }\n')
        lines = [line.split(":")[0] for line in found]
        self.assertEqual([lines.count(number) for number in ("1", "2", "3")], [6, 8, 3], "\n".join(found))

    def test_upstreams_that_need_more_descriptors_than_there_are(self):
        found = self.problems('upstream "a" { servers = {"unix:/a"} }\n'
                              'upstream "b" { servers = {"unix:/a", "unix:/b"} max_connections = 9000 }\n',
                              nofile=10000)
        self.assertEqual([problem.split(":")[0] for problem in found], ["2"], found)
        self.assertIn("max_connections 9000", found[0])

    def test_syntax(self):
        for text, line in (('upstream "a" {\n timeout_connect = soon servers = {"unix:/a"}\n}', 2),
                           ('route "/x" { upstrem = "a" }', 1),
                           ('upstream "a" { servers = {"unix:/a"} }\nupstream "a" { servers = {"unix:/a"} }', 2)):
            found = self.problems(text)
            self.assertEqual([int(problem.split(":")[0]) for problem in found], [line], found)
