"""The forwarder: what is acknowledged arrives in the stream, whatever dies on the way."""
import pathlib
import shutil
import signal
import threading

from case import Case
from daemon import run_sluiced, until
from forward_case import SMALL, STREAM, ForwardCase
from ingest_case import record
from slc import TIMEOUT


class OneBroker(ForwardCase):
    def test_all_formats_arrive_as_the_log_has_them(self):
        brokers = self.brokers().start()
        daemon = self.forwarding(brokers)
        link = self.http(daemon)
        self.post(link, [record("a", tags={"quote": 'x"\\\n\u00e9'}), record("b", timestamp=None)])
        self.post(link,
                  {"name": "h", "type": "histogram", "value": {"sum": 3.5, "bounds": [1, 2], "counts": [1, 0, 2]}})
        self.post(link, b"cpu,host=x usage=0.1,n=3i\n", "/write")
        self.post(link, b"up{job=\"x\"} 1\n", "/api/v1/import/prometheus")
        forward = self.caught_up(daemon)
        samples = self.cat()
        self.assertEqual(forward["samples"], len(samples))
        self.assertEqual(forward["sequence"], samples[-1]["seq"] + 1)
        self.assertSame(brokers)
        cursor = f"segment 1 offset {records_end(self.log)}, sequence {forward['sequence']}, 0 behind"
        until(lambda: f"cursor   nats at {cursor}\n" in self.sluice("stats", self.log), "the cursor is saved")
        self.assertIn('sluice_forward_samples_total{forwarder="nats"} ' + str(len(samples)),
                      self.get(link, "/_/metrics")[1])

    def test_a_long_batch_takes_several_messages(self):
        brokers = self.brokers().start()
        daemon = self.forwarding(brokers, forward=["message = 1k"])
        self.post(self.http(daemon), [record(f"n{i}") for i in range(100)])
        self.caught_up(daemon)
        with brokers.any() as client:
            messages = client.read(STREAM)
        self.assertGreater(len(messages), 10)
        self.assertTrue(all(len(message.data) <= 1024 for message in messages))
        self.assertSame(brokers)

    def test_samples_longer_than_the_broker_takes_are_counted(self):
        brokers = self.brokers(limits="max_payload: 4096").start()
        daemon = self.forwarding(brokers, "value_length = 16384")
        link = self.http(daemon)
        self.post(link, [record("before"), record("long", tags={"x": "y" * 8000}), record("after")])
        self.assertEqual(self.caught_up(daemon)["oversized"], 1)
        self.assertEqual([sample["name"] for sample in self.arrived(brokers)], ["before", "after"])

    def test_two_nodes_feed_one_stream(self):
        brokers = self.brokers().start()
        logs = []
        for node in range(2):
            daemon = self.forwarding(brokers, log=self.directory() / "log")
            link = self.http(daemon)
            for i in range(20):
                self.assertEqual(self.post(link, record(f"node{node}_{i}")).status, 200)
            self.caught_up(daemon)
            logs += self.names()
        with brokers.any() as client:
            messages = client.read(STREAM)
        ids = [message.headers["Nats-Msg-Id"] for message in messages]
        self.assertEqual(len(set(ids)), 40)
        self.assertEqual(len({each.rsplit("-", 1)[0] for each in ids}), 2, "an identity for each log")
        self.assertEqual(sorted(sample["name"] for sample in self.arrived(brokers)), sorted(logs))

    def test_a_stream_that_exists_is_left_as_it_is(self):
        brokers = self.brokers().start()
        with brokers.any() as client:
            client.api(f"STREAM.CREATE.{STREAM}", name=STREAM, subjects=["sluice.>"], max_msgs=7, discard="old",
                       storage="memory")
        daemon = self.forwarding(brokers)
        link = self.http(daemon)
        for i in range(20):
            self.post(link, record(f"n{i}"))
        self.caught_up(daemon)
        self.assertEqual([sample["name"] for sample in self.arrived(brokers)], [f"n{i}" for i in range(13, 20)])

    def test_what_the_stream_refuses_is_tried_again(self):
        brokers = self.brokers().start()
        with brokers.any() as client:
            client.api(f"STREAM.CREATE.{STREAM}", name=STREAM, subjects=["sluice.>"], max_msgs=5, discard="new")
        daemon = self.forwarding(brokers)
        link = self.http(daemon)
        for i in range(10):
            self.post(link, record(f"n{i}"))
        line = daemon.wait_line("forward broker away")
        self.assertIn("maximum messages exceeded", line)
        with brokers.any() as client:
            self.assertEqual(client.messages(STREAM), 5)
            client.api(f"STREAM.UPDATE.{STREAM}", name=STREAM, subjects=["sluice.>"], discard="new", max_msgs=-1)
        self.caught_up(daemon)
        self.assertEqual([sample["name"] for sample in self.arrived(brokers)], [f"n{i}" for i in range(10)])

    def test_a_shortage_of_descriptors_is_not_the_end(self):
        brokers = self.brokers().start()
        daemon = self.forwarding(brokers)
        link = self.http(daemon)
        self.post(link, record("before"))
        self.caught_up(daemon)
        with daemon.without_descriptors():
            self.post(link, record("meanwhile"))
            daemon.wait_line("forward broker away")
        self.caught_up(daemon)
        self.assertEqual([sample["name"] for sample in self.arrived(brokers)], ["before", "meanwhile"])


def records_end(log):
    """Where the first segment's records end: its file is ended or has zeros behind them."""
    return len(pathlib.Path(log, "0000000001.log").read_bytes().rstrip(b"\0"))


class BrokerAway(ForwardCase):
    def fill(self, link):
        """Posts until it is refused; the names that were acknowledged, and the refusal."""
        names = []
        for i in range(10000):
            answer = self.post(link, [record(f"n{i}", tags={"text": "x" * 900})])
            if answer.status != 200:
                return names, answer
            names.append(f"n{i}")
        self.fail("never refused")

    def test_the_log_grows_to_its_cap_and_then_refuses(self):
        brokers = self.brokers()
        daemon = self.forwarding(brokers, *SMALL, "keep_bytes = 256k", "retry = 0.05")
        link = self.http(daemon)
        names, answer = self.fill(link)
        self.assertEqual((answer.status, answer.json["error"], answer.ack), (503, "LOG_HELD", None))
        self.assertGreaterEqual(int(answer.fields["Retry-After"]), 1)
        self.assertEqual(self.get(link, "/_/ready"), (503, '{"status":"log at its cap"}\n'))
        self.assertLessEqual(sum(file.stat().st_size for file in self.log.glob("*.log")), 256 << 10)
        stats = daemon.stats()
        self.assertEqual(stats["ingest"]["held"], 1)
        self.assertEqual((stats["forward"]["nats"]["connected"], stats["forward"]["nats"]["lag_samples"]),
                         (0, len(names)))
        self.assertGreater(stats["forward"]["nats"]["lag_bytes"], len(names) * 900)
        brokers.start()
        until(lambda: self.get(link, "/_/ready")[0] == 200, "there is room again", 3 * TIMEOUT)
        self.assertEqual(self.post(link, record("after")).status, 200)
        self.caught_up(daemon)
        self.assertEqual([sample["name"] for sample in self.arrived(brokers)], names + ["after"])

    def test_files_stay_beyond_their_acknowledgement(self):
        brokers = self.brokers().start()
        daemon = self.forwarding(brokers, *SMALL, "keep_bytes = 256k", "retry = 0.05", forward=["keep = 3600"])
        link = self.http(daemon)
        names, answer = self.fill(link)
        self.assertEqual(answer.json["error"], "LOG_HELD")
        self.caught_up(daemon)
        self.assertEqual(self.names(), names)

    def test_a_batch_promised_from_memory_waits_for_room(self):
        brokers = self.brokers()
        daemon = self.forwarding(brokers, *SMALL, "keep_bytes = 256k", "retry = 0.05", "ack = memory")
        link = self.http(daemon)
        names, answer = self.fill(link)
        brokers.start()
        until(lambda: self.get(link, "/_/ready")[0] == 200, "there is room again", 3 * TIMEOUT)
        until(lambda: daemon.counter("ingest", "queue_depth") == 0, "what waited is in the log")
        self.caught_up(daemon)
        self.assertEqual(daemon.counter("ingest", "lost"), 0)
        self.assertEqual([sample["name"] for sample in self.arrived(brokers)], names)

    def test_a_broker_that_forgot_gets_it_again(self):
        brokers = self.brokers().start()
        daemon = self.forwarding(brokers, *SMALL, forward=["keep = 3600"])
        link = self.http(daemon)
        names = [f"n{i}" for i in range(300)]
        for name in names:
            self.post(link, record(name, tags={"text": "x" * 900}))
        self.caught_up(daemon)
        server = brokers.servers[0]
        server.kill()
        shutil.rmtree(server.directory / "store")
        server.start()
        self.post(link, record("after"))
        daemon.wait_line("forward broker lost messages")
        self.caught_up(daemon)
        self.assertEqual([sample["name"] for sample in self.arrived(brokers)], names + ["after"])


class Deaths(ForwardCase):
    def load(self, daemon, name, acknowledged, enough):
        """Posts until enough is set or the daemon is gone."""
        link = self.http(daemon)
        try:
            i = 0
            while not enough.is_set():
                answer = self.post(link, [{"name": name, "value": i}])
                if answer.status == 200:
                    acknowledged.append((name, float(i)))
                i += 1
        except OSError:
            pass

    def loaded(self, daemon, name):
        acknowledged, enough = [], threading.Event()
        thread = threading.Thread(target=self.load, args=(daemon, name, acknowledged, enough))
        thread.start()
        return acknowledged, lambda: (enough.set(), thread.join())

    def assertArrived(self, brokers, acknowledged):
        values = [(sample["name"], sample["value"]) for sample in self.arrived(brokers)]
        missing = set(acknowledged) - set(values)
        self.assertGreater(len(acknowledged), 100, "nothing was tested")
        self.assertFalse(missing, f"acknowledged and not in the stream: {len(missing)} of {len(acknowledged)}")
        self.assertEqual(len(values), len(set(values)), "there twice")

    def test_the_daemon(self):
        brokers = self.brokers().start()
        acknowledged = []
        for i in range(3):
            daemon = self.forwarding(brokers)
            self.addCleanup(lambda daemon=daemon: daemon.running and daemon.kill())
            values, stop = self.loaded(daemon, f"life{i}")
            until(lambda: len(values) > 200, "a load")
            daemon.process.kill()
            stop()
            daemon.kill()
            daemon.process.returncode = 0  # it was meant to die
            acknowledged += values
        self.caught_up(self.forwarding(brokers))
        self.assertArrived(brokers, acknowledged)

    def test_a_broker(self):
        brokers = self.brokers().start()
        daemon = self.forwarding(brokers)
        values, stop = self.loaded(daemon, "x")
        for number in (signal.SIGKILL, signal.SIGTERM):
            least = len(values) + 200
            until(lambda least=least: len(values) > least, "a load")
            brokers.servers[0].kill(number)
            brokers.servers[0].start()
        stop()
        forward = self.caught_up(daemon)
        self.assertGreaterEqual(forward["failures"], 1)
        self.assertArrived(brokers, values)

    def test_the_leader_of_a_cluster(self):
        brokers = self.brokers(3).start()
        daemon = self.forwarding(brokers, forward=["replicas = 3"])
        values, stop = self.loaded(daemon, "x")
        for _ in range(2):
            least = len(values) + 200
            until(lambda least=least: len(values) > least and daemon.counter("forward", "nats")["samples"] > 0,
                  "a load",
                  3 * TIMEOUT)
            leader = brokers.leader(STREAM)
            leader.kill()
            before = daemon.counter("forward", "nats")["samples"]
            until(lambda before=before: daemon.counter("forward", "nats")["samples"] > before, "another leader",
                  4 * TIMEOUT)
            leader.start()
        stop()
        self.caught_up(daemon)
        self.assertArrived(brokers, values)


class Configuration(Case):
    def check(self, text):
        file = self.directory() / "sluice.conf"
        file.write_text(text)
        done = run_sluiced("-c", file, "--listen", "unix:@none", "--check")
        return done.returncode, done.stderr.replace(str(file), "FILE")

    def test_problems_have_their_place(self):
        ingest = 'ingest { path = "/x" }\n'
        for text, complaint in (
                (ingest + 'forward "kafka" {}', "FILE:2: forward 'kafka': no such forwarder; there is nats"),
                ('forward "nats" {}', "FILE:1: forward 'nats': there is no ingest section"),
                (ingest + 'forward "nats" { subject = "a.*" }', "FILE:2: forward 'nats': subject: one subject"),
                (ingest + 'forward "nats" { stream = "a.b" }', "FILE:2: forward 'nats': stream: a name"),
                (ingest + 'forward "nats" { servers = {"nats://a:1", "http://b:2"} }',
                 "FILE:2: forward 'nats': servers: they are like"),
                (ingest + 'forward "nats" { ca = "/no/such" }', "FILE:2: forward 'nats': ca /no/such: No such file"),
                (ingest + 'forward "nats" { credentials = "/no/such" }',
                 "FILE:2: forward 'nats': credentials /no/such: No such"),
                ('ingest { path = "/x" keep_bytes = 200m }\nforward "nats" {}',
                 "FILE:2: forward 'nats': keep_bytes: with")):
            with self.subTest(text):
                status, stderr = self.check(text)
                self.assertEqual(status, 2)
                self.assertIn(complaint, stderr)

    def test_what_the_log_has_room_for_is_told(self):
        file = self.directory() / "sluice.conf"
        file.write_text('ingest { path = "/x" keep_bytes = 1g segment = 64m }\nforward "nats" { keep = 100 }')
        done = run_sluiced("-c", file, "--listen", "unix:@none", "--check")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"keep 100 s = {(1024 - 3 * 64) * 1024 * 1024 // 100} bytes a second at most", done.stdout)
