"""Disks that fail: what is not on the disk is not acknowledged, and what was promised stays."""
import json
import os
import pathlib
import shutil
import subprocess
import threading
import unittest

from daemon import BUILD, MODE, until
from http1 import HttpClient, head
from ingest_case import IngestCase, record
from probe import probe

SHIM = pathlib.Path(__file__).resolve().parents[1] / "fault" / "disk.c"


@unittest.skipIf(BUILD.name in ("asan", "tsan", "ubsan"), "the sanitizers' own interposition comes first")
@unittest.skipUnless(shutil.which("cc") or shutil.which("gcc"), "no compiler for tests/fault/disk.c")
class Faults(IngestCase):
    def start(self, *options, arguments=()):
        """A daemon whose writes go through libc, and so through the shim."""
        directory = self.directory()
        self.fault = directory / "fault"
        library = directory / "disk.so"
        compiler = shutil.which("cc") or shutil.which("gcc")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SHIM, "-ldl"], check=True)
        before = dict(MODE["environment"])
        MODE["environment"].update(LD_PRELOAD=str(library), SLUICE_FAULT=str(self.fault))
        try:
            return self.daemon("--uring", "off", *arguments, root=False, mode=False,
                               config=f'ingest {{ path = "{self.log}"\n retry = 0.05\n ' + "\n ".join(options) + " }")
        finally:
            MODE["environment"] = before

    def break_disk(self, how):
        new = self.fault.with_suffix(".new")
        new.write_text(how)
        new.rename(self.fault)

    def test_a_failed_sync_is_the_end(self):
        daemon = self.start()
        link = self.http(daemon)
        self.assertEqual(self.post(link, record("before")).status, 200)
        self.assertEqual(self.get(link, "/_/ready")[0], 200)
        self.break_disk("sync EIO")
        answer = self.post(link, record("lost"))
        self.assertEqual((answer.status, answer.json["error"], answer.ack), (503, "LOG_FAILED", None))
        self.fault.unlink()  # the disk says that all is well again: nobody knows about what came before
        for _ in range(5):
            self.assertEqual(self.post(link, record("after")).status, 503)
        self.assertEqual(self.get(link, "/_/ready"), (503, '{"status":"log failed"}\n'))
        stats = daemon.stats()["ingest"]
        self.assertEqual((stats["write_errors"], stats["log_failed"]), (1, 6))
        self.finish(daemon)
        link = self.http(self.ingest())
        self.assertEqual(self.post(link, record("restarted")).status, 200)
        names = self.names()
        self.assertEqual((names[0], names[-1]), ("before", "restarted"))
        self.assertNotIn("after", names)

    def test_a_sync_that_finds_no_room_is_the_end_too(self):
        """What it was to write is lost, unlike what a write finds no room for."""
        daemon = self.start()
        link = self.http(daemon)
        self.break_disk("sync ENOSPC")
        self.assertEqual(self.post(link, record("lost")).json["error"], "LOG_FAILED")
        self.fault.unlink()
        self.assertEqual(self.post(link, record("after")).json["error"], "LOG_FAILED")

    def test_a_post_that_was_let_in_before_is_refused_at_its_end(self):
        daemon = self.start()
        body = json.dumps(record("late")).encode()
        with HttpClient(daemon.tcp) as early:
            early.send(head("POST", "/metrics", f"Content-Length: {len(body)}", "Expect: 100-continue"))
            self.assertEqual(early.response().status, 100)
            self.break_disk("sync EIO")
            self.assertEqual(self.post(self.http(daemon), record("lost")).status, 503)
            early.send(body)
            answer = early.response()
        self.assertEqual((answer.status, answer.get("Sluice-Ack")), (503, None))
        self.assertIn(b"LOG_FAILED", answer.body)

    def test_those_who_wait_for_a_log_that_fails_are_told(self):
        daemon = self.start()
        self.break_disk("stuck")
        answers = []
        threads = [threading.Thread(target=lambda link: answers.append(self.post(link, record("lost"))),
                                    args=(self.http(daemon),)) for _ in range(3)]
        for count, thread in enumerate(threads, 1):  # one is written, the others wait for it
            thread.start()
            daemon.wait_counter("ingest", "queue_depth", count)
        self.break_disk("sync EIO")
        for thread in threads:
            thread.join()
        self.assertEqual([answer.json["error"] for answer in answers], ["LOG_FAILED"] * 3)

    def test_a_write_error_is_the_end(self):
        daemon = self.start()
        link = self.http(daemon)
        self.break_disk("write EIO")
        self.assertEqual(self.post(link, record("lost")).status, 503)
        self.fault.unlink()
        self.assertEqual(self.post(link, record("after")).status, 503)

    def test_a_full_disk_is_not(self):
        daemon = self.start("series = 2")  # what is not taken is none of them
        link = self.http(daemon)
        self.assertEqual(self.post(link, record("before")).status, 200)
        self.break_disk("write ENOSPC")
        answer = self.post(link, record("lost"))
        self.assertEqual((answer.status, answer.ack), (507, None))
        self.assertEqual(self.post(link, record("lost")).status, 507)
        self.assertEqual(self.get(link, "/_/ready"), (503, '{"status":"disk full"}\n'))
        self.assertEqual(daemon.counter("ingest", "disk_full"), 2)
        self.fault.unlink()
        until(lambda: self.get(link, "/_/ready")[0] == 200, "there is room again")
        self.assertEqual(self.post(link, record("after")).status, 200)
        self.assertEqual(self.names(), ["before", "after"])

    def test_short_writes_are_gone_on_with(self):
        daemon = self.start()
        self.break_disk("short")
        link = self.http(daemon)
        for i in range(20):
            self.assertEqual(self.post(link, [record(f"n{i}_{j}") for j in range(50)]).status, 200)
        self.assertEqual(len(self.names()), 1000)

    def test_a_slow_disk_does_not_hold_the_loop(self):
        daemon = self.start()
        slow, other = self.http(daemon), self.http(daemon)
        self.break_disk("stuck")
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.post(slow, record("slow"))))
        thread.start()
        daemon.wait_counter("ingest", "queue_depth")
        for _ in range(100):
            self.assertEqual(self.get(other, "/_/health")[0], 200)
        self.assertFalse(answers)
        self.fault.unlink()
        thread.join()
        self.assertEqual(answers[0].status, 200)

    def test_bytes_that_wait_for_a_disk_are_bounded(self):
        daemon = self.start("ack = memory", "queue_bytes = 1m")
        link = self.http(daemon)
        self.break_disk("stuck")
        body = [record("a", tags={f"t{n}": "x" * 1000 for n in range(30)}) for _ in range(4)]
        taken = 0
        while (answer := self.post(link, body)).status == 200:
            taken += 1
            self.assertLess(taken, 20)
        self.assertEqual((answer.status, answer.json["error"]), (503, "BUSY"))
        stats = daemon.stats()["ingest"]
        self.assertGreaterEqual(stats["queue_size"], 1 << 20)
        self.assertEqual((stats["queue_depth"], stats["queue_full"]), (taken, 1))
        self.fault.unlink()
        until(lambda: daemon.counter("ingest", "queue_size") == 0, "all is written")
        self.assertEqual(len(self.names()), 4 * taken)

    def test_promises_from_memory_are_kept_though_other_work_never_ends(self):
        daemon = self.start("ack = memory",
                            arguments=("--modules", probe(), "--handler-threads", 2, "--drain-timeout", 0.05))
        gate = self.directory() / "gate"
        os.mkfifo(gate)
        with HttpClient(daemon.tcp) as waiting:
            waiting.send(head("GET", f"/gate?gate={gate}"))
            until(lambda: daemon.stats()["offload"]["handlers_busy"] == 1, "a handler that hangs")
            link = self.http(daemon)
            self.break_disk("slow")  # so that the later ones wait for the first
            names = [f"n{n}" for n in range(20)]
            for seq, name in enumerate(names, 1):
                self.assertEqual(self.post(link, record(name)).ack, f"memory; seq={seq}")
            daemon.signal()
            self.assertEqual(daemon.wait_exit(), 0)
        daemon.wait_line("work that does not end is left behind")
        self.assertEqual(self.names(), names)

    def test_a_repeat_of_a_promise_from_memory_gets_it_too(self):
        daemon = self.start("ack = memory")
        link = self.http(daemon)
        self.break_disk("slow")
        first, again = (self.post(link, record("a"), Idempotency_Key="k") for _ in range(2))
        self.assertEqual((again.status, again.ack, again.body), (200, first.ack, first.body))
        self.fault.unlink()
        self.finish(daemon)
        self.assertEqual(self.names(), ["a"])

    def test_promises_from_memory_are_kept_whatever_room_they_need(self):
        daemon = self.start("ack = memory", "segment = 64k", "group_bytes = 16k")
        link = self.http(daemon)
        self.break_disk("slow")  # so that all but the first are still waiting at the end
        names = [f"n{n}" for n in range(40)]
        for name in names:
            self.assertEqual(self.post(link, record(name, tags={f"t{t}": "x" * 1000 for t in range(8)})).status, 200)
        daemon.signal()
        self.assertEqual(daemon.wait_exit(), 0)
        self.assertEqual(self.names(), names)
        self.assertGreater(len(list(self.log.glob("*.log"))), 4)

    def test_a_promise_from_memory_waits_for_room(self):
        daemon = self.start("ack = memory")
        link = self.http(daemon)
        self.assertEqual(self.post(link, record("before")).ack, "memory; seq=1")
        daemon.wait_counter("ingest", "acknowledged")
        self.break_disk("write ENOSPC")
        self.assertEqual(self.post(link, record("waits")).ack, "memory; seq=2")
        until(lambda: self.get(link, "/_/ready")[0] == 503, "the disk is full")
        self.assertEqual(self.post(link, record("refused")).status, 507)
        self.fault.unlink()
        daemon.wait_counter("ingest", "acknowledged", 2)
        self.assertEqual(self.names(), ["before", "waits"])
        self.assertEqual(daemon.stats()["ingest"]["lost"], 0)

    def test_a_promise_from_memory_that_is_broken_is_counted(self):
        daemon = self.start("ack = memory")
        link = self.http(daemon)
        self.break_disk("sync EIO")
        self.assertEqual(self.post(link, record("lost")).ack, "memory; seq=1")
        daemon.wait_counter("ingest", "lost")
        self.assertEqual(self.post(link, record("after")).status, 503)
