"""The log of ingestion: what `sluice log` reads of it, its end after a crash, its files' life."""
import json
import os
import pathlib
import subprocess
import threading
import time

from daemon import run_sluiced, until
from ingest_case import SLUICE, IngestCase, record, wall_ms
from slc import TIMEOUT


class Log(IngestCase):
    def test_filters_and_stats(self):
        now = wall_ms()
        self.post(self.http(self.ingest()),
                  [record("a", i, timestamp=now - 1000 * i) for i in range(5)] + [record("b")])
        self.assertEqual([s["value"] for s in self.cat("--name", "a")], [0, 1, 2, 3, 4])
        self.assertEqual([s["value"] for s in self.cat("--name", "a", "--since", now - 2000)], [0, 1, 2])
        self.assertEqual([s["value"] for s in self.cat("--until", now - 2000)], [3, 4])
        stats = self.sluice("stats", self.log).split()
        self.assertEqual(stats[stats.index("samples") + 1], "6")
        self.assertEqual(stats[stats.index("a") - 1], "5")

    def test_follow(self):
        self.log.mkdir()  # empty until the daemon starts
        with subprocess.Popen([SLUICE, "log", "follow", self.log], stdout=subprocess.PIPE, text=True) as process:
            self.addCleanup(process.kill)
            descriptors = pathlib.Path(f"/proc/{process.pid}/fd")
            until(lambda: any(os.path.realpath(fd) == os.path.realpath(self.log) for fd in descriptors.iterdir()),
                  "it looks")
            link = self.http(self.ingest("segment = 64k", "group_bytes = 16k"))
            self.post(link, record("first"))
            self.assertEqual(json.loads(process.stdout.readline())["name"], "first")
            for i in range(20):
                self.post(link, [record(f"n{i}_{j}", tags={"text": "x" * 300}) for j in range(20)])
            for i in range(400):
                self.assertEqual(json.loads(process.stdout.readline())["name"], f"n{i // 20}_{i % 20}")
            process.kill()

    def test_follow_ends_when_its_output_fails(self):
        self.post(self.http(self.ingest()), record("a"))
        with open("/dev/full", "wb") as full:
            done = subprocess.run([SLUICE, "log", "follow", self.log], stdout=full, stderr=subprocess.PIPE,
                                  timeout=TIMEOUT)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left", done.stderr)

    def test_verify_finds_damage(self):
        daemon = self.ingest()
        self.post(self.http(daemon), record("a", tags={"text": "y" * 50}))
        self.post(self.http(daemon), record("b"))
        self.finish(daemon)
        file, = self.log.glob("*.log")
        data = bytearray(file.read_bytes())
        data[70] ^= 1
        file.write_bytes(data)
        self.assertIn("damaged", self.sluice("verify", self.log, expect=1))
        name, = self.sluice("cat", self.log, expect=1).splitlines()  # what is behind the damage is not lost
        self.assertEqual(json.loads(name)["name"], "b")

    def test_no_such_directory(self):
        self.sluice("cat", "/nonexistent", expect=1)
        self.sluice("eat", self.log.parent, expect=2)
        for wrong in ("--since=", "--since=x", "--until=5s", "--nonsense", "--name"):
            self.sluice("cat", self.log.parent, wrong, expect=2)
        self.sluice("cat", expect=2)

    def test_a_torn_tail_is_cut_and_told(self):
        daemon = self.ingest()
        self.post(self.http(daemon), record("a"))
        self.finish(daemon)
        file, = self.log.glob("*.log")
        with open(file, "ab") as out:
            out.write(b"\x50\0\0\0torn")
        daemon = self.ingest()
        self.assertIn("bytes=8", daemon.wait_line("ingest log cut"))
        self.assertEqual(daemon.counter("ingest", "recovery_cut"), 8)
        self.assertEqual(self.post(self.http(daemon), record("b")).ack, "fsync; seq=2")
        self.assertEqual(self.names(), ["a", "b"])

    def test_a_batch_longer_than_a_file_is_refused(self):
        link = self.http(self.ingest("segment = 64k", "group_bytes = 16k"))
        long = [record("a", tags={"text": "x" * 1000}) for _ in range(70)]
        answer = self.post(link, long)
        self.assertEqual((answer.status, answer.json["error"]), (413, "TOO_LARGE"))
        self.assertEqual(self.post(link, long[:50]).seqs, range(1, 51))
        self.assertEqual(len(self.names()), 50)

    def test_old_segments_go(self):
        daemon = self.ingest("segment = 64k", "group_bytes = 16k", "keep_bytes = 300k")
        link = self.http(daemon)
        for i in range(60):
            self.post(link, [record(f"n{i}_{j}", tags={"text": "x" * 300}) for j in range(30)])
        until(lambda: sum(f.stat().st_size for f in self.log.glob("*.log")) <= 300 << 10, "old segments are removed")
        self.assertGreater(daemon.counter("ingest", "segments_removed"), 0)
        names = self.names()
        self.assertEqual(names[-1], "n59_29")
        self.assertNotIn("n0_0", names)

    def test_segments_go_by_age(self):
        daemon = self.ingest("segment = 64k", "group_bytes = 16k")
        link = self.http(daemon)
        for i in range(16):
            self.post(link, [record(f"n{i}_{j}", tags={"text": "x" * 300}) for j in range(60)])
        self.finish(daemon)
        files = sorted(self.log.glob("*.log"))
        self.assertGreater(len(files), 3)
        for file, hours in zip(files, (9, 8, *[1] * len(files))):
            os.utime(file, (time.time() - hours * 3600,) * 2)
        daemon = self.ingest("segment = 64k", "group_bytes = 16k", "keep_age = 18000")
        daemon.wait_counter("ingest", "segments_removed", 2)
        self.finish(daemon)
        self.assertEqual(sorted(self.log.glob("*.log")), files[2:])

    def test_the_smallest_log_that_goes_on(self):
        """One file is written while another is kept ready: with less the first full file would be the last."""
        daemon = self.ingest("segment = 64k", "group_bytes = 16k", "keep_bytes = 128k")
        link = self.http(daemon)
        for i in range(60):
            answer = self.post(link, [record(f"n{i}_{j}", tags={"text": "x" * 300}) for j in range(30)])
            self.assertEqual(answer.status, 200, answer)
        self.assertGreater(daemon.counter("ingest", "segments_removed"), 0)
        file = self.directory() / "sluice.conf"
        file.write_text(f'ingest {{ path = "{self.log}" segment = 64k group_bytes = 16k keep_bytes = 127k }}')
        done = run_sluiced("-c", file, "--check")
        self.assertEqual(done.returncode, 2)
        self.assertIn("keep_bytes: there must be room for two files of the log", done.stderr)

    def test_a_shortage_of_descriptors_is_waited_for(self):
        daemon = self.ingest("segment = 64k", "group_bytes = 16k", "retry = 0.05")
        link, answers = self.http(daemon), []
        batch = [record(tags={"text": "x" * 900})] * 30
        thread = threading.Thread(target=lambda: answers.append(self.post(link, batch)))
        self.get(link, "/_/health")  # it is accepted
        with daemon.without_descriptors():
            for _ in range(2):  # more than half of a file: another one is to be made
                self.assertEqual(self.post(link, batch).status, 200)
            thread.start()  # what does not fit any more waits
        thread.join()
        self.assertEqual(answers[0].status, 200)
        self.assertEqual(len(self.names()), 90)

    def test_a_log_has_one_writer(self):
        first = self.ingest()
        link = self.http(first)
        self.assertEqual(self.post(link, {"name": "a", "value": 1}).seqs, range(1, 2))
        file = pathlib.Path(self.directory()) / "sluice.conf"
        file.write_text(f'ingest {{ path = "{self.log}" }}')
        done = run_sluiced("-c", file, "--listen", "unix:@none-second")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{self.log}: another daemon writes this log", done.stderr)
        self.assertEqual(self.post(link, {"name": "a", "value": 2}).seqs, range(2, 3))
        self.finish(first)
        self.assertEqual([sample["seq"] for sample in self.cat()], [1, 2])
