"""What the gateway says about itself: log lines with reasons, and counters."""
from gateway_case import GatewayCase
from http1 import head


class Log(GatewayCase):
    def test_what_failed_is_told_with_its_reason(self):
        server, dead = self.upstream(), self.upstream()
        dead.close()
        daemon = self.gateway(server, options="retries = 0",
                              more=f'upstream "dead" {{ servers = {{"{dead.address}"}} }}\n'
                              'route "/dead" { upstream = "dead" }')
        for path, event, reason in (("/close", '"request failed"', "without an answer"),
                                    ("/dead", '"not connected"', "refused"),
                                    ("/garbage", '"malformed answer"', "bad status line")):
            self.assertEqual(self.fetch(daemon, path).status, 502)
            line = daemon.wait_line(f"event={event}")
            self.assertIn(reason, line)
            self.assertIn(f"server={(dead if path == '/dead' else server).address}", line)
        client = self.open(daemon)
        client.send(head("GET", "/short"))
        self.assertTrue(client.ended_or_reset())
        self.assertIn("route=/*", daemon.wait_line('event="answer cut"'))


class Stats(GatewayCase):
    def test_stats_and_prometheus(self):
        server = self.upstream()
        daemon = self.gateway(server)
        client = self.open(daemon)
        for path in ("/ok", "/status/302", "/status/404", "/status/503"):
            client.fetch(path)
        counters = self.endpoint(daemon, server)
        self.assertEqual((counters["misses"], counters["hits"], counters["hit_rate"], counters["latency"]["count"]),
                         (1, 3, 0.75, 4))
        self.assertEqual((counters["connects"], counters["closes"]), (1, 0))
        for counted in (counters, daemon.stats()["route"]["/*"]):
            self.assertEqual([counted[f"responses_{n}xx"] for n in (2, 3, 4, 5)], [1, 1, 1, 1])
            self.assertEqual(counted["requests"], 4)
        self.assertGreater(daemon.counter("gateway", "bytes_in"), 0, "counted while the connection lives")
        self.assertGreater(daemon.counter("gateway", "bytes_out"), 0)
        text = self.fetch(daemon, "/_/metrics").body.decode()
        self.assertIn(f'sluice_upstream_hits_total{{upstream="api",server="{server.address}"}} 3\n', text)
        self.assertIn(f'sluice_upstream_hit_rate{{upstream="api",server="{server.address}"}} 0.75\n', text)
        self.assertIn('sluice_route_requests_total{route="/*"} 4\n', text)
        self.assertEqual(text.count("# TYPE sluice_upstream_hits_total "), 1)

    def test_closes(self):
        """Exactly one close for each connection, and next to none for each request over keep-alive."""
        server = self.upstream()
        daemon = self.gateway(server)
        client = self.open(daemon)
        before = daemon.stats()["reactor"]
        for _ in range(200):
            client.fetch("/ok")
        after = daemon.stats()["reactor"]
        # each look at the stats is a connection of its own
        self.assertLessEqual(after["ledger_closed"] - before["ledger_closed"], 2)
        self.assertEqual(server.opened, 1)
        for _ in range(50):
            self.fetch(daemon, "/ok")
        last = daemon.stats()["reactor"]
        self.assertLessEqual(last["ledger_closed"] - after["ledger_closed"], 52)
        self.assertEqual(server.opened, 1)
