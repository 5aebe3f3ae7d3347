"""The gateway's pools and balancing."""
import collections
import os
import re
import time

from daemon import until
from gateway_case import GatewayCase
from http1 import head


class Pool(GatewayCase):
    def test_one_pool_for_all_clients(self):
        server = self.upstream()
        daemon = self.gateway(server)
        for _ in range(20):
            self.assertEqual(self.fetch(daemon, "/ok").body, b"ok")
        counters = self.endpoint(daemon, server)
        self.assertEqual((counters["hits"], counters["misses"], server.opened), (19, 1, 1))

    def test_cap_and_line(self):
        server = self.upstream()
        daemon = self.gateway(server, options="max_connections = 2")
        clients = [self.open(daemon) for _ in range(6)]
        for client in clients:
            client.send(head("GET", "/hold"))
        until(lambda: daemon.counter("gateway", "pending") == 4, "four wait in line")
        server.wait_seen(2)
        server.release.set()
        for client in clients:
            self.assertEqual(client.response().body, b"held")
        self.assertEqual(server.opened, 2)

    def test_line_is_bounded(self):
        server = self.upstream()
        daemon = self.gateway(server, options="max_connections = 1 max_pending = 1 timeout_pending = 60")
        first, second, third = (self.open(daemon) for _ in range(3))
        first.send(head("GET", "/hold"))
        server.wait_seen(1)
        second.send(head("GET", "/ok"))
        until(lambda: daemon.counter("gateway", "pending") == 1, "one waits")
        self.assertEqual(third.fetch("/ok").status, 503, "the line is full")
        server.release.set()
        self.assertEqual([first.response().body, second.response().body], [b"held", b"ok"])
        stats = daemon.stats()["gateway"]
        self.assertEqual((stats["pending_refused"], stats["pending_late"]), (1, 0))

    def test_nobody_waits_for_long(self):
        server = self.upstream()
        daemon = self.gateway(server, options="max_connections = 1 timeout_pending = 0.1")
        first, second = self.open(daemon), self.open(daemon)
        first.send(head("GET", "/hold"))
        server.wait_seen(1)
        self.assertEqual(second.fetch("/ok").status, 503)
        server.release.set()
        self.assertEqual(first.response().body, b"held")
        stats = daemon.stats()["gateway"]
        self.assertEqual((stats["pending_refused"], stats["pending_late"]), (0, 1))

    def test_client_in_line_leaves(self):
        server = self.upstream()
        daemon = self.gateway(server, options="max_connections = 1 timeout_pending = 60")
        first, second = self.open(daemon), self.open(daemon)
        first.send(head("GET", "/hold"))
        server.wait_seen(1)
        second.send(head("GET", "/ok"))
        until(lambda: daemon.counter("gateway", "pending") == 1, "one waits")
        second.reset()
        until(lambda: daemon.counter("gateway", "pending") == 0, "it has left the line")
        server.release.set()
        self.assertEqual(first.response().body, b"held")
        self.assertEqual(len(server.seen), 1)

    def test_idle_and_age_limits(self):
        server = self.upstream()
        daemon = self.gateway(server, options="max_idle = 1 max_requests = 3")
        clients = [self.open(daemon) for _ in range(3)]
        for client in clients:
            client.send(head("GET", "/hold"))
        server.wait_seen(3)
        server.release.set()
        for client in clients:
            client.response()
        until(lambda: server.open == 1, "one stays")
        self.assertEqual(self.endpoint(daemon, server)["pool_full_closes"], 2)
        for _ in range(3):
            self.fetch(daemon, "/ok")
        until(lambda: self.endpoint(daemon, server)["closes"] == 3, "three requests are enough for a connection")
        self.assertEqual(server.opened, 4)

    def test_min_idle_is_ready_before_it_is_needed(self):
        path = self.directory() / "app.sock"
        for server in (self.upstream(), self.upstream(unix=str(path))):
            daemon = self.gateway(server, options="min_idle = 3 max_age = 0.3")
            until(lambda: server.opened >= 3, "three are opened ahead")
            until(lambda: server.opened >= 6, "and again when they are too old")
            until(lambda: self.endpoint(daemon, server)["idle"] == 3, "three are ready")
            until(lambda: self.fetch(daemon, "/ok").body == b"ok" and self.endpoint(daemon, server)["hits"] > 0,
                  "for use")
            self.assertLessEqual(self.endpoint(daemon, server)["idle"], 4)

    def test_min_idle_of_a_server_that_is_away(self):
        path = str(self.directory() / "app.sock")
        for server in (self.upstream(), self.upstream(unix=path)):
            is_tcp = server.address.startswith("tcp:")
            server.close()
            if not is_tcp:
                os.unlink(path)
            daemon = self.gateway(server, options="min_idle = 2")
            until(lambda d=daemon, s=server: self.endpoint(d, s)["connect_failures"] > 0, "it is tried")
            again = self.upstream(port=server.port) if is_tcp else self.upstream(unix=path)
            until(lambda s=again: s.opened == 2, "and taken when it is there")

    def test_server_goes_away_at_rest(self):
        server = self.upstream()
        daemon = self.gateway(server)
        self.fetch(daemon, "/ok")
        port = server.port
        server.close()
        until(lambda: self.endpoint(daemon, server)["idle"] == 0, "its connections leave the pool at once")
        again = self.upstream(port=port)
        self.assertEqual(self.fetch(daemon, "/ok", method="POST", body=b"x").body, b"ok")
        self.assertEqual(again.opened, 1)

    def learn(self, daemon, server):
        """The server closes a connection that rested for a while, and no other one. Returns no less than that while."""
        start = time.monotonic()
        self.fetch(daemon, "/ok")
        until(lambda: self.endpoint(daemon, server)["idle_closes"] == 1, "a closing is seen")
        server.idle = None
        return time.monotonic() - start

    def assertReuse(self, daemon, server, rest):
        """A connection is used again when it is young, but not after this rest, though the server would have it."""
        until(lambda: self.fetch(daemon, "/ok").body == b"ok" and self.endpoint(daemon, server)["hits"] > 0,
              "young ones are reused")
        opened = server.opened
        time.sleep(rest)
        self.assertEqual(self.fetch(daemon, "/ok", method="POST", body=b"x").status, 200)
        self.assertEqual(server.opened, opened + 1)

    def test_learns_keep_alive(self):
        server = self.upstream(idle=1)
        daemon = self.gateway(server)
        self.assertReuse(daemon, server, 0.9 * self.learn(daemon, server))  # that is, not up to the end

    def test_learns_from_resets_too(self):
        server = self.upstream(idle=1, reset=True)
        daemon = self.gateway(server)
        self.assertReuse(daemon, server, 0.9 * self.learn(daemon, server))

    def test_believes_keep_alive(self):
        server = self.upstream(say=1)
        self.assertReuse(self.gateway(server), server, 0.9)

    def test_short_lived_connections(self):
        """Against a server that closes soon, clients see no error, whenever they come."""
        server = self.upstream(idle=0.2)
        daemon = self.gateway(server)
        self.fetch(daemon, "/ok")
        until(lambda: self.endpoint(daemon, server)["idle_closes"] == 1, "a closing is seen")
        for i in range(20):
            time.sleep(i * 0.015)
            self.assertEqual(self.fetch(daemon, "/echo", method="PUT", body=b"x").status, 200)

    def test_a_closing_that_was_no_timeout_is_forgotten(self):
        """One connection was closed at once; another that stays open for much longer shows that it meant nothing."""
        server = self.upstream()
        daemon = self.gateway(server)
        self.fetch(daemon, "/close-after")
        until(lambda: self.endpoint(daemon, server)["idle_closes"] == 1, "it is seen")
        until(lambda: self.fetch(daemon, "/ok").body == b"ok" and self.endpoint(daemon, server)["hits"] > 2,
              "connections are reused")

    def test_keep_alive_max(self):
        server = self.upstream(fields=["Keep-Alive: timeout=5, max=0"])
        daemon = self.gateway(server)
        for count in (1, 2, 3):
            self.assertEqual(self.fetch(daemon, "/ok", method="POST", body=b"x").body, b"ok")
            self.assertEqual(server.opened, count)

    def test_pool_line_in_the_log(self):
        server = self.upstream()
        daemon = self.gateway(server, options="log_interval = 0.3")
        self.fetch(daemon, "/ok")
        self.fetch(daemon, "/ok")

        def told():
            """Hits and misses of each interval, as a busy machine may have put them into several."""
            lines = [line for line in daemon.lines if "event=pool" in line]
            return [tuple(int(re.search(rf" {word}=(\d+)", line)[1]) for word in ("hits", "misses")) for line in lines]
        until(lambda: sum(map(sum, told())) == 2, "both requests are told")
        self.assertEqual(sum(hits for hits, _ in told()), 1)
        hits, misses = told()[0]
        line = daemon.wait_line("event=pool")
        for word in ("upstream=api", f"hit_rate={hits / (hits + misses):.4f}", "limit=512"):
            self.assertIn(word, line)

    def test_unix_server(self):
        path = self.directory() / "app.sock"
        server = self.upstream(unix=str(path))
        daemon = self.gateway(server)
        for _ in range(3):
            self.assertEqual(self.fetch(daemon, "/ok").body, b"ok")
        self.assertEqual(server.opened, 1)

    def test_names(self):
        server = self.upstream()
        daemon = self.gateway(f"tcp:localhost:{server.port}", options="resolve = 0.3")
        self.assertEqual(self.fetch(daemon, "/ok").body, b"ok", "who comes first waits for the name")
        until(lambda: daemon.counter("gateway", "resolved") >= 3, "and again")
        self.assertEqual(self.fetch(daemon, "/ok").body, b"ok")
        self.assertEqual(server.opened, 1, "what stays keeps its connections")

    def test_source_addresses(self):
        server = self.upstream()
        daemon = self.gateway(server, options='source = {"127.0.0.7"}')
        self.assertEqual(self.fetch(daemon, "/ok").body, b"ok")
        peers = [sock.getpeername()[0] for sock in server.sockets]
        self.assertEqual(peers, ["127.0.0.7"])


class Balancing(GatewayCase):
    def count(self, daemon, n):
        return collections.Counter(self.fetch(daemon, "/who").body.decode() for _ in range(n))

    def three(self):
        return [self.upstream(name=name) for name in ("a", "b", "c")]

    def test_round_robin_by_weight(self):
        a, b, c = self.three()
        daemon = self.gateway(f"{a.address} weight=3", f"{b.address} weight=1", f"{c.address} weight=0")
        self.assertEqual(self.count(daemon, 40), {"a": 30, "b": 10})

    def test_backup(self):
        a, b, _ = self.three()
        daemon = self.gateway(a, f"{b.address} backup")
        self.assertEqual(self.count(daemon, 5), {"a": 5})
        a.close()
        self.assertEqual(self.fetch(daemon, "/who").body, b"b")

    def test_least(self):
        a, b, _ = self.three()
        daemon = self.gateway(a, b, options="balance = least")
        busy = [self.open(daemon) for _ in range(2)]
        for client in busy:
            client.send(head("GET", "/hold"))
        a.wait_seen(1)
        b.wait_seen(1)  # one each
        a.release.set()
        until(lambda: self.endpoint(daemon, a)["active"] == 0, "a is free again")
        self.assertEqual(self.count(daemon, 6), {"a": 6})
        b.release.set()
        for client in busy:
            client.response()

    def test_random(self):
        daemon = self.gateway(*self.three(), options="balance = random")
        self.assertEqual(set(self.count(daemon, 60)), {"a", "b", "c"})
