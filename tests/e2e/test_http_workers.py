"""Where handlers run: workers and their queue, the watch over the loop, routes that move."""
import json

from case import MIB
from daemon import until
from http1 import head
from probe import probe
from probe_case import HELLO, ProbeCase, alphabet


class Workers(ProbeCase):
    def wait_busy(self, daemon, busy, queued):
        def counts():
            offload = daemon.stats()["offload"]
            return (offload["handlers_busy"], offload["handlers_queued"]) == (busy, queued)
        until(counts, f"{busy} workers busy, {queued} requests queued")

    def ask_gate(self, daemon, gate):
        client = self.open(daemon.tcp)
        client.send(head("GET", f"/gate?gate={gate}"))
        return client

    def test_the_loop_goes_on_while_workers_wait(self):
        daemon, gate = self.probe_daemon("--handler-threads", 1), self.gate()
        waiting = self.ask_gate(daemon, gate)
        self.wait_busy(daemon, 1, 0)
        client = self.open(daemon.tcp)
        for _ in range(10):
            self.assertEqual(client.fetch("/hello").body, HELLO)
        self.open_gate(gate)
        self.assertEqual(waiting.response().body, b"open")

    def test_no_more_of_a_pipeline_is_in_hand_than_may_be(self):
        daemon, gate = self.probe_daemon("--pipeline", 3), self.gate()
        client = self.open(daemon.tcp)
        client.send(head("GET", f"/gate?gate={gate}") + head("GET", "/hello") * 9)
        daemon.wait_counter("reactor", "requests_open", 2)
        self.assertEqual(daemon.counter("reactor", "requests_open"), 3 + 1)  # and the one that asks
        self.open_gate(gate)
        self.assertEqual([client.response().body for _ in range(10)], [b"open"] + [HELLO] * 9)

    def test_pipelines_that_are_longer_together_than_may_be_in_hand(self):
        """Those that find no room wait, and lose nothing."""
        daemon = self.probe_daemon("--pipeline", 1024, "--connections", 20, "--handler-threads", 9)
        gates, count = [self.gate() for _ in range(9)], 1200
        clients = [self.open(daemon.tcp) for _ in gates]
        for client, gate in zip(clients, gates):
            client.send_in_background(head("GET", f"/gate?gate={gate}") + head("GET", "/hello") * count)
        until(lambda: daemon.counter("reactor", "requests_open") > 8192, "all that may be in hand")
        for gate in gates:
            self.open_gate(gate)
        for client in clients:
            self.assertEqual(client.response().body, b"open")
            for _ in range(count):
                self.assertEqual(client.response().body, HELLO)

    def test_a_client_that_ended_its_side_may_leave_at_any_time(self):
        """Nothing is read from it any more, so it is looked at again and again."""
        daemon, gate = self.probe_daemon(), self.gate()
        client = self.ask_gate(daemon, gate)
        client.finish_sending()
        self.wait_busy(daemon, 1, 0)

        def now():
            return daemon.stats()["process"]["uptime_seconds"]
        began = now()
        until(lambda: now() > began + 0.6, "it was looked at twice")
        self.leave(client)
        self.await_connections(daemon, 0)
        self.assertEqual(daemon.counter("reactor", "requests_open"), 1)  # the one that asks
        self.open_gate(gate)

    def test_workers_run_side_by_side(self):
        daemon, gates = self.probe_daemon("--handler-threads", 3), [self.gate() for _ in range(3)]
        clients = [self.ask_gate(daemon, gate) for gate in gates]
        self.wait_busy(daemon, 3, 0)
        for gate, client in reversed(list(zip(gates, clients))):
            self.open_gate(gate)
            self.assertEqual(client.response().body, b"open")

    def test_a_full_queue_answers_503_and_then_goes_on(self):
        daemon = self.probe_daemon("--handler-threads", 1, "--worker-queue", 2)
        gates = [self.gate() for _ in range(3)]
        clients = []
        for queued, gate in enumerate(gates):
            clients.append(self.ask_gate(daemon, gate))
            self.wait_busy(daemon, 1, queued)
        refused = self.open(daemon.tcp)
        for _ in range(2):
            response = refused.fetch("/fib/1")
            self.assertEqual((response.status, response.get("Retry-After")), (503, "1"))
            self.assertEqual(json.loads(response.body)["error"], "BUSY")
        self.assertEqual(refused.fetch("/hello").body, HELLO)
        for gate, client in zip(gates, clients):
            self.open_gate(gate)
            self.assertEqual(client.response().body, b"open")
        self.assertEqual(refused.fetch("/fib/1").status, 200)
        self.assertEqual(daemon.counter("http", "handlers_refused"), 2)

    def test_one_that_never_ends_does_not_keep_the_daemon(self):
        daemon, gate = self.probe_daemon("--handler-threads", 1, "--drain-timeout", 0.1), self.gate()
        client = self.ask_gate(daemon, gate)
        self.wait_busy(daemon, 1, 0)
        daemon.signal()
        self.assertEqual(daemon.wait_exit(), 0)
        daemon.wait_line("work that does not end is left behind")
        client.close()

    def test_a_request_whose_client_left_is_not_started(self):
        daemon, gates = self.probe_daemon("--handler-threads", 1), [self.gate(), self.gate()]
        waiting = self.ask_gate(daemon, gates[0])
        self.wait_busy(daemon, 1, 0)
        leaver = self.ask_gate(daemon, gates[1])
        self.wait_busy(daemon, 1, 1)
        self.leave(leaver)
        self.await_connections(daemon, 1)
        self.open_gate(gates[0])  # nobody ever opens the other one
        self.assertEqual(waiting.response().body, b"open")
        daemon.wait_counter("http", "handlers_dropped")
        self.wait_busy(daemon, 0, 0)
        self.assertEqual(daemon.counter("http", "handlers_worker"), 1)

    def test_a_running_handler_sees_that_its_client_left(self):
        daemon = self.probe_daemon("--handler-threads", 1)
        leaver, other = self.open(daemon.tcp), self.open(daemon.tcp)
        leaver.send(head("GET", "/endless"))
        self.wait_busy(daemon, 1, 0)
        self.leave(leaver)
        self.wait_busy(daemon, 0, 0)
        self.assertEqual(self.counters(other)["cancelled"], 1)

    def test_a_client_that_closed_a_unix_socket_left(self):
        daemon, gates = self.probe_daemon("--handler-threads", 1), [self.gate(), self.gate()]
        waiting = self.ask_gate(daemon, gates[0])
        self.wait_busy(daemon, 1, 0)
        with self.open(daemon.unix) as leaver:
            leaver.send(head("GET", f"/gate?gate={gates[1]}") + head("GET", "/endless"))
            self.wait_busy(daemon, 1, 2)
        self.await_connections(daemon, 1)
        self.open_gate(gates[0])  # nobody ever opens the other one
        self.assertEqual(waiting.response().body, b"open")
        daemon.wait_counter("http", "handlers_dropped", 2)
        with self.open(daemon.unix) as leaver:
            leaver.send(head("GET", "/endless"))
            self.wait_busy(daemon, 1, 0)
        self.wait_busy(daemon, 0, 0)
        self.assertEqual(self.counters(waiting)["cancelled"], 1)

    def test_the_end_of_the_sending_side_is_no_departure(self):
        daemon = self.probe_daemon("--handler-threads", 1)
        for address in (daemon.tcp, daemon.unix):
            gates = [self.gate(), self.gate()]
            client = self.open(address)
            client.send(b"".join(head("GET", f"/gate?gate={gate}") for gate in gates))
            client.finish_sending()
            for gate in gates:
                self.open_gate(gate)
                self.assertEqual(client.response().body, b"open")
            self.assertEnds(client)

    def test_a_client_that_closed_is_found_out_by_an_earlier_reply(self):
        daemon, gate = self.probe_daemon("--handler-threads", 2), self.gate()
        with self.open(daemon.tcp) as leaver:
            leaver.send(head("GET", f"/gate?gate={gate}") + head("GET", "/endless"))
            self.wait_busy(daemon, 2, 0)
        self.open_gate(gate)
        self.wait_busy(daemon, 0, 0)
        self.assertEqual(self.counters(self.open(daemon.tcp))["cancelled"], 1)

    def test_a_reset_is_noticed_behind_what_is_not_read(self):
        daemon = self.probe_daemon("--handler-threads", 1, "--pipeline", 2)
        leaver, other = self.open(daemon.tcp), self.open(daemon.tcp)
        leaver.send(head("GET", "/endless") * 3)
        self.wait_busy(daemon, 1, 1)
        self.leave(leaver)
        self.wait_busy(daemon, 0, 0)
        self.assertEqual(self.counters(other)["cancelled"], 1)

    def test_a_reset_is_noticed_behind_a_client_that_waits_for_100(self):
        daemon = self.probe_daemon("--handler-threads", 1)
        leaver, other = self.open(daemon.tcp), self.open(daemon.tcp)
        leaver.send(head("GET", "/endless") + head("POST", "/echo", "Content-Length: 5", "Expect: 100-continue"))
        self.wait_busy(daemon, 1, 0)
        self.leave(leaver)
        self.wait_busy(daemon, 0, 0)
        self.assertEqual(self.counters(other)["cancelled"], 1)

    def test_every_connection_has_room_in_the_queue(self):
        daemon, gate = self.probe_daemon("--handler-threads", 1, "--connections", 200), self.gate()
        first = self.ask_gate(daemon, gate)
        self.wait_busy(daemon, 1, 0)
        clients = [self.open(daemon.tcp) for _ in range(150)]
        for client in clients:
            client.send(head("GET", "/fib/1"))
        self.wait_busy(daemon, 1, 150)
        self.assertEqual(self.open(daemon.tcp).fetch("/objects/none").status, 404)
        self.open_gate(gate)
        for client in (first, *clients):
            self.assertEqual(client.response().status, 200)

    def test_replies_of_workers_leave_in_the_order_of_requests(self):
        daemon, gate = self.probe_daemon("--handler-threads", 2), self.gate()
        client = self.open(daemon.tcp)
        client.send(head("GET", f"/gate?gate={gate}") + head("GET", "/fib/10") + head("GET", "/hello"))
        daemon.wait_counter("http", "handlers_inline")
        self.open_gate(gate)
        self.assertEqual([client.response().body for _ in range(3)], [b"open", b'{"n":10,"fib":55}', HELLO])

    def test_bodies_and_params_reach_workers(self):
        config = 'route "POST /copy/:a" { handler = "echo" mode = worker body_limit = 2m }'
        daemon = self.daemon("--modules", probe(), config=config)
        client = self.open(daemon.tcp)
        for size in (1, 10000, 2 * MIB):
            self.assertEqual(client.ask("POST", "/copy/x", body=alphabet(size)).body, alphabet(size))
        told = json.loads(client.ask("POST", "/copy/x?describe=1&b=%41", "X-Request-ID: mine", body=b"12").body)
        self.assertEqual((told["path"], told["query"], told["body_length"], told["request_id"]),
                         ("/copy/x", [["describe", "1"], ["b", "A"]], 2, "mine"))
        self.assertRegex(told["peer"], r"^127\.0\.0\.1:\d+$")

    def test_a_drain_waits_for_workers(self):
        daemon, gate = self.probe_daemon("--handler-threads", 1), self.gate()
        client = self.ask_gate(daemon, gate)
        self.wait_busy(daemon, 1, 0)
        daemon.signal()
        daemon.wait_line("draining")
        self.open_gate(gate)
        response = client.response()
        self.assertEqual((response.body, response.closes), (b"open", True))
        self.assertEnds(client)
        daemon.stop()

    def test_many_clients_at_once(self):
        daemon = self.probe_daemon("--handler-threads", 2)
        clients = [self.open(daemon.tcp) for _ in range(50)]
        for _ in range(4):
            for n, client in enumerate(clients):
                client.send(head("GET", f"/fib/{n % 25}"))
            for n, client in enumerate(clients):
                self.assertTrue(client.response().body.startswith(b'{"n":%d,' % (n % 25)))


class Watching(ProbeCase):
    def test_inline_handlers_that_hold_the_loop_are_counted_and_named(self):
        daemon = self.probe_daemon("--inline-warn", 0.002)
        client = self.open(daemon.tcp)
        client.fetch("/spin?us=5000")
        line = daemon.wait_line("inline handler held the loop")
        self.assertIn("GET /spin", line)
        for _ in range(30):
            client.fetch("/spin?us=2500")
        self.assertGreaterEqual(daemon.counter("http", "inline_slow"), 31)

    def test_workers_are_not_watched(self):
        daemon = self.probe_daemon("--inline-warn", 0.01, config='route "/w" { handler = "spin" mode = worker }')
        self.fetch(daemon.tcp, "/w?us=20000")
        self.assertEqual(daemon.counter("http", "inline_slow"), 0)

    def test_an_auto_route_moves_to_the_workers_and_back(self):
        daemon = self.probe_daemon("--auto-p99", 0.02)
        client = self.open(daemon.tcp)
        for _ in range(4):
            client.fetch("/auto?us=25000")
        http = daemon.stats()["http"]
        self.assertEqual((http["auto_moves"], http["handlers_worker"]), (1, 0))
        self.assertIn("to=workers", daemon.wait_line("route moved"))
        client.fetch("/auto?us=25000")
        self.assertEqual(daemon.counter("http", "handlers_worker"), 1)

        def moved_back():
            for _ in range(300):
                client.fetch("/auto?us=0")
            return daemon.counter("http", "auto_moves") == 2
        until(moved_back, "the move back")
        self.assertIn("to=loop", daemon.wait_line("route moved", 2))

    def test_without_workers_nothing_moves(self):
        daemon = self.probe_daemon("--auto-p99", 0.001, "--workers", "off")
        client = self.open(daemon.tcp)
        for _ in range(6):
            client.fetch("/auto?us=2000")
        self.assertEqual(daemon.counter("http", "auto_moves"), 0)
