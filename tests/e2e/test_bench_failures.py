"""sluice-bench: whatever goes wrong is counted and reported, and every request is accounted for."""
import array
import itertools
import os
import resource
import signal
import socket
import subprocess
import time

from bench_case import BenchCase, answer, requests_of
from daemon import BUILD, environment, until
from slc import TIMEOUT, frame


class Failures(BenchCase):
    """Every request is answered well, or counted as one of the errors."""

    def test_an_absent_server(self):
        directory = self.directory()
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))  # and never listens
            for address in (f"unix:{directory}/none.sock", "tcp:127.0.0.1:%d" % closed.getsockname()[1]):
                with self.subTest(address=address):
                    report = self.bench("-s", address, "--mode", "ping", "-c", 5, expect=1)
                    self.assertErrors(report, connect=5)
                    self.assertEqual(report["requests"], 0)
                    self.assertEqual(report["connections"]["never_served"], 5)

    def test_a_server_that_says_no(self):
        report = self.bench("-s", self.daemon().unix, "--mode", "copy", "--key", "hello,missing,size", "--requests",
                            300, "--pipeline", 4, expect=1)
        self.assertErrors(report, status=200)
        self.assertEqual(report["requests"], 100)
        self.assertEqual(report["statuses"], {"NOT_FOUND": 100, "NOT_REGULAR": 100})

    def test_whatever_a_server_says_can_be_reported(self):
        for said, told in ((b"plain", "plain"), (b"\xff\x1b[31m\n", "??[31m?"), ("ü".encode() * 100, "üüü")):
            def script(connection, _):
                for op, tag in requests_of(connection):
                    connection.sendall(frame(op, said, tag, status=1))
            with self.subTest(said=said):
                report = self.bench("-s", self.fake(script).address, "--mode", "copy", "--key", "k", "--requests", 2,
                                    expect=1)
                self.assertErrors(report, status=2)
                self.assertIn(told, report["first_error"])

    def test_a_server_that_stalls(self):
        def script(connection, _):
            for _ in requests_of(connection):
                pass
        report = self.bench("-s", self.fake(script).address, "--mode", "ping", "-c", 3, "--pipeline", 2, "-d", 0.1,
                            "--timeout", 0.3, expect=1)
        self.assertErrors(report, timeout=6)
        self.assertEqual(report["connections"]["never_served"], 3)

    def test_a_server_that_stalls_in_a_body(self):
        def script(connection, _):
            for op, tag in requests_of(connection):
                connection.sendall(answer(op, tag, b"only this", size=1000))
        report = self.bench("-s", self.fake(script).address, "--mode", "copy", "--key", "k", "-c", 1, "-d", 0.1,
                            "--timeout", 0.3, expect=1)
        self.assertErrors(report, timeout=1)

    def test_a_reply_that_never_ends_is_not_waited_for_without_end(self):
        def drip(connection):
            while not self.server.released.wait(0.02):
                connection.sendall(b"x")

        def copy(connection, _):
            for op, tag in requests_of(connection):
                connection.sendall(answer(op, tag, b"", size=1 << 40))
                drip(connection)

        def http(connection, _):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            drip(connection)
        for mode, script in (("copy", copy), ("http", http)):
            with self.subTest(mode):
                self.server = self.fake(script)
                report = self.bench("-s", self.server.address, "--mode", mode, "--key", "/k"[mode == "copy":], "-c", 2,
                                    "-d", 0.1, "--timeout", 0.3, expect=1)
                self.assertErrors(report, timeout=2)
                self.assertEqual(report["seconds"], 0.1)

    def test_one_connection_that_stalls_does_not_stretch_the_measurement(self):
        def script(connection, number):
            for n, (_, tag) in enumerate(requests_of(connection)):
                if number == 0 and n == 0:
                    time.sleep(0.6)  # on command of the script, and what the test measures
                connection.sendall(frame("N", tag=tag))
        report = self.bench("-s", self.fake(script).address, "--mode", "ping", "-c", 3, "-d", 0.2)
        self.assertEqual(report["seconds"], 0.2)
        self.assertGreaterEqual(report["latency"]["max"], 0.6e6)

    def test_a_server_that_closes_early(self):
        def before(connection, _):
            next(requests_of(connection))

        def within(connection, _):
            op, tag = next(requests_of(connection))
            connection.sendall(answer(op, tag, b"only this", size=1000))
        for script in (before, within):
            for tcp in (False, True):
                with self.subTest(script=script, tcp=tcp):
                    report = self.bench("-s", self.fake(script, tcp).address, "--mode", "copy", "--key", "k", "-c",
                                        2, "--requests", 6, expect=1)
                    self.assertErrors(report, closed=6)

    def test_a_server_that_turns_connections_away(self):
        report = self.bench("-s", self.fake(lambda connection, _: None).address, "--mode", "ping", "-c", 2, "-d",
                            0.3, expect=1)
        self.assertGreaterEqual(report["errors"]["closed"], 2)
        self.assertEqual(report["errors"]["total"], report["errors"]["closed"])

    def test_a_server_that_answers_other_bytes(self):
        def script(connection, _):
            for n, (op, tag) in enumerate(requests_of(connection)):
                connection.sendall(answer(op, tag, b"right" if n < 6 else b"wrong"))
        arguments = ["-s", self.fake(script).address, "--mode", "copy", "--key", "k", "-c", 1, "--requests", 10]
        self.assertEqual(self.bench(*arguments)["requests"], 10)
        self.assertErrors(self.bench(*arguments, "--verify", expect=1), content=4)
        root = self.directory({"k": b"truth"})
        self.assertErrors(self.bench(*arguments, "--verify", "--root", root, expect=1), content=10)

    def test_replies_that_break_the_protocol(self):
        def replies(make):
            def script(connection, _):
                op, tag = next(requests_of(connection))
                connection.sendall(make(op, tag))
                connection.recv(1)
            return script
        cases = {
            "no frame": lambda op, tag: b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "another tag": lambda op, tag: answer(op, tag + 1, b"x"),
            "another operation": lambda op, tag: answer("S", tag, b"x"),
            "no fields": lambda op, tag: frame(op, b"", tag),
            "too long": lambda op, tag: frame(op, b"", tag, length=1 << 30),
            "bytes after it": lambda op, tag: answer(op, tag, b"x") + b"more",
        }
        for name, make in cases.items():
            with self.subTest(name):
                report = self.bench("-s", self.fake(replies(make)).address, "--mode", "copy", "--key", "k", "-c", 1,
                                    "--requests", 1, expect=1)
                self.assertErrors(report, protocol=1)

    def test_descriptors_that_are_missing_or_too_many(self):
        def send(connection, data, fds):
            control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
            connection.sendmsg([data], control)

        def script(count):
            def play(connection, _):
                with open("/dev/null") as file:
                    for op, tag in requests_of(connection):
                        send(connection, answer(op, tag, b"x", nfds=1), [file.fileno()] * count)
            return play
        for count in (0, 2):
            with self.subTest(count=count):
                report = self.bench("-s", self.fake(script(count)).address, "--mode", "fdpass", "--key", "k", "-c",
                                    1, "--requests", 1, expect=1)
                self.assertErrors(report, descriptor=1)
        report = self.bench("-s", self.fake(script(1)).address, "--mode", "fdpass", "--key", "k", "-c", 1,
                            "--requests", 3, "--verify", expect=1)
        self.assertErrors(report, descriptor=3)

    def test_a_generator_out_of_descriptors_says_so(self):
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))

        def script(connection, _):
            asked = list(itertools.islice(requests_of(connection), 64))
            with open("/dev/null") as file:
                control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file.fileno()] * 64))]
                connection.sendmsg([b"".join(answer(op, tag, b"x", nfds=1) for op, tag in asked)], control)
            connection.recv(1)
        report = self.bench("-s", self.fake(script).address, "--mode", "fdpass", "--key", "k", "-c", 1, "--pipeline",
                            64, "--requests", 64, expect=1, preexec=few)
        self.assertErrors(report, descriptor=64)
        report = self.bench("-s", self.daemon().unix, "--mode", "ping", "-c", 64, "--requests", 64, expect=1,
                            preexec=few)
        self.assertGreater(report["errors"]["local"], 0)

    def test_a_server_that_goes_away(self):
        def script(connection, number):
            if number >= 2:
                return
            for n, (_, tag) in enumerate(requests_of(connection)):
                connection.sendall(frame("N", tag=tag))
                if n == 10:
                    return
        report = self.bench("-s", self.fake(script).address, "--mode", "ping", "-c", 2, "-d", 0.5, expect=1)
        self.assertEqual(report["requests"], 22)
        self.assertGreater(report["errors"]["closed"], 0)

    def load_that_loses_its_server(self, *arguments):
        """The report of ten minutes' load whose server dies after a second."""
        server = self.start_server("baselines", "--model", "bare-epoll", self.tree.path,
                                   f"unix:@sluice-e2e-{os.getpid()}-dies{len(arguments)}")
        histogram = self.directory() / "h"
        bench = self.start_bench("-s", server.address, "--mode", "copy", "--key", "hello", "-c", 2, "-d", 600,
                                 "--timeout", 0.3, "--pid", server.pid, "--histogram", histogram, *arguments)
        until(lambda: histogram.exists() and len(histogram.read_text().splitlines()) > 3, "a second of load")
        server.kill()
        server.wait()
        return self.end_bench(bench, expect=1)

    def test_requests_that_were_not_due_yet_when_the_server_died_did_not_fail(self):
        rate = 50
        report = self.load_that_loses_its_server("--rate", rate)
        self.assertGreater(report["errors"]["timeout"], 0)
        self.assertLess(report["requests"] + report["errors"]["total"], 300 * rate)

    def test_a_server_that_dies_has_no_cpu_time(self):
        report = self.load_that_loses_its_server()
        self.assertIsNone(report["server"])
        self.assertGreater(report["requests"], 0)
        self.assertGreaterEqual(sum(report["errors"].values()), 2)  # closed; late, on a busy machine
        self.assertLess(report["seconds"], 600)

    def workers_of(self, bench, count):
        def children():
            with open(f"/proc/{bench.pid}/task/{bench.pid}/children") as file:
                return [int(word) for word in file.read().split()]
        return until(lambda: len(children()) == count and children(), f"{count} workers")

    def test_a_worker_that_is_lost_is_told(self):
        bench = self.start_bench("-s", self.daemon().unix, "--mode", "ping", "-c", 2, "-t", 2, "-d", 1)
        os.kill(self.workers_of(bench, 2)[0], signal.SIGKILL)
        self.assertErrors(self.end_bench(bench, expect=1), local=1)

    def test_a_worker_that_is_lost_while_the_others_connect_is_not_waited_for(self):
        with socket.socket(socket.AF_UNIX) as full, socket.socket(socket.AF_UNIX) as first:
            full.bind(f"\0sluice-e2e-{os.getpid()}-full")
            full.listen(0)
            first.connect(full.getsockname())
            bench = self.start_bench("-s", f"unix:@sluice-e2e-{os.getpid()}-full", "--mode", "ping", "-c", 2, "-t", 2,
                                     "-d", 1, "--timeout", 600)
            os.kill(self.workers_of(bench, 2)[0], signal.SIGKILL)
            self.assertErrors(self.end_bench(bench, expect=1), local=1)

    def test_a_report_that_cannot_be_written_is_a_failure(self):
        daemon = self.daemon()
        for options in ([], ["--json"]):
            with self.subTest(options=options), open("/dev/full", "w") as full:
                done = subprocess.run([BUILD / "sluice-bench", "-s", daemon.unix, "--mode", "ping", "--requests", "1",
                                       *options], stdout=full, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT,
                                      env=environment())
                self.assertEqual(done.returncode, 1)
                self.assertIn("standard output", done.stderr)

    def test_wrong_usage(self):
        for arguments in ([], ["-s", "nowhere"], ["-s", "unix:/x", "--mode", "http", "--key", "hello"],
                          ["-s", "unix:/x", "--mode", "no"], ["-s", "unix:/x", "--rate", "-1"],
                          ["-s", "unix:/x", "--mode", "http", "--key", "/a b"],
                          ["-s", "unix:/x", "--mode", "http", "--method", "GET /y HTTP/1.1\r\nX:"]):
            with self.subTest(arguments=arguments):
                done = subprocess.run([BUILD / "sluice-bench", *arguments], capture_output=True, text=True,
                                      timeout=TIMEOUT, env=environment())
                self.assertEqual(done.returncode, 2)
                self.assertIn("sluice-bench: ", done.stderr)
                self.assertEqual(done.stdout, "")


class Http(BenchCase):
    """HTTP servers of a few lines: every form of body, and every way to fail."""

    def serve(self, reply, close=False):
        def script(connection, _):
            buffer = b""
            while True:
                while b"\r\n\r\n" not in buffer:
                    more = connection.recv(65536)
                    if not more:
                        return
                    buffer += more
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                self.heads.append(head)
                connection.sendall(reply)
                if close:
                    return
        self.heads = []
        return self.fake(script, tcp=True).address

    def load(self, address, *arguments, **options):
        return self.bench("-s", address, "--mode", "http", "--key", "/x", "--requests", 20, "-c", 2, *arguments,
                          **options)

    def test_bodies_of_every_form(self):
        head = b"HTTP/1.1 200 OK\r\n"
        cases = {
            "length": (head + b"Content-Length: 5\r\n\r\nhello", False, 100),
            "chunked": (head + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n", False, 100),
            "until the end": (head + b"Connection: close\r\n\r\nhello", True, 100),
            "none": (b"HTTP/1.1 204 No Content\r\n\r\n", False, 0),
            "after an interim": (b"HTTP/1.1 103 Early Hints\r\n\r\n" + head + b"Content-Length: 0\r\n\r\n", False, 0),
        }
        for name, (reply, close, size) in cases.items():
            with self.subTest(name):
                report = self.load(self.serve(reply, close), "--verify")
                self.assertEqual((report["requests"], report["bytes"]), (20, size))

    def test_the_request_is_what_was_asked_for(self):
        body = self.directory({"body": b"12345"}) / "body"
        address = self.serve(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        self.load(address, "-H", "X-One: 1", "-H", "Accept: text/plain", "--method", "POST", "--body", body)
        host = address.removeprefix("tcp:")
        self.assertTrue(any(head == f"POST /x HTTP/1.1\r\nHost: {host}\r\nX-One: 1\r\nAccept: text/plain\r\n"
                            "Content-Length: 5".encode() for head in self.heads), self.heads[0])

    def test_failures_are_counted(self):
        cases = {
            "status": (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy", {"status": 20}),
            "protocol": (b"HTTP/9.9 what\r\n\r\n", {"protocol": 20}),
        }
        for name, (reply, errors) in cases.items():
            with self.subTest(name):
                report = self.load(self.serve(reply), expect=1)
                self.assertErrors(report, **errors)
        self.assertEqual(self.load(self.serve(cases["status"][0]), expect=1)["statuses"], {"503": 20})
        moved = self.load(self.serve(b"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n"))
        self.assertEqual((moved["requests"], moved["statuses"]), (20, {"302": 20}))
        broken = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"
        self.assertErrors(self.load(self.serve(broken), expect=1), protocol=20)
