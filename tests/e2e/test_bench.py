"""sluice-bench: it delivers the load it was told to, in a closed loop and an open one; against sluiced, the bare twins
and the baselines."""
import os
import pty
import signal
import subprocess
import time

from bench_case import ERRORS, BenchCase, requests_of
from daemon import BUILD, environment, until
from slc import TIMEOUT, frame


SPREAD = {"count", "mean", "p50", "p90", "p99", "p999", "max"}
KEYS = {"mode", "servers", "conns", "threads", "pipeline", "rate", "keys", "seconds", "requests", "requests_s",
        "bytes", "bytes_s", "latency", "connect", "refused", "fd", "copy", "connections", "errors", "first_error",
        "statuses", "server", "generator", "good"}


class Loads(BenchCase):
    """Against the real server: the load is what was asked for."""

    def test_every_mode_delivers_what_it_says(self):
        daemon = self.daemon()
        common = ["--requests", 300, "-c", 4, "--pipeline", 3, "--verify", "--root", self.tree.path,
                  "--key", "hello,size/0,size/4096,size/131072,size/1048576"]
        for address, modes in ((daemon.unix, ["fdpass", "copy", "splice", "auto", "mixed"]),
                               (daemon.tcp, ["copy", "splice", "auto"])):
            for mode in modes:
                with self.subTest(address=address, mode=mode):
                    report = self.bench("-s", address, "--mode", mode, *common)
                    self.assertEqual(report["requests"], 300)
                    self.assertEqual(report["errors"]["total"], 0)
                    self.assertEqual(report["latency"]["count"], 300)
                    by_fd, by_copy = report["fd"]["count"], report["copy"]["count"]
                    self.assertEqual(by_fd + by_copy, 300)
                    if mode == "fdpass":
                        self.assertEqual((by_fd, report["bytes"]), (300, 0))
                    if mode in ("copy", "splice"):
                        self.assertEqual((by_copy, report["bytes"]), (300, 60 * (13 + 4096 + 131072 + 2 ** 20)))
                    if mode == "mixed":
                        self.assertEqual(by_fd, 240)

    def test_ping(self):
        report = self.bench("-s", self.daemon().tcp, "--mode", "ping", "--size", 4096, "--requests", 500, "-c", 3)
        self.assertEqual((report["requests"], report["bytes"]), (500, 0))

    def test_the_report_has_every_key(self):
        daemon = self.daemon()
        report = self.bench("-s", daemon.unix, "-s", daemon.tcp, "--mode", "copy", "--key", "hello", "-d", 0.2,
                            "--warmup", 0.1, "-c", 6, "-t", 2, "--pid", daemon.pid)
        self.assertEqual(set(report), KEYS)
        self.assertEqual(set(report["errors"]), ERRORS | {"total"})
        for name in ("latency", "connect", "refused", "fd", "copy"):
            self.assertEqual(set(report[name]), SPREAD)
        self.assertEqual(report["servers"], [daemon.unix, daemon.tcp])
        self.assertEqual(report["connections"], {"made": 6, "reconnects": 0, "never_served": 0})
        self.assertGreater(report["server"]["cpu_us"], 0)
        latency = report["latency"]
        self.assertLessEqual(latency["p50"], latency["p99"])
        self.assertLessEqual(latency["p999"], latency["max"])

    def test_the_text_says_the_same(self):
        done = subprocess.run([BUILD / "sluice-bench", "-s", self.daemon().unix, "--mode", "fdpass", "--key",
                               "hello,nothing-there", "--requests", "10", "-c", "1"], capture_output=True,
                              text=True, timeout=TIMEOUT, env=environment())
        self.assertEqual(done.returncode, 1)
        for part in ("throughput", "5 requests", "p99.9", "errors      5", "statuses    NOT_FOUND 5"):
            self.assertIn(part, done.stdout)

    def test_the_warm_up_is_not_counted(self):
        daemon = self.daemon()
        for arguments in ([], ["--rate", 2000, "-c", 3], ["--rate", 2000, "-d", 600]):
            with self.subTest(arguments=arguments):
                before = daemon.counter("reactor", "requests")
                report = self.bench("-s", daemon.unix, "--mode", "ping", "--requests", 200, "--warmup", 0.2, *arguments)
                self.assertEqual(report["requests"], 200)
                self.assertGreater(daemon.counter("reactor", "requests") - before, 300)

    def test_requests_that_end_before_the_duration_end_the_measurement(self):
        report = self.bench("-s", self.daemon().unix, "--mode", "ping", "--requests", 3, "-c", 8, "-d", 600)
        self.assertEqual(report["requests"], 3)
        self.assertLess(report["seconds"], 600)
        self.assertAlmostEqual(report["requests_s"] * report["seconds"], 3, 3)
        self.assertEqual(report["connections"]["never_served"], 0)  # five had nothing to ask for

    def test_descriptors_over_http_and_json_rpc(self):
        daemon = self.daemon()
        common = ["-s", daemon.unix, "--requests", 50, "-c", 2, "--pipeline", 4]
        for arguments in (["--mode", "http", "-H", "Sluice-Delivery: fd", "--key", "/objects/hello", "--verify"],
                          ["--mode", "http", "-H", "Sluice-Delivery: fd", "--key", "/objects/size/0", "--touch"],
                          ["--mode", "rpc", "--key", "object.open", "--params", '{"key":"hello"}'],
                          ["--mode", "rpc", "--key", "object.open", "--params", '{"key":"hello"}', "--over", "frame"]):
            with self.subTest(arguments=arguments):
                self.assertEqual(self.bench(*common, *arguments)["fd"]["count"], 50)

    def test_a_terminal_sees_a_line_that_changes_and_others_see_none(self):
        command = [BUILD / "sluice-bench", "-s", self.daemon().unix, "--mode", "ping", "--rate", "30", "-d", "1.1"]
        ours, its = pty.openpty()
        self.addCleanup(os.close, ours)
        with open(its, "wb", buffering=0) as terminal:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=terminal, text=True, timeout=TIMEOUT,
                                  env=environment())
        seen = os.read(ours, 65536).decode()
        self.assertEqual(done.returncode, 0, seen)
        self.assertRegex(seen, r"1 s +\d+/s  p50 \d+ us  p99 \d+ us  errors 0")
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, env=environment())
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_one_shot_connections(self):
        daemon = self.daemon()
        for each, connections in ((1, 40), (4, 10)):
            with self.subTest(each=each):
                before = daemon.counter("reactor", "accepted")
                report = self.bench("-s", daemon.tcp, "--mode", "ping", "--requests", 40, "-c", 2,
                                    "--requests-per-conn", each)
                self.assertEqual(report["requests"], 40)
                made = daemon.counter("reactor", "accepted") - before - 1  # the one that asks
                self.assertGreaterEqual(made, connections)
                self.assertLessEqual(made, connections + 2)

    def test_a_server_that_ends_connections_after_so_many_requests(self):
        daemon = self.daemon("--requests-per-connection", 5)
        report = self.bench("-s", daemon.unix, "--mode", "ping", "--requests", 50, "-c", 2, "--requests-per-conn", 5)
        self.assertEqual(report["requests"], 50)
        self.assertGreaterEqual(report["connections"]["reconnects"], 8)

    def test_keys_by_prefix_file_and_zipf(self):
        daemon = self.daemon()
        directory = self.directory({"keys": b"hello\nsize/1\n"})
        def count_below(prefix):
            return sum(name.startswith(prefix) for name in self.tree.files)
        for keys, count in (("size/", count_below("size/")), (directory / "keys", 2),
                            ("zipf:size/4", count_below("size/4"))):
            with self.subTest(keys=keys):
                report = self.bench("-s", daemon.unix, "--mode", "copy", "--keys", keys, "--requests", 60,
                                    cwd=self.tree.path)  # where a directory has the name of the prefix
                self.assertEqual((report["keys"], report["requests"]), (count, 60))

    def test_no_keys_at_all_are_told_by_the_name_of_their_source(self):
        daemon = self.daemon()
        directory = self.directory({"empty": b"\n"})
        for keys in (directory / "empty", "nothing/"):
            with self.subTest(keys=keys):
                done = subprocess.run([BUILD / "sluice-bench", "-s", daemon.unix, "--keys", keys], capture_output=True,
                                      text=True, timeout=TIMEOUT, env=environment())
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn(str(keys), done.stderr)

    def test_touching_shared_descriptors(self):
        report = self.bench("-s", self.daemon().unix, "--mode", "fdpass", "--shared", "--touch=all", "--key",
                            "size/131072,size/0", "--requests", 100, "--pipeline", 8)
        self.assertEqual(report["fd"]["count"], 100)

    def assertServes(self, server, mode):
        report = self.bench("-s", server.address, "--mode", mode, "--requests", 200, "-c", 3, "--pipeline", 5,
                            "--verify", "--root", self.tree.path, "--key", "hello,size/0,size/4096,size/1048576")
        self.assertEqual(report["requests"], 200)

    def test_the_bare_twins_serve_the_same(self):
        for n, (program, address, mode) in enumerate((("fdpass", None, "fdpass"), ("copy", None, "copy"),
                                                      ("copy", "tcp:127.0.0.1:0", "copy"))):
            with self.subTest(program=program, address=address):
                address = address or f"unix:@sluice-e2e-{os.getpid()}-{n}"
                self.assertServes(self.start_server(f"bare/{program}", self.tree.path, address), mode)

    def test_the_baselines_serve_the_same(self):
        for model in ("thread-per-request", "thread-per-connection", "connection-pool", "request-pool",
                      "work-stealing", "bare-epoll"):
            with self.subTest(model):
                server = self.start_server("baselines", "--model", model, "--pool-size", "4", self.tree.path,
                                           f"unix:@sluice-e2e-{os.getpid()}-{model}")
                self.assertServes(server, "fdpass")
                self.assertServes(server, "copy")
                self.assertServes(self.start_server("baselines", "--model", model, "--pool-size", "4",
                                                    self.tree.path, "tcp:127.0.0.1:0"), "copy")

    def test_connections_that_a_pool_never_serves_are_told(self):
        server = self.start_server("baselines", "--model", "connection-pool", "--pool-size", "2", self.tree.path,
                                   f"unix:@sluice-e2e-{os.getpid()}")
        report = self.bench("-s", server.address, "--mode", "fdpass", "--key", "hello", "-c", 5, "-d", 0.2, "--timeout",
                            0.5, expect=1)
        self.assertEqual(report["connections"]["never_served"], 3)
        self.assertErrors(report, timeout=3)

    def test_an_interrupted_run_reports_what_it_has(self):
        daemon = self.daemon()
        bench = self.start_bench("-s", daemon.unix, "--mode", "ping", "-d", 600)
        until(lambda: daemon.counter("reactor", "requests") > 1000, "some load")
        bench.send_signal(signal.SIGINT)
        report = self.end_bench(bench)
        self.assertGreater(report["requests"], 500)
        self.assertLess(report["seconds"], 500)

    def test_a_terminals_interrupt_reaches_the_workers_too(self):
        daemon = self.daemon()
        before = 0
        for _ in range(10):
            bench = self.start_bench("-s", daemon.unix, "--mode", "ping", "-d", 600, "-c", 4, "-t", 2,
                                     start_new_session=True)
            until(lambda: daemon.counter("reactor", "requests") > before + 1000, "some load")
            os.killpg(bench.pid, signal.SIGINT)
            self.end_bench(bench)
            before = daemon.counter("reactor", "requests")


class OpenLoop(BenchCase):
    def test_the_rate_is_kept(self):
        report = self.bench("-s", self.daemon().unix, "--mode", "ping", "--rate", 500, "-d", 1, "-c", 4, "-t", 2)
        self.assertEqual(report["requests"], 500)

    def test_a_pause_of_the_server_is_in_the_latency_of_all_that_were_due(self):
        pause = 0.4

        def script(connection, _):
            for n, (_, tag) in enumerate(requests_of(connection)):
                if n == 20:
                    time.sleep(pause)  # on command of the script, and what the test measures
                connection.sendall(frame("N", tag=tag))
        report = self.bench("-s", self.fake(script).address, "--mode", "ping", "--rate", 100, "-d", 1, "-c", 1)
        self.assertEqual(report["requests"], 100)
        self.assertGreaterEqual(report["latency"]["max"], pause * 1e6)
        # 40 of the 100 were due in the pause: a tenth of all waited for three quarters of it.
        self.assertGreaterEqual(report["latency"]["p90"], 0.7 * pause * 1e6)

    def test_what_could_not_be_sent_is_an_error(self):
        def script(connection, _):
            for _, tag in requests_of(connection):
                if tag < 10:
                    connection.sendall(frame("N", tag=tag))
        report = self.bench("-s", self.fake(script).address, "--mode", "ping", "--rate", 100, "-d", 0.5, "-c", 1,
                            "--timeout", 2, expect=1)
        self.assertGreaterEqual(report["requests"], 10)
        self.assertEqual(report["requests"] + report["errors"]["total"], 50)
