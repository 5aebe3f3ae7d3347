"""T: statistics and connections as JSON, for those who may see them."""
import json
import os
import signal

from case import MIB, Case
from daemon import until
from http1 import HttpClient, head
from slc import SHARED, frame, request


class Stats(Case):
    def test_counters_move(self):
        daemon = self.daemon()
        client = self.connect(daemon.unix)
        before = daemon.stats()
        for op in "FCSAILNT":
            payload = {"L": bytes(16), "N": b"", "T": b""}.get(op, request(f"size/{MIB}"))
            client.call(op, payload).close()
        client.get("F", "missing")
        client.get("F", "hello", flags=SHARED).close()
        after = daemon.stats()

        def grown(table, name):
            return after[table][name] - before[table][name]
        for word in ("fdpass", "copy", "splice", "auto", "info", "list", "ping"):
            self.assertGreaterEqual(grown("objects", f"requests_{word}"), 1, word)
        self.assertEqual((grown("objects", "served_fd"), grown("objects", "served_shared")), (2, 1))
        self.assertEqual(grown("reactor", "fds_passed"), 3)
        self.assertEqual(grown("objects", "bytes_copy"), MIB)
        self.assertEqual(grown("objects", "bytes_splice"), MIB)
        self.assertEqual(grown("reactor", "replies_NOT_FOUND"), 1)
        self.assertGreaterEqual(grown("reactor", "bytes_out"), 2 * MIB)
        for name in ("latency_fdpass", "latency_copy", "latency_splice", "latency_list", "object_size"):
            histogram = after["objects"][name]
            self.assertGreater(histogram["count"], 0, name)
            self.assertLessEqual(histogram["p50"], histogram["p99"])
            self.assertLessEqual(histogram["p99"], histogram["p999"])
            self.assertGreater(histogram["max"], 0)

    def test_who_ran_the_jobs(self):
        daemon = self.daemon()
        client = self.connect(daemon.tcp)
        for op in "CS":
            for _ in range(3):
                self.assertContent(client.get(op, f"size/{MIB}"), self.tree.files[f"size/{MIB}"])
        offload = daemon.stats()["offload"]
        if self.mode == "always":
            self.assertEqual(offload["jobs_spot"], 0)
            self.assertGreater(offload["jobs_pool"] + offload["jobs_ring"], 0)
        else:
            self.assertGreater(offload["jobs_spot"], 0)
        if self.mode == "nouring":
            self.assertEqual(offload["jobs_ring"], 0)

    def test_rates_are_those_since_the_last_sample(self):
        daemon = self.daemon()
        daemon.stats()
        client = self.connect(daemon.unix)
        for _ in range(10):
            client.ping()
        rates = daemon.stats()["object_rates"]
        self.assertGreater(rates["seconds"], 0)
        self.assertAlmostEqual(rates["requests_ping"] * rates["seconds"], 10, delta=0.5)

    def test_the_reply_has_five_fields_and_json(self):
        client = self.connect(self.daemon().unix)
        for payload in (b"", b"conns"):
            reply = client.call("T", payload, tag=77)
            self.assertEqual((reply.op, reply.tag, reply.flags, reply.nfds), ("T", 77, 0, 0))
            size = len(reply.body)
            self.assertEqual(reply.fields, (size, 0, size, 0, 0))
            json.loads(reply.json_text())

    def test_another_payload_is_a_bad_request(self):
        client = self.connect(self.daemon().unix)
        for payload in (b"\0", b"conn", b"connss", b"stats", bytes(16)):
            self.assertStatus(client.call("T", payload), "BAD_REQUEST")
        self.assertAlive(client)


class Connections(Case):
    def test_each_is_a_row(self):
        daemon = self.daemon()
        unix, tcp = self.connect(daemon.unix), self.connect(daemon.tcp)
        for _ in range(3):
            unix.ping()
            tcp.ping()
        rows = {row["listener"]: row for row in daemon.connections()}
        self.assertEqual(set(rows), {daemon.admin, daemon.unix, daemon.tcp})
        row = rows[daemon.unix]
        self.assertEqual((row["uid"], row["pid"], row["peer"]), (os.getuid(), os.getpid(), f"uid:{os.getuid()}"))
        self.assertEqual((row["protocol"], row["requests"], row["open"], row["state"]), ("slc", 3, 0, "idle"))
        self.assertEqual((row["bytes_in"], row["bytes_out"]), (60, 60))
        self.assertGreaterEqual(row["age"], row["idle"])
        row = rows[daemon.tcp]
        host, port = tcp.socket.getsockname()
        self.assertEqual(row["peer"], f"{host}:{port}")
        self.assertNotIn("uid", row)

    def test_their_states(self):
        daemon = self.daemon()
        silent, started, slow = self.connect(daemon.tcp), self.connect(daemon.tcp), self.connect(daemon.tcp)
        started.ping()
        started.send(frame("N", b"12345")[:-1])
        slow.send(frame("C", request("1g")))

        def states():
            return sorted((row["state"], row["protocol"]) for row in daemon.connections()
                          if row["listener"] == daemon.tcp)
        want = [("idle", "none"), ("receiving", "slc"), ("sending", "slc")]
        until(lambda: states() == want, f"{want}")
        self.assertEqual(daemon.counter("reactor", "connections_active"), 2)
        silent.close()
        started.close()
        slow.close()
        until(lambda: states() == [], "all gone")


class Permission(Case):
    def test_denied_without_administration(self):
        daemon = self.daemon(config='listen "tcp:127.0.0.1:0" { admin = no }', listen=())
        client = self.connect(daemon.tcp)
        for payload in (b"", b"conns"):
            self.assertStatus(client.call("T", payload), "DENIED")
        self.assertAlive(client)

    def test_only_local_listeners_have_it_by_default(self):
        daemon = self.daemon(listen=("unix:{dir}/s.sock", "tcp:127.0.0.1:0", "tcp:0.0.0.0:0"))
        answers = [self.connect(address).call("T").status
                   for address in (daemon.unix, daemon.tcp, daemon.addresses[3].replace("0.0.0.0", "127.0.0.1"))]
        self.assertEqual(answers, ["OK", "OK", "DENIED"])


class Many(Case):
    """A list of thousands of connections, or of their descriptors, is put together in pieces."""
    COUNT = 3000

    def crowd(self, *arguments):
        daemon = self.daemon(*arguments)
        crowd = [self.connect(daemon.unix) for _ in range(self.COUNT)]
        until(lambda: daemon.counter("reactor", "connections") == self.COUNT + 1, "all connections")
        return daemon, crowd

    def test_all_are_listed(self):
        daemon, crowd = self.crowd()
        rows = json.loads(crowd[0].call("T", b"conns").body)
        ids = {row["id"] for row in rows}
        self.assertEqual(len(ids), len(rows))
        self.assertGreaterEqual(len(ids), self.COUNT)  # the one that counted them may not be gone
        with HttpClient(daemon.tcp) as client:
            response = client.ask("GET", "/_/conns")
        self.assertGreaterEqual(len(ids & {row["id"] for row in json.loads(response.body)}), self.COUNT)

    def test_the_loop_turns_between(self):
        daemon, _ = self.crowd()
        for target in ("/_/conns", "/_/fds"):
            with self.subTest(target), HttpClient(daemon.tcp) as client:
                before = daemon.counter("reactor", "turns")
                rows = json.loads(client.ask("GET", target).body)
                self.assertGreaterEqual(len(rows), self.COUNT)
                self.assertGreaterEqual(daemon.counter("reactor", "turns") - before, 10)

    def test_a_request_beside_a_list_is_answered_first(self):
        log = self.directory() / "access.log"
        daemon, _ = self.crowd("--access-log", "json", "--access-log-file", log)
        with HttpClient(daemon.tcp) as patient, HttpClient(daemon.tcp) as quick:
            self.assertEqual((patient.ask("GET", "/_/health").status, quick.ask("GET", "/_/health").status), (200, 200))
            daemon.signal(signal.SIGSTOP)
            patient.send(head("GET", "/_/conns"))
            quick.send(head("GET", "/objects/hello"))
            daemon.signal(signal.SIGCONT)
            self.assertEqual(quick.response().body, b"hello, world\n")
            self.assertGreaterEqual(len(json.loads(patient.response().body)), self.COUNT + 2)
        until(lambda: log.read_bytes().count(b"\n") == 4, "four lines in the access log")
        self.assertEqual([json.loads(line)["path"] for line in log.read_text().splitlines()[2:]],
                         ["/objects/hello", "/_/conns"])

    def test_connections_may_end_and_so_may_who_asks(self):
        daemon, crowd = self.crowd()
        asking, leaving, rest = crowd[0], crowd[1], crowd[2:]
        asking.ping()
        daemon.signal(signal.SIGSTOP)
        leaving.send(frame("T", b"conns") * 3)
        asking.send(frame("T", b"conns") * 3)
        leaving.close()
        for client in rest[::2]:
            client.close()
        daemon.signal(signal.SIGCONT)
        left = self.COUNT - 1 - len(rest[::2])
        for _ in range(3):
            self.assertGreaterEqual(len(json.loads(asking.reply().body)), left)
        until(lambda: len(json.loads(asking.call("T", b"conns").body)) == left, "those that left are gone")

    def test_a_stop_ends_the_work(self):
        daemon, crowd = self.crowd("--drain-timeout", 0)
        daemon.signal(signal.SIGSTOP)
        for client in crowd[:50]:
            client.send(frame("T", b"conns") * 60)
        daemon.signal()
        daemon.signal(signal.SIGCONT)
        self.assertEqual(daemon.wait_exit(), 0)
