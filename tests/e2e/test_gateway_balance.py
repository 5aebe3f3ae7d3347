"""Balancing that looks at latency, at a key, or at how long a server has been there; limits of a route."""
import collections

from daemon import until
from gateway_case import GatewayCase
from http1 import head


class BalanceCase(GatewayCase):
    def three(self):
        return [self.upstream(name=name) for name in ("a", "b", "c")]

    def who(self, daemon, target="/who", *fields):
        return self.fetch(daemon, target, *fields).body.decode()

    def drain(self, daemon, server, action="drain"):
        self.assertEqual(self.fetch(daemon, f"/_/upstreams?server=api/{server.address}&action={action}",
                                    method="POST").status, 200)


class Latency(BalanceCase):
    def test_the_slow_one_is_left_alone(self):
        quick, slow = self.upstream(name="quick"), self.upstream(name="slow", delay=0.3)
        daemon = self.gateway(quick, slow, options="balance = latency")
        for _ in range(4):  # both are tried first
            self.who(daemon)
        self.assertEqual({len(quick.seen) > 0, len(slow.seen) > 0}, {True})
        before = len(slow.seen)
        self.assertEqual({self.who(daemon) for _ in range(10)}, {"quick"})
        self.assertEqual(len(slow.seen), before)

    def test_who_fails_at_once_is_not_quick(self):
        good, bad = self.upstream(name="good"), self.upstream(name="bad")
        bad.fail = True
        daemon = self.gateway(good, bad, options="balance = latency outlier_errors = 0")
        answers = [self.fetch(daemon, "/who").status for _ in range(20)]
        self.assertEqual(sum(status == 500 for status in answers), 1, answers)


class Hash(BalanceCase):
    def keys(self, daemon, count=60):
        return {key: self.who(daemon, "/who", f"X-Key: {key}") for key in range(count)}

    def test_a_key_stays_with_its_server(self):
        a, b, c = self.three()
        daemon = self.gateway(a, b, c, options='balance = hash hash_key = "header:X-Key"')
        before = self.keys(daemon)
        self.assertEqual(set(before.values()), {"a", "b", "c"})
        self.assertEqual(self.keys(daemon), before)
        self.drain(daemon, b)
        now = self.keys(daemon)
        self.assertEqual({key for key in now if now[key] != before[key]},
                         {key for key in before if before[key] == "b"}, "only the keys of the one that left move")
        self.assertEqual({now[key] for key in before if before[key] == "b"}, {"a", "c"}, "over all the others")
        self.drain(daemon, b, "undrain")
        self.assertEqual(self.keys(daemon), before, "and they return")

    def test_the_same_after_a_restart(self):
        a, b, c = self.three()
        options = 'balance = hash hash_key = "header:X-Key"'
        self.assertEqual(self.keys(self.gateway(a, b, c, options=options)),
                         self.keys(self.gateway(c, a, b, options=options)))

    def test_kinds_of_keys(self):
        servers = self.three()
        many = [f"k{i}" for i in range(40)]
        for key, ask in (("path", lambda daemon, word: self.who(daemon, f"/who/{word}")),
                         ("uri", lambda daemon, word: self.who(daemon, f"/who?{word}")),
                         ("cookie:sid",
                          lambda daemon, word: self.who(daemon, "/who", f"Cookie: a=b; sid={word}; c=d"))):
            daemon = self.gateway(*servers, options=f'balance = hash hash_key = "{key}"')
            found = {word: ask(daemon, word) for word in many}
            self.assertEqual(set(found.values()), {"a", "b", "c"}, key)
            self.assertEqual({word: ask(daemon, word) for word in many}, found, key)

    def test_the_source_is_the_key_of_those_without_one(self):
        for key in ("source", "header:X-Key", "cookie:sid"):
            daemon = self.gateway(*self.three(), options=f'balance = hash hash_key = "{key}"')
            self.assertEqual(len({self.who(daemon, f"/who?{i}") for i in range(10)}), 1, key)

    def test_weight(self):
        a, b, _ = self.three()
        daemon = self.gateway(f"{a.address} weight=9", b, options='balance = hash hash_key = "uri"')
        count = collections.Counter(self.who(daemon, f"/who?{i}") for i in range(100))
        self.assertGreater(count["a"], 3 * count["b"])
        self.assertGreater(count["b"], 0)

    def test_another_one_where_it_fails(self):
        a, b, c = self.three()
        daemon = self.gateway(a, b, c, options='balance = hash hash_key = "source"')
        own, = {self.who(daemon) for _ in range(3)}
        next(server for server in (a, b, c) if server.name == own).close()
        others = {self.who(daemon) for _ in range(5)}
        self.assertEqual(len(others), 1)
        self.assertNotIn(own, others)


class SlowStart(BalanceCase):
    def test_who_returns_gets_little_at_first(self):
        a, b, _ = self.three()
        daemon = self.gateway(a, b, options="slow_start = 3600")
        share = collections.Counter(self.who(daemon) for _ in range(20))
        self.assertEqual(share, {"a": 10, "b": 10}, "who began together shares alike")

    def test_weight_from_zero(self):
        a, b, _ = self.three()
        daemon = self.gateway(a, f"{b.address} weight=0", options="slow_start = 1")
        self.assertEqual({self.who(daemon) for _ in range(5)}, {"a"})
        self.fetch(daemon, f"/_/upstreams?server=api/{b.address}&action=weight&weight=1", method="POST")
        until(lambda: self.who(daemon) == "b", "its share grows")


class RouteLimits(GatewayCase):
    def test_pending(self):
        server = self.upstream()
        daemon = self.gateway(server, options="max_connections = 1", route="route_pending = 1 fallback_body = \"busy\"")
        held, waiting = self.open(daemon), self.open(daemon)
        held.send(head("GET", "/hold"))
        server.wait_seen(1)
        waiting.send(head("GET", "/who"))
        until(lambda: daemon.counter("gateway", "pending") == 1, "one waits")
        late = self.fetch(daemon, "/who")
        self.assertEqual((late.status, late.body), (503, b"busy"))
        server.release.set()
        self.assertEqual(held.response().status, 200)
        self.assertEqual(waiting.response().status, 200)
        self.assertEqual(daemon.stats()["route"]["/*"]["refused"], 1)
        self.assertEqual(daemon.counter("gateway", "pending"), 0)

    def test_connections(self):
        """A route that uses up its connections does not use up those of others."""
        server = self.upstream()
        daemon = self.gateway(server, options="max_connections = 4", route="route_connections = 2",
                              more='route "/who" { upstream = "api" }')
        clients = [self.open(daemon) for _ in range(5)]
        for count, client in enumerate(clients, 1):
            client.send(head("GET", "/hold"))
            until(lambda: daemon.stats()["route"]["/*"]["open"] == count, "one after the other")
        server.wait_seen(2)
        self.assertEqual(daemon.counter("gateway", "pending"), 3)
        self.assertEqual(self.fetch(daemon, "/who").body, b"one", "another route passes them")
        clients.pop().reset()
        until(lambda: daemon.counter("gateway", "pending") == 2, "one has left the line")
        server.release.set()
        for client in clients:
            self.assertEqual(client.response().body, b"held")
        self.assertEqual(len(server.seen), 5)
        self.assertEqual(daemon.counter("gateway", "pending"), 0)

    def test_connections_and_time(self):
        server = self.upstream()
        daemon = self.gateway(server, options="timeout_pending = 0.2", route="route_connections = 1 route_pending = 1")
        held, waiting = self.open(daemon), self.open(daemon)
        held.send(head("GET", "/hold"))
        server.wait_seen(1)
        waiting.send(head("GET", "/who"))
        until(lambda: daemon.counter("gateway", "pending") == 1, "one waits")
        self.assertEqual(self.fetch(daemon, "/who").status, 503, "one may wait")
        self.assertEqual(waiting.response().status, 503, "it waited too long")
        server.release.set()
        self.assertEqual(held.response().body, b"held")
        self.assertEqual(self.fetch(daemon, "/who").status, 200)

    def test_retries(self):
        dead, server = self.upstream(), self.upstream()
        dead.close()
        daemon = self.gateway(f"{dead.address} weight=1000", f"{server.address} weight=1", route="route_retries = 1",
                              options="outlier_errors = 0")
        held = self.open(daemon)
        held.send(head("GET", "/hold"))
        server.wait_seen(1)  # it is being retried
        self.assertEqual(self.fetch(daemon, "/who").status, 502)
        self.assertEqual(daemon.counter("gateway", "retry_refused"), 1)
        server.release.set()
        self.assertEqual(held.response().status, 200)
        self.assertEqual(self.fetch(daemon, "/who").status, 200)
