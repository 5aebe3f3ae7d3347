"""What the gateway does when a server fails: another try, or not; and whose fault it is."""
import collections
import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading

from daemon import until
from gateway_case import GatewayCase
from http1 import HttpClient, head
from slc import TIMEOUT


class Shortage(GatewayCase):
    def test_no_descriptors_are_no_fault_of_the_server(self):
        """A daemon without descriptors for connections says so, and neither ejects the server nor opens its breaker."""
        first, second = self.upstream(), self.upstream()
        daemon = self.gateway(first, second,
                              options="outlier_errors = 1 breaker_ratio = 1 breaker_least = 1 retries = 0 "
                              "check = tcp check_interval = 0.1 check_fall = 1")
        client = self.open(daemon)
        self.assertEqual(client.fetch("/ok", "Connection: keep-alive").status, 200)
        limits = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        first.close(), second.close()
        until(lambda: self.endpoint(daemon, first)["checks_failed"] and self.endpoint(daemon, second)["checks_failed"],
              "down")
        again = [self.upstream(port=first.port), self.upstream(port=second.port)]
        until(lambda: self.states(client) == ["up", "up"], "both are back")
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        for _ in range(4):
            response = client.fetch("/ok")
            self.assertEqual(response.status, 503)
            self.assertIn(b"no descriptor", response.body)
        self.assertEqual(self.states(client), ["up", "up"])
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, limits)
        self.assertEqual(client.fetch("/ok").status, 200)
        self.assertEqual(sum(len(server.seen) for server in again), 1)

    def states(self, client):
        return [row["state"] for row in json.loads(client.fetch("/_/upstreams").body)]


class Retries(GatewayCase):
    def test_timeout_connect(self):
        """Of a server whose queue is full, so that the kernel answers nobody."""
        with socket.socket() as listener, contextlib.ExitStack() as waiting:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            for _ in range(4):
                client = waiting.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(listener.getsockname())
            daemon = self.gateway("tcp:127.0.0.1:%d" % listener.getsockname()[1],
                                  options="timeout_connect = 0.2 retries = 0")
            response = self.fetch(daemon, "/ok")
            self.assertEqual(response.status, 504)
            self.assertIn(b"no server took the connection in time", response.body)

    def test_connect_failures_go_elsewhere(self):
        good, dead = self.upstream(), self.upstream()
        dead.close()
        daemon = self.gateway(dead, good)
        for method in ("GET", "POST"):
            for _ in range(4):
                self.assertEqual(self.fetch(daemon, "/ok", method=method, body=b"x" * 1000).status, 200)

    def test_idempotent_is_sent_again(self):
        for path in ("/close", "/reset"):
            first, second = self.upstream(), self.upstream()
            daemon = self.gateway(first, second)
            self.assertEqual(self.fetch(daemon, path, method="PUT", body=b"b" * 5000).status, 502)
            self.assertEqual([len(first.seen) + len(second.seen), len({len(first.seen), len(second.seen)})], [3, 2],
                             "three tries over both servers")
            self.assertEqual({seen.body for seen in first.seen + second.seen}, {b"b" * 5000})

    def test_post_is_sent_once(self):
        for path in ("/close", "/reset", "/silent"):
            for body in (b"x", b""):
                server = self.upstream()
                daemon = self.gateway(server, options="timeout_first_byte = 0.1")
                self.assertIn(self.fetch(daemon, path, method="POST", body=body).status, (502, 504))
                self.assertEqual(len(server.seen), 1, (path, body))

    def test_the_end_of_a_pooled_connection_is_no_fault_of_the_server(self):
        server, other = self.upstream(), self.upstream()
        other.close()
        daemon = self.gateway(server, f"{other.address} backup", options="outlier_errors = 1")
        self.assertEqual(self.fetch(daemon, "/ok").status, 200)
        self.assertEqual(self.fetch(daemon, "/close", method="POST").status, 502)
        counters = self.endpoint(daemon, server)
        self.assertEqual([counters[name] for name in ("stale_reuse", "failures", "ejections")], [1, 0, 0])
        self.assertEqual(self.fetch(daemon, "/close", method="POST").status, 502)
        counters = self.endpoint(daemon, server)
        self.assertEqual([counters[name] for name in ("stale_reuse", "failures", "ejections")], [1, 1, 1])

    def test_post_with_a_key(self):
        server = self.upstream()
        daemon = self.gateway(server)
        self.assertEqual(self.fetch(daemon, "/close", "Idempotency-Key: 1", method="POST", body=b"x").status, 502)
        self.assertEqual(len(server.seen), 3)

    def test_not_after_the_first_byte(self):
        server = self.upstream()
        daemon = self.gateway(server)
        self.assertEqual(self.fetch(daemon, "/mid-head").status, 502)
        self.assertEqual(len(server.seen), 1)
        late = self.gateway(server, options="timeout_first_byte = 0.1")
        self.assertEqual(self.fetch(late, "/begun").status, 504)
        self.assertEqual(len(server.seen), 2)

    def test_not_with_a_body_that_was_not_kept(self):
        server = self.upstream()
        daemon = self.gateway(server, options="retry_body = 1k")
        self.assertEqual(self.fetch(daemon, "/close", method="PUT", body=b"x" * 1024).status, 502)
        self.assertEqual(len(server.seen), 3)
        self.assertEqual(self.fetch(daemon, "/close", method="PUT", body=b"x" * 1025).status, 502)
        self.assertEqual(len(server.seen), 4)

    def test_bodies_that_are_kept_have_a_bound_together(self):
        server = self.upstream()
        daemon = self.gateway(server, arguments=("--request-bytes-total", "64k"))
        client = self.open(daemon)
        client.send(head("PUT", "/hold", "Content-Length: 60000") + b"x" * 60000)
        server.wait_seen(1)
        self.assertEqual(daemon.counter("reactor", "request_bytes"), 60000)
        self.assertEqual(self.fetch(daemon, "/close", method="PUT", body=b"x" * 40000).status, 502)
        self.assertEqual(len(server.seen), 2, "no room to keep it")
        server.release.set()
        self.assertEqual(client.response("PUT").body, b"held")
        self.assertEqual(self.fetch(daemon, "/close", method="PUT", body=b"x" * 40000).status, 502)
        self.assertEqual(len(server.seen), 5)
        self.assertEqual(daemon.counter("reactor", "request_bytes"), 0)

    def test_another_try_comes_before_those_who_wait(self):
        """Requests behind it in its client's pipeline would hold all connections, and be answered only after it."""
        for path in ("/close", "/reset"):
            server = self.upstream()
            daemon = self.gateway(server, options="max_connections = 2 timeout_pending = 600")
            client = self.open(daemon)
            client.send(head("GET", path) + head("GET", "/bytes/300000") * 2)
            self.assertEqual(client.response().status, 502)
            self.assertEqual([len(client.response().body) for _ in range(2)], [300000] * 2)
            self.assertEqual(len(server.seen), 5, "three tries of the first")

    def one_is_full(self):
        """Of two servers: a daemon, a client that is held by the one that is full then, the servers."""
        first, second = self.upstream(name="first"), self.upstream(name="second")
        daemon = self.gateway(first, second, options="max_connections = 1 timeout_pending = 600 outlier_errors = 0")
        held = self.open(daemon)
        held.send(head("GET", "/hold"))
        until(lambda: first.seen or second.seen, "one is busy")
        return daemon, held, *((first, second) if first.seen else (second, first))

    def test_a_server_whose_connection_was_stale_is_as_good_as_one_that_is_full(self):
        daemon, held, busy, other = self.one_is_full()
        self.fetch(daemon, "/ok")
        self.assertEqual(self.fetch(daemon, "/close-once").body, b"ok")
        self.assertEqual(len(other.seen), 3)
        busy.release.set()
        held.response()

    def test_another_try_keeps_nobody_from_another_server(self):
        """It waits for the server that it has not tried, and those behind it go where there is room."""
        daemon, held, busy, other = self.one_is_full()
        lost = self.open(daemon)
        lost.send(head("GET", "/close"))
        daemon.wait_counter("gateway", "pending")
        for _ in range(3):
            self.assertEqual(self.fetch(daemon, "/who").body.decode(), other.name)
        busy.release.set()
        self.assertEqual([held.response().body, lost.response().status], [b"held", 502])

    def test_another_try_is_never_one_too_many(self):
        """It waits only until the connection that failed is gone, where nobody else may wait."""
        for path in ("/close", "/reset"):
            server = self.upstream()
            daemon = self.gateway(server, options="max_connections = 1 max_pending = 0", route="route_pending = 1")
            self.assertEqual(self.fetch(daemon, path).status, 502)
            self.assertEqual(len(server.seen), 3)

    def test_budget(self):
        server = self.upstream()
        daemon = self.gateway(server, options="retry_floor = 0")
        self.assertEqual(self.fetch(daemon, "/close").status, 502)
        self.assertEqual(len(server.seen), 1)
        self.assertEqual(daemon.counter("gateway", "retry_refused"), 1)

    def test_budget_is_for_requests_under_way(self):
        server = self.upstream()
        daemon = self.gateway(server, options="retry_budget = 0 retry_floor = 1 outlier_errors = 0")
        for count in (3, 6, 9):
            self.assertEqual(self.fetch(daemon, "/close").status, 502)
            self.assertEqual(len(server.seen), count)

    def test_budget_is_not_for_what_was_not_sent(self):
        dead, server = self.upstream(), self.upstream()
        dead.close()
        daemon = self.gateway(dead, server, options="retry_budget = 0 retry_floor = 0 outlier_errors = 0")
        for _ in range(4):
            self.assertEqual(self.fetch(daemon, "/ok", method="POST", body=b"x").status, 200)
        self.assertEqual((len(server.seen), daemon.counter("gateway", "retried")), (4, 2))

    def test_pooled_connection_that_was_just_closed(self):
        """Lost before a byte was sent: another connection, whatever the method."""
        server = self.upstream()
        daemon = self.gateway(server)
        for _ in range(20):
            self.fetch(daemon, "/ok")
            daemon.signal(signal.SIGSTOP)  # it must not see the closing before the request
            with self.connection_to(daemon) as client:
                for sock in list(server.sockets):
                    with contextlib.suppress(OSError):  # of an earlier round, gone by now
                        sock.shutdown(2)
                client.send(head("POST", "/echo", "Content-Length: 1") + b"x")
                daemon.signal(signal.SIGCONT)
                self.assertEqual(client.response("POST").status, 200)
        self.assertEqual(self.endpoint(daemon, server)["stale_reuse"], 0)

    def connection_to(self, daemon):
        return HttpClient(daemon.tcp)

    def test_killed_under_load(self):
        """kill -9 of a server under load: no request that is not idempotent is sent twice."""
        script = ("import sys, upstream, time\n"
                  "server = upstream.Upstream(name=sys.argv[1])\n"
                  "print(server.port, flush=True)\n"
                  "log = open(sys.argv[2], 'w', buffering=1)\n"
                  "done = 0\n"
                  "while True:\n"
                  "    server.wait_seen(done + 1)\n"
                  "    for seen in server.seen[done:]:\n"
                  "        print(seen.target, file=log)\n"
                  "        done += 1\n")
        directory = self.directory()

        def start(name):
            process = subprocess.Popen([sys.executable, "-c", script, name, directory / name], text=True,
                                       stdout=subprocess.PIPE, cwd=os.path.dirname(__file__))
            self.addCleanup(process.stdout.close)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            return process, f"tcp:127.0.0.1:{process.stdout.readline().strip()}"
        victim, address = start("victim")
        _, other = start("other")
        daemon = self.gateway(address, other)
        answers = collections.Counter()
        killed = threading.Event()

        def post(worker):
            for i in range(150):
                status = self.fetch(daemon, f"/ok/{worker}-{i}", method="POST", body=b"x").status
                answers[status] += 1
                if worker == 0 and i == 50:
                    victim.kill()
                    killed.set()
        threads = [threading.Thread(target=post, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT)
        self.assertTrue(killed.is_set())
        self.assertEqual(sum(answers.values()), 600)
        self.assertLessEqual(set(answers), {200, 502})
        sent = (directory / "victim").read_text().split() + (directory / "other").read_text().split()
        twice = [target for target, count in collections.Counter(sent).items() if count > 1]
        self.assertEqual(twice, [])
