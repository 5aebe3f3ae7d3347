"""Ingestion of our own JSON: what is taken, what is refused and why, and what is promised."""
import gzip
import json
import os
import pathlib
import resource
import subprocess
import threading

from case import Case, as_root
from daemon import run_sluiced, until
from ingest_case import IngestCase, record, wall_ms


class Accepted(IngestCase):
    def test_one_record_and_its_way_to_the_log(self):
        daemon = self.ingest()
        now = wall_ms()
        answer = self.post(self.http(daemon), record("http_requests", 2.5, type="counter", timestamp=now,
                                                     tags={"code": "200", "app": 'a"\\\nü'}))
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json, {"accepted": 1, "rejected": 0})
        self.assertEqual(answer.ack, "fsync; seq=1")
        sample, = self.cat()
        self.assertEqual({**sample, "received": 0},
                         {"seq": 1, "received": 0, "format": "json", "name": "http_requests", "type": "counter",
                          "timestamp": now, "value": 2.5, "tags": {"app": 'a"\\\nü', "code": "200"}})

    def test_arrays_and_lines(self):
        link = self.http(self.ingest())
        self.assertEqual(self.post(link, [record("a"), record("b")]).ack, "fsync; seq=1-2")
        lines = json.dumps(record("c")) + "\r\n\n" + json.dumps(record("d")) + "\n"
        self.assertEqual(self.post(link, lines).ack, "fsync; seq=3-4")
        self.assertEqual(self.post(link, "[]").json, {"accepted": 0, "rejected": 0})
        self.assertEqual(self.names(), ["a", "b", "c", "d"])

    def test_promises_by_setting(self):
        for ack in "fsync", "write", "memory":
            with self.subTest(ack):
                daemon = self.ingest(f"ack = {ack}")
                answer = self.post(self.http(daemon), record(f"with_{ack}"))
                self.assertRegex(answer.ack, f"^{ack}; seq=[0-9]+$")
                self.finish(daemon)
                self.assertIn(f"with_{ack}", self.names())

    def test_sequences_go_on_after_a_restart(self):
        for first in 1, 3, 5:
            daemon = self.ingest()
            self.assertEqual(self.post(self.http(daemon), [record(), record()]).ack, f"fsync; seq={first}-{first + 1}")
            self.finish(daemon)
        self.assertEqual([sample["seq"] for sample in self.cat()], [1, 2, 3, 4, 5, 6])

    def test_many_clients_share_groups(self):
        daemon = self.ingest()
        acknowledged = []

        def client(number):
            link = self.http(daemon)
            for i in range(50):
                acknowledged.append(self.post(link, record(f"c{number}_{i}")).seqs[0])
        threads = [threading.Thread(target=client, args=(n,)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(acknowledged), list(range(1, 801)))
        self.assertEqual(len(set(self.names())), 800)
        self.assertLess(daemon.counter("ingest", "groups"), 800)
        self.assertEqual(daemon.counter("ingest", "acknowledged"), 800)

    def test_segments_follow_each_other(self):
        daemon = self.ingest("segment = 64k", "group_bytes = 16k")
        link = self.http(daemon)
        for i in range(60):
            self.assertEqual(self.post(link, [record(f"n{i}_{j}", tags={"text": "x" * 100}) for j in range(30)]).status,
                             200)
        self.assertGreater(len(list(self.log.glob("*.log"))), 3)
        self.assertEqual(self.names(), [f"n{i}_{j}" for i in range(60) for j in range(30)])
        self.assertIn("good", self.sluice("verify", self.log))

    def test_a_long_body_is_read_by_a_worker(self):
        daemon = self.ingest()
        batch = [record(f"n{i}") for i in range(5000)]
        self.assertEqual(self.post(self.http(daemon), batch).json["accepted"], 5000)
        self.assertGreaterEqual(daemon.counter("offload", "jobs_pool"), 1)
        self.assertEqual(len(self.cat()), 5000)

    def test_gzip(self):
        link = self.http(self.ingest())
        body = gzip.compress(json.dumps([record("a"), record("b")]).encode())
        self.assertEqual(self.post(link, body, Content_Encoding="gzip").json["accepted"], 2)
        two = gzip.compress(json.dumps(record("c")).encode() + b"\n") + gzip.compress(json.dumps(record("d")).encode())
        self.assertEqual(self.post(link, two, Content_Encoding="gzip").json["accepted"], 2)


class Refused(IngestCase):
    def setUp(self):
        super().setUp()
        self.served = self.ingest("max_age = 3600", "max_ahead = 60", "labels = 3", "name_length = 20",
                                  "value_length = 10")
        self.link = self.http(self.served)

    def test_each_reason_is_named(self):
        now = wall_ms()
        for body, code, pointer in (
                (record("bad name"), "bad_name", "/name"),
                (record(""), "bad_name", "/name"),
                (record("1st"), "bad_name", "/name"),
                (record("x" * 21), "too_many", "/name"),
                ({"value": 1}, "bad_field", "/name"),
                ({"name": 5, "value": 1}, "bad_field", "/name"),
                ({"name": "a"}, "bad_field", "/value"),
                (record(value="1"), "bad_field", "/value"),
                (record(value=-1, type="counter"), "bad_value", "/value"),
                (record(type="sum"), "bad_type", "/type"),
                (record(type=5), "bad_type", "/type"),
                (record(timestamp="now"), "bad_time", "/timestamp"),
                (record(timestamp=now - 4000_000), "bad_time", "/timestamp"),
                (record(timestamp=now + 100_000), "bad_time", "/timestamp"),
                (record(tags=[]), "bad_field", "/tags"),
                (record(tags={"a": 1}), "bad_label", "/tags/a"),
                (record(tags={"a-b": "1"}), "bad_label", "/tags/a-b"),
                (record(tags={"a/b~": "1"}), "bad_label", "/tags/a~1b~0"),
                (record(tags={"__name__": "1"}), "bad_label", "/tags/__name__"),
                (record(tags={"a": "x" * 11}), "too_many", "/tags/a"),
                (record(tags={c: "1" for c in "abcd"}), "too_many", "/tags"),
                (record(type="histogram", value={"sum": 1}), "bad_field", "/value"),
                (record(type="histogram", value={"sum": 1, "bounds": [2, 1], "counts": [0, 0, 1]}), "bad_value",
                 "/value"),
                ([1], "syntax", "/0")):
            with self.subTest(body):
                answer = self.post(self.link, body)
                self.assertRefused(answer, 400, code, ("index", 0), pointer if not isinstance(body, list) else "/0")
                self.assertEqual((answer.json["accepted"], answer.json["rejected"]), (0, 1))
                self.assertIsNone(answer.ack)
        self.assertEqual(self.cat(), [])

    def test_what_is_just_within_the_limits_is_taken(self):
        now = wall_ms()
        for more in ({"tags": {c * 20: "x" * 10 for c in "abc"}},
                     {"timestamp": now - 3500_000}, {"timestamp": now + 50_000}):
            self.assertEqual(self.post(self.link, record("x" * 20, **more)).status, 200, more)

    def test_the_good_ones_of_a_batch_are_taken(self):
        answer = self.post(self.link, [record("a"), record("b c"), record("d")])
        self.assertRefused(answer, 200, "bad_name", ("index", 1), "/1/name")
        self.assertEqual((answer.json["accepted"], answer.json["rejected"]), (2, 1))
        self.assertEqual(answer.ack, "fsync; seq=1-2")
        self.assertEqual(self.names(), ["a", "d"])
        self.assertEqual(self.served.counter("ingest", "rejected_bad_name"), 1)

    def test_malformed_json_is_placed(self):
        self.assertRefused(self.post(self.link, b'{"name":"a","value":}'), 400, "syntax", ("line", 1, 21))
        self.assertRefused(self.post(self.link, b'[{"name":"a",\n "value":1,}]'), 400, "syntax", ("line", 2, 12))
        self.assertRefused(self.post(self.link, b'{"name":"a","value":NaN}'), 400, "syntax", ("line", 1, 21))
        self.assertRefused(self.post(self.link, b'{\n"name": "a",\n"value": 1,\n}'), 400, "syntax", ("line", 4, 1))
        self.assertRefused(self.post(self.link, b'nonsense'), 400, "syntax", ("line", 1))
        self.assertRefused(self.post(self.link, b'\xff'), 400, "syntax", ("line", 1))
        answer = self.post(self.link, b'{"name":"a","value":1}\n{"name":"b","value":}\n{"name":"c","value":3}\n')
        self.assertRefused(answer, 200, "syntax", ("line", 2, 21))
        self.assertEqual(self.names(), ["a", "c"])

    def test_a_byte_order_mark_is_passed_over(self):
        for body in ('{"name":"a","value":1}', '{"name":"a","value":1}\n{"name":"b","value":1}',
                     '{"name":"a","value":01}'):
            answer = self.post(self.link, b"\xef\xbb\xbf" + body.encode())
            self.assertEqual(answer.json["errors"][0]["column"] if answer.status == 400 else answer.status,
                             22 if "01" in body else 200)

    def test_methods_and_codings(self):
        self.link.request("PUT", "/metrics", b"{}")
        response = self.link.getresponse()
        response.read()
        self.assertEqual((response.status, response.getheader("Allow")), (405, "GET, HEAD, POST, OPTIONS"))
        answer = self.post(self.link, b"x", Content_Encoding="br")
        self.assertEqual((answer.status, answer.fields["Accept-Encoding"]), (415, "gzip"))
        self.assertEqual(self.post(self.link, gzip.compress(b"[]"), Content_Encoding="x-gzip").status, 200)
        self.assertEqual(self.post(self.link, b"no gzip", Content_Encoding="gzip").status, 400)
        self.assertEqual(self.post(self.link, gzip.compress(b"[]")[:-4], Content_Encoding="gzip").status, 400)

    def test_gzip_bombs(self):
        bomb = gzip.compress(b" " * 3_000_000)
        answer = self.post(self.link, bomb, Content_Encoding="gzip")
        self.assertEqual(answer.status, 413, answer)
        self.assertEqual(self.post(self.link, gzip.compress(os.urandom(3_000_000).hex().encode()),
                                   Content_Encoding="gzip").status, 413)
        self.assertEqual(self.post(self.link, record("after")).status, 200)


class Whole(IngestCase):
    def test_a_batch_with_a_bad_record_is_refused(self):
        link = self.http(self.ingest("partial = no"))
        answer = self.post(link, [record("a"), record("b c")])
        self.assertRefused(answer, 400, "bad_name", ("index", 1), "/1/name")
        self.assertEqual((answer.json["accepted"], answer.json["rejected"]), (0, 2))
        self.assertEqual(self.cat(), [])
        self.assertEqual(self.post(link, [record("a"), record("b")]).json["accepted"], 2)

    def test_a_refused_batch_leaves_no_series(self):
        daemon = self.ingest("partial = no", "series = 2")
        link = self.http(daemon)
        for name in "abcd":
            self.assertEqual(self.post(link, [record(name, type="counter"), record("b c")]).status, 400)
        self.assertEqual(self.post(link, [record("a"), record("b")]).json["accepted"], 2)
        self.assertEqual(self.post(link, [record("a"), record("c")]).json["rejected"], 2)
        self.assertEqual(daemon.counter("ingest", "series"), 2)

    def test_names_are_escaped_by_setting(self):
        link = self.http(self.ingest("names = escape"))
        self.assertEqual(self.post(link, record("http.server-time", tags={"a.b": "c", "1": "d"})).status, 200)
        sample, = self.cat()
        self.assertEqual((sample["name"], sample["tags"]), ("http_server_time", {"a_b": "c", "_1": "d"}))


class Limits(IngestCase):
    def test_rate_of_a_client(self):
        link = self.http(self.ingest("rate = 10", "rate_burst = 100"))
        self.assertEqual(self.post(link, [record(f"n{i}") for i in range(150)]).status, 200)
        answer = self.post(link, record())
        self.assertEqual(answer.status, 429, answer)
        self.assertGreaterEqual(int(answer.fields["Retry-After"]), 5)
        self.assertIn('"samples";q=10', answer.fields["RateLimit-Policy"])
        self.assertIn("r=0", answer.fields["RateLimit"])

    def test_a_spent_burst_is_spent(self):
        link = self.http(self.ingest("rate = 1", "rate_burst = 20"))
        statuses = [self.post(link, [record(f"n{i}") for i in range(10)]).status for _ in range(3)]
        self.assertEqual(statuses, [200, 200, 429])

    def test_clients_do_not_take_from_each_other(self):
        daemon = self.ingest("rate = 1")
        greedy, modest = self.http(daemon), self.http(daemon, source="127.0.0.2")
        self.assertEqual(self.post(greedy, [record(f"n{i}") for i in range(100)]).status, 200)
        for _ in range(20):
            self.assertEqual(self.post(greedy, record()).status, 429)
        self.assertEqual(self.post(modest, record()).status, 200)
        self.assertEqual(daemon.counter("ingest", "limited"), 20)

    def test_clients_by_a_field(self):
        link = self.http(self.ingest("rate = 1", 'rate_header = "X-Key"'))
        self.assertEqual(self.post(link, [record("a"), record("b")], X_Key="one").status, 200)
        self.assertEqual(self.post(link, record(), X_Key="one").status, 429)
        self.assertEqual(self.post(link, record(), X_Key="two").status, 200)

    def test_clients_that_are_told_apart(self):
        """The one that was heard of longest ago is forgotten, and what it has spent with it."""
        link = self.http(self.ingest("rate = 1", 'rate_header = "X-Key"', "rate_clients = 2"))

        def statuses(keys):
            return [self.post(link, [record("a")] * 1000, X_Key=key).status for key in keys]
        self.assertEqual(statuses(["one", "two", "one", "two"]), [200, 200, 429, 429])
        self.assertEqual(statuses(["three", "two", "one"]), [200, 429, 200])

    def test_series(self):
        daemon = self.ingest("series_per_client = 100", "series = 150")
        link = self.http(daemon)
        answer = self.post(link, [record("n", tags={"i": str(i)}) for i in range(1000)])
        self.assertEqual((answer.json["accepted"], answer.json["rejected"]), (100, 900))
        self.assertRefused(answer, 200, "series_limit", ("index", 100), "/100")
        self.assertEqual(self.post(link, record("n", tags={"i": "5"})).json["accepted"], 1)
        other = self.post(self.http(daemon, source="127.0.0.2"), [record("m", tags={"i": str(i)}) for i in range(100)])
        self.assertEqual(other.json["accepted"], 50)
        self.assertEqual(daemon.counter("ingest", "series"), 150)

    def test_a_type_stays(self):
        link = self.http(self.ingest())
        self.assertEqual(self.post(link, record("a", type="counter")).status, 200)
        self.assertRefused(self.post(link, record("a")), 400, "bad_type", ("index", 0), "/type")
        self.assertRefused(self.post(link, [record("a")]), 400, "bad_type", ("index", 0), "/0/type")
        lines = "\n".join(json.dumps(record(name)) for name in "ba")
        self.assertRefused(self.post(link, lines), 200, "bad_type", ("line", 2), "/type")
        self.assertRefused(self.post(link, "b 1\na 1", "/api/v1/import/prometheus"), 200, "bad_type", ("line", 2, 1))

    def test_a_full_queue(self):
        daemon = self.ingest("queue_batches = 4", "group_window = 0")
        statuses, answers = [], []

        def client(number):
            link = self.http(daemon)
            for i in range(40):
                answer = self.post(link, record(f"q{number}_{i}"))
                statuses.append(answer.status)
                if answer.status == 200:
                    answers.append(f"q{number}_{i}")
                else:
                    self.assertEqual((answer.status, answer.json["error"]), (503, "BUSY"))
                    self.assertTrue(answer.fields["Retry-After"])
        threads = [threading.Thread(target=client, args=(n,)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertIn(503, statuses)
        self.assertEqual(set(self.names()), set(answers))


class Idempotency(IngestCase):
    def test_a_repeat_gets_the_first_answer(self):
        daemon = self.ingest()
        body = [record("a"), record("b c")]
        first = self.post(self.http(daemon), body, Idempotency_Key="k 1")
        again = self.post(self.http(daemon), body, Idempotency_Key="k 1")
        self.assertEqual((first.status, first.body, first.ack), (again.status, again.body, again.ack))
        self.finish(daemon)
        after = self.post(self.http(self.ingest()), body, Idempotency_Key="k 1")
        self.assertEqual((first.status, first.body, first.ack), (after.status, after.body, after.ack))
        self.assertEqual(self.names(), ["a"])

    def test_after_a_crash(self):
        daemon = self.ingest()
        first = self.post(self.http(daemon), record("a"), Idempotency_Key="k")
        daemon.process.kill()
        daemon.process.wait()
        daemon.process.returncode = 0
        after = self.post(self.http(self.ingest()), record("a"), Idempotency_Key="k")
        self.assertEqual((first.body, first.ack), (after.body, after.ack))
        self.assertEqual(self.names(), ["a"])

    def test_a_key_names_one_batch(self):
        link = self.http(self.ingest())
        self.post(link, record("a"), Idempotency_Key="k")
        self.assertEqual(self.post(link, record("b"), Idempotency_Key="k").status, 422)
        self.assertEqual(self.post(link, record("b"), Idempotency_Key="x" * 256).status, 400)
        self.assertEqual(self.post(link, record("b"), Idempotency_Key="l").ack, "fsync; seq=2")

    def test_a_repeat_costs_no_tokens(self):
        link = self.http(self.ingest("rate = 1", "rate_burst = 1"))
        first = self.post(link, [record("a")] * 100, Idempotency_Key="k")
        self.assertEqual(self.post(link, record("a"), Idempotency_Key="l").status, 429)
        self.assertEqual(self.post(link, [record("a")] * 100, Idempotency_Key="k").ack, first.ack)

    def test_a_refused_batch_leaves_its_key_free(self):
        link = self.http(self.ingest())
        self.assertEqual(self.post(link, record("a b"), Idempotency_Key="k").status, 400)
        self.assertEqual(self.post(link, record("a"), Idempotency_Key="k").status, 200)

    def test_the_oldest_keys_are_forgotten(self):
        link = self.http(self.ingest("idempotency_keys = 2"))
        for key in "abc":
            self.post(link, record("n"), Idempotency_Key=key)
        self.assertEqual(self.post(link, record("n"), Idempotency_Key="c").ack, "fsync; seq=3")
        self.assertEqual(self.post(link, record("n"), Idempotency_Key="a").ack, "fsync; seq=4")


class FullDisk(IngestCase):
    @as_root
    def test_507_and_back(self):
        mount = self.directory()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", mount],
                          capture_output=True).returncode != 0:
            self.skipTest("cannot mount a tmpfs")
        self.addCleanup(subprocess.run, ["umount", "-l", mount])
        self.log = mount / "log"
        daemon = self.ingest("segment = 256k", "group_bytes = 64k", "retry = 0.05", "keep_bytes = 0")
        link, taken = self.http(daemon), []
        first = self.post(link, record("first"), Idempotency_Key="k")
        for i in range(1000):
            answer = self.post(link, [record(f"n{i}_{j}", tags={"text": "x" * 300}) for j in range(20)])
            if answer.status != 200:
                break
            taken.append(f"n{i}_0")
        self.assertEqual((answer.status, answer.json["error"]), (507, "DISK_FULL"))
        self.assertEqual(self.get(link, "/_/ready"), (503, '{"status":"disk full"}\n'))
        self.assertEqual(self.post(link, record("first"), Idempotency_Key="k").ack, first.ack)
        self.assertEqual(self.post(link, record("first"), Idempotency_Key="l").status, 507)
        names = self.names()
        self.assertEqual([name for name in taken if name not in names], [])
        for file in sorted(self.log.glob("*.log"))[:2]:
            file.unlink()
        until(lambda: self.get(link, "/_/ready")[0] == 200, "there is room again")
        answer = self.post(link, record("after"))
        self.assertEqual(answer.status, 200, answer)
        self.assertIn("after", self.names())
        sequences = [sample["seq"] for sample in self.cat()]
        self.assertEqual(sequences, sorted(set(sequences)))
        self.finish(daemon)


    def test_a_limit_of_file_sizes_is_one_of_the_disk(self):
        daemon = self.ingest("segment = 64k", "group_bytes = 16k", "retry = 0.05")
        link = self.http(daemon)
        self.assertEqual(self.post(link, record("before")).status, 200)
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
        self.assertEqual(self.post(link, record("large", tags={"text": "x" * 1000})).status, 507)
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        until(lambda: self.get(link, "/_/ready")[0] == 200, "files may be as long again")
        self.assertEqual(self.post(link, record("after")).status, 200)
        self.assertEqual(self.names(), ["before", "after"])


class Configuration(Case):
    def check(self, text):
        file = self.directory() / "sluice.conf"
        file.write_text(text)
        done = run_sluiced("-c", file, "--listen", "unix:@none", "--check")
        return done.returncode, done.stderr.replace(str(file), "FILE")

    def test_problems_have_their_place(self):
        for text, complaint in (("\ningest { ack = fsync }", "FILE:2: ingest: path is missing"),
                                ("ingest { path = \"/x\"\n ack = maybe }", "FILE:2: ack: 'maybe' is not one of"),
                                ("ingest { path = \"/x\" }\ningest { path = \"/y\" }",
                                 "FILE:2: there is an 'ingest' section already"),
                                ("ingest { path = \"/x\"\n rote = 1 }", "FILE:2: no such option 'rote'")):
            with self.subTest(text):
                status, stderr = self.check(text)
                self.assertEqual(status, 2)
                self.assertIn(complaint, stderr)

    def test_off_without_a_section(self):
        from http1 import HttpClient
        daemon = self.daemon(root=False)
        client = HttpClient(daemon.tcp)
        self.addCleanup(client.close)
        self.assertEqual(client.ask("POST", "/metrics", body=b"{}").status, 404)

    def test_a_directory_that_cannot_be(self):
        file = pathlib.Path(self.directory()) / "sluice.conf"
        file.write_text('ingest { path = "/nonexistent/x/y" }')
        done = run_sluiced("-c", file, "--listen", "unix:@none-either")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent/x/y", done.stderr)

    def test_files_longer_than_their_limit(self):
        directory = self.directory()
        file = directory / "sluice.conf"
        file.write_text(f'ingest {{ path = "{directory}/log" }}')
        done = run_sluiced("-c", file, "--listen", "unix:@none-either", preexec=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY)))
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot create a segment: File too large", done.stderr)
