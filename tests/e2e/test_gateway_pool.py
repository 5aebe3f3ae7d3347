"""The gateway's pools, balancing, health, outliers and breakers."""
import collections
import os
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
        daemon = self.gateway(server, options="max_connections = 1 max_pending = 1 timeout_pending = 0.1")
        first, second, third = (self.open(daemon) for _ in range(3))
        first.send(head("GET", "/hold"))
        server.wait_seen(1)
        second.send(head("GET", "/ok"))
        until(lambda: daemon.counter("gateway", "pending") == 1, "one waits")
        self.assertEqual(third.fetch("/ok").status, 503, "the line is full")
        self.assertEqual(second.response().status, 503, "it waited too long")
        server.release.set()
        self.assertEqual(first.response().body, b"held")
        stats = daemon.stats()["gateway"]
        self.assertEqual((stats["pending_refused"], stats["pending_late"]), (1, 1))

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

    def test_min_idle_is_ready_before_it_is_needed(self):
        path = self.directory() / "app.sock"
        for server in (self.upstream(), self.upstream(unix=str(path))):
            daemon = self.gateway(server, options="min_idle = 3 max_age = 0.3")
            until(lambda: server.opened >= 3, "three are opened ahead")
            until(lambda: server.opened >= 6, "and again when they are too old")
            until(lambda: self.endpoint(daemon, server)["idle"] == 3, "three are ready")
            until(lambda: self.fetch(daemon, "/ok").body == b"ok" and self.endpoint(daemon, server)["hits"] > 0, "for use")
            self.assertLessEqual(self.endpoint(daemon, server)["idle"], 4)

    def test_min_idle_of_a_server_that_is_away(self):
        server = self.upstream()
        port = server.port
        server.close()
        daemon = self.gateway(server, options="min_idle = 2")
        until(lambda: self.endpoint(daemon, server)["connect_failures"] > 0, "it is tried")
        again = self.upstream(port=port)
        until(lambda: again.opened == 2, "and taken when it is there")

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

    def test_learns_keep_alive(self):
        """A server that closes after a second: no client sees it. GET never; POST once one closing was seen."""
        server = self.upstream(idle=0.5)
        daemon = self.gateway(server)
        self.fetch(daemon, "/ok")
        until(lambda: self.endpoint(daemon, server)["idle_closes"] == 1, "a closing is seen")
        end = time.monotonic() + 4
        pause = 0.3
        while time.monotonic() < end:  # around the limit, where it hurts
            for method in ("POST", "GET"):
                self.assertEqual(self.fetch(daemon, "/echo", method=method, body=b"x").status, 200)
                time.sleep(pause)
            pause = 0.3 + (pause + 0.037) % 0.3
        counters = self.endpoint(daemon, server)
        self.assertEqual(counters["stale_reuse"], 0)
        self.assertGreater(counters["hits"], 0, "young connections are reused")

    def test_learns_from_resets_too(self):
        server = self.upstream(idle=0.5, reset=True)
        daemon = self.gateway(server)
        self.fetch(daemon, "/ok")
        until(lambda: self.endpoint(daemon, server)["idle_closes"] == 1, "a reset is seen")
        self.fetch(daemon, "/ok")
        time.sleep(0.45)  # above 80 % of what was seen, before the next one
        self.assertEqual(self.fetch(daemon, "/ok", method="POST", body=b"x").status, 200)
        self.assertEqual(server.opened, 3)

    def test_believes_keep_alive(self):
        server = self.upstream(idle=0.9, say=1)
        daemon = self.gateway(server)
        self.fetch(daemon, "/ok")
        time.sleep(0.85)  # above 80 % of what was said, before it closes
        self.assertEqual(self.fetch(daemon, "/ok", method="POST", body=b"x").status, 200)
        self.assertEqual(server.opened, 2)

    def test_a_closing_that_was_no_timeout_is_forgotten(self):
        """One connection was closed at once; that another one stays open for much longer shows that it meant nothing."""
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
        line = daemon.wait_line("event=pool")
        for word in ("upstream=api", "hits=1", "misses=1", "hit_rate=0.5000", "limit=512"):
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


class Health(GatewayCase):
    def state(self, daemon, server):
        return self.endpoint(daemon, server)["usable"]

    def test_http_checks(self):
        sick, well = self.upstream(name="sick"), self.upstream(name="well")
        daemon = self.gateway(sick, well, options='check = http check_path = "/who" check_interval = 0.1 '
                              'check_rise = 1 check_fall = 2')
        sick.fail = True
        until(lambda: self.state(daemon, sick) == 0, "it is found out")
        daemon.wait_line('event="server down"')
        count = len(sick.seen)
        for _ in range(10):
            self.assertEqual(self.fetch(daemon, "/who").body, b"well")
        self.assertTrue(all(seen.get("User-Agent") == "sluiced-check" for seen in sick.seen[count:]))
        sick.fail = False
        until(lambda: self.state(daemon, sick) == 1, "it comes back")

    def test_tcp_checks_over_unix(self):
        path = str(self.directory() / "s.sock")
        server = self.upstream(unix=path)
        daemon = self.gateway(server, options="check = tcp check_interval = 0.1 check_rise = 1 check_fall = 1 retries = 0")
        self.assertEqual(self.fetch(daemon, "/ok").status, 200)
        server.close()
        until(lambda: self.state(daemon, server) == 0, "it is found out")
        self.assertEqual(self.fetch(daemon, "/ok").status, 503)
        os.unlink(path)
        self.upstream(unix=path)
        until(lambda: self.state(daemon, server) == 1, "it comes back")
        self.assertEqual(self.fetch(daemon, "/ok").status, 200)

    def test_interim_answers_to_a_check(self):
        server = self.upstream()
        daemon = self.gateway(server, options='check = http check_path = "/interim" check_interval = 0.1 check_fall = 1')
        server.wait_seen(3)
        self.assertEqual(self.endpoint(daemon, server)["checks_failed"], 0)

    def test_check_that_hangs(self):
        server = self.upstream()
        daemon = self.gateway(server, options='check = http check_path = "/silent" check_interval = 0.1 '
                              'check_timeout = 0.1 check_fall = 1')
        until(lambda: self.state(daemon, server) == 0, "too late is bad")
        server.release.set()

    def test_outlier(self):
        sick, well = self.upstream(name="sick"), self.upstream(name="well")
        daemon = self.gateway(sick, well, options="outlier_errors = 3 outlier_eject = 0.5")
        sick.fail = True
        for _ in range(6):
            self.fetch(daemon, "/who")
        self.assertEqual(self.endpoint(daemon, sick)["ejections"], 1)
        self.assertEqual({self.fetch(daemon, "/who").body for _ in range(6)}, {b"well"})
        sick.fail = False
        until(lambda: self.state(daemon, sick) == 1, "it returns")
        self.assertEqual({self.fetch(daemon, "/who").body for _ in range(6)}, {b"well", b"sick"})

    def test_a_good_check_ends_an_ejection(self):
        sick, well = self.upstream(name="sick"), self.upstream(name="well")
        daemon = self.gateway(sick, well, options="outlier_errors = 1 outlier_eject = 300 check = tcp check_interval = 0.2")
        sick.fail = True
        until(lambda: self.fetch(daemon, "/who").status == 500, "it answers 500")
        sick.fail = False
        daemon.wait_line('event="server returns"')
        self.assertEqual(self.endpoint(daemon, sick)["ejections"], 1)
        self.assertEqual({self.fetch(daemon, "/who").body for _ in range(6)}, {b"well", b"sick"})

    def test_never_the_last(self):
        server = self.upstream()
        server.fail = True
        daemon = self.gateway(server, options="outlier_errors = 1")
        for _ in range(5):
            self.assertEqual(self.fetch(daemon, "/ok").status, 500)
        self.assertEqual(self.endpoint(daemon, server)["ejections"], 0)

    def test_breaker_of_a_server(self):
        server = self.upstream()
        daemon = self.gateway(server, options="breaker_ratio = 50 breaker_least = 4 breaker_open = 0.3",
                              route='fallback_status = 500 fallback_body = "later"')
        server.fail = True
        for _ in range(4):
            self.assertEqual(self.fetch(daemon, "/ok").body, b"broken")
        self.assertEqual(self.fetch(daemon, "/ok").body, b"later")
        self.assertEqual(len(server.seen), 4, "an open breaker lets nothing through")
        self.assertIn("state=open", daemon.wait_line("event=breaker"))
        server.fail = False
        until(lambda: self.fetch(daemon, "/ok").body == b"ok", "it closes again")
        self.assertIn("state=half-open", daemon.wait_line("event=breaker", 2))
        self.assertIn("state=closed", daemon.wait_line("event=breaker", 3))
        counters = self.endpoint(daemon, server)
        self.assertEqual([counters[f"breaker_{what}"] for what in ("opens", "half_opens", "closes")], [1, 1, 1])

    def test_a_long_answer_closes_a_breaker_when_it_begins(self):
        server = self.upstream()
        daemon = self.gateway(server, options="breaker_ratio = 50 breaker_least = 2 breaker_open = 0.1",
                              route="route_ratio = 50 route_least = 2 route_open = 0.1")
        server.fail = True
        for _ in range(2):
            self.fetch(daemon, "/ok")
        self.assertEqual(self.fetch(daemon, "/ok").status, 503)
        server.fail = False

        def begins():
            client = self.open(daemon)
            client.send(head("GET", "/events"))
            return client.response_head().status == 200 and client
        client = until(begins, "somebody may try")
        self.assertEqual(self.fetch(daemon, "/ok").status, 200, "others need not wait for the end")
        client.reset()

    def test_breaker_of_a_route(self):
        server = self.upstream()
        daemon = self.gateway(server, route='route_ratio = 50 route_least = 2 route_open = 60')
        server.fail = True
        self.fetch(daemon, "/ok")
        self.fetch(daemon, "/ok")
        response = self.fetch(daemon, "/ok")
        self.assertEqual((response.status, response.get("Retry-After")), (503, "1"))
        self.assertEqual(len(server.seen), 2)

    def test_breaker_of_a_route_tells_every_change(self):
        server = self.upstream()
        daemon = self.gateway(server, route='route_ratio = 50 route_least = 1 route_open = 0.1')
        server.fail = True
        self.fetch(daemon, "/ok")
        server.fail = False
        until(lambda: self.fetch(daemon, "/ok").status == 200, "it closes again")
        for count, state in enumerate(("open", "half-open", "closed"), 1):
            self.assertIn(f"state={state}", daemon.wait_line("event=breaker", count))
        counters = daemon.stats()["route"]["/*"]
        self.assertEqual([counters[f"breaker_{what}"] for what in ("opens", "half_opens", "closes")], [1, 1, 1])

    def test_limit_of_a_route(self):
        server = self.upstream()
        daemon = self.gateway(server, route='route_requests = 1')
        client = self.open(daemon)
        client.send(head("GET", "/hold"))
        server.wait_seen(1)
        self.assertEqual(self.fetch(daemon, "/ok").status, 503)
        server.release.set()
        self.assertEqual(client.response().body, b"held")
        self.assertEqual(self.fetch(daemon, "/ok").status, 200)
