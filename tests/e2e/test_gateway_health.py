"""How the gateway finds out what is well: checks, outliers, breakers."""
import os
import select

from daemon import until
from gateway_case import GatewayCase
from http1 import head
from upstream import Upstream, plain


class Scripted(Upstream):
    """Answers /check with one status after another, from the last one on with that."""

    def __init__(self, statuses):
        self.statuses = list(statuses)
        super().__init__()

    def answer_check(self, line, seen, rest):
        line.send(plain(status=self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]))


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

    def checked(self, statuses, rise, fall):
        """The daemon and its server, whose checks have had all these answers."""
        server = Scripted(f"{status} Whatever" for status in statuses)
        self.addCleanup(server.close)
        daemon = self.gateway(server, options='check = http check_path = "/check" check_interval = 0.05 '
                              f'check_rise = {rise} check_fall = {fall}')
        server.wait_seen(len(statuses) + 2)
        return daemon, server

    def test_so_many_bad_checks_in_a_row_are_too_many(self):
        daemon, server = self.checked([500, 500, 200] * 3, rise=1, fall=3)
        self.assertEqual((self.state(daemon, server), self.endpoint(daemon, server)["checks_failed"]), (1, 6))
        self.assertNotIn('event="server down"', daemon.stderr)

    def test_so_many_good_checks_in_a_row_are_enough(self):
        daemon, server = self.checked([500, 200, 200, 500, 200, 200, 500, 200], rise=3, fall=1)
        daemon.wait_line('event="server up"')
        self.assertEqual(daemon.stderr.count('event="server down"'), 1)
        self.assertEqual(self.state(daemon, server), 1)

    def test_an_answer_to_a_check_may_come_in_parts(self):
        server = self.upstream()
        daemon = self.gateway(server, options='check = http check_path = "/drip" check_interval = 0.05 '
                              'check_timeout = 60 check_fall = 1')
        server.wait_seen(3)
        self.assertEqual((self.state(daemon, server), self.endpoint(daemon, server)["checks_failed"]), (1, 0))

    def test_interim_answers_to_a_check(self):
        server = self.upstream()
        daemon = self.gateway(server,
                              options='check = http check_path = "/interim" check_interval = 0.1 check_fall = 1')
        server.wait_seen(3)
        self.assertEqual(self.endpoint(daemon, server)["checks_failed"], 0)

    def test_tcp_checks_over_unix(self):
        path = str(self.directory() / "s.sock")
        server = self.upstream(unix=path)
        daemon = self.gateway(server,
                              options="check = tcp check_interval = 0.1 check_rise = 1 check_fall = 1 retries = 0")
        self.assertEqual(self.fetch(daemon, "/ok").status, 200)
        server.close()
        until(lambda: self.state(daemon, server) == 0, "it is found out")
        self.assertEqual(self.fetch(daemon, "/ok").status, 503)
        self.assertEqual(daemon.counter("gateway", "unavailable"), 1)
        os.unlink(path)
        self.upstream(unix=path)
        until(lambda: self.state(daemon, server) == 1, "it comes back")
        self.assertEqual(self.fetch(daemon, "/ok").status, 200)

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
        daemon = self.gateway(sick, well,
                              options="outlier_errors = 1 outlier_eject = 300 check = tcp check_interval = 0.2")
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

    def test_an_ejected_one_is_better_than_none(self):
        sick, well = self.upstream(name="sick"), self.upstream(name="well")
        daemon = self.gateway(sick, well, options="outlier_errors = 1 outlier_eject = 300")
        sick.fail = True
        until(lambda: self.fetch(daemon, "/who").status == 500, "it answers 500")
        self.assertEqual({self.fetch(daemon, "/who").body for _ in range(6)}, {b"well"})
        self.fetch(daemon, f"/_/upstreams?server={well.address}&action=drain", method="POST")
        sick.fail = False
        self.assertEqual({self.fetch(daemon, "/who").body for _ in range(6)}, {b"sick"})

    def test_no_more_than_a_share_is_ejected(self):
        for percent, ejected in ((10, 1), (66, 1), (67, 2), (100, 2)):
            servers = [self.upstream(name=name) for name in ("a", "b", "c")]
            for server in servers:
                server.fail = True
            daemon = self.gateway(*servers,
                                  options=f"outlier_errors = 1 outlier_eject = 300 outlier_percent = {percent}")
            for _ in range(9):
                self.assertEqual(self.fetch(daemon, "/who").status, 500)
            self.assertEqual(sum(self.endpoint(daemon, server)["ejections"] for server in servers), ejected, percent)

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

    def test_a_try_that_nobody_waits_for_any_more_lets_the_next_one_go(self):
        server = self.upstream()
        daemon = self.gateway(server, options="breaker_ratio = 50 breaker_least = 1 breaker_open = 0.05")
        server.fail = True
        self.assertEqual(self.fetch(daemon, "/ok").status, 500)
        server.fail = False

        def tries():
            client = self.open(daemon)
            client.send(head("GET", "/hold"))
            until(lambda: len(server.seen) == 2 or select.select([client.socket], [], [], 0)[0], "a try, or a refusal")
            return len(server.seen) == 2 and client
        until(tries, "the breaker is half open").reset()
        until(lambda: self.fetch(daemon, "/ok").status == 200, "the next one may try")
        server.release.set()

    def test_breaker_of_a_route(self):
        server = self.upstream()
        daemon = self.gateway(server, route='route_ratio = 50 route_least = 2 route_open = 60')
        server.fail = True
        self.fetch(daemon, "/ok")
        self.fetch(daemon, "/ok")
        response = self.fetch(daemon, "/ok")
        self.assertEqual((response.status, response.get("Retry-After")), (503, "1"))
        self.assertEqual(len(server.seen), 2)
        self.assertEqual(daemon.stats()["route"]["/*"]["fallbacks"], 1)

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
