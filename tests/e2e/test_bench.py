"""sluice-bench: it delivers the load it was told to, and whatever goes wrong is counted and reported.

Loads against sluiced and the bare twins must come out right; against servers that misbehave, by a script of a
few lines each, every request must be accounted for."""
import array
import itertools
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from case import Case
from daemon import BUILD, check_reports, environment, until
from slc import FIELDS, HEADER, TIMEOUT, frame

ERRORS = {"connect", "closed", "timeout", "status", "protocol", "content", "descriptor", "local"}
SPREAD = {"count", "mean", "p50", "p90", "p99", "p999", "max"}
KEYS = {"mode", "servers", "conns", "threads", "pipeline", "rate", "keys", "seconds", "requests", "requests_s",
        "bytes", "bytes_s", "latency", "connect", "refused", "fd", "copy", "connections", "errors", "first_error",
        "statuses", "server", "generator", "good"}


class FakeServer:
    """Plays script(connection, number) for each connection, in a thread of its own."""

    def __init__(self, script, tcp=False):
        self.script = script
        self.directory = None
        self.socket = socket.socket(socket.AF_INET if tcp else socket.AF_UNIX)
        if tcp:
            self.socket.bind(("127.0.0.1", 0))
            self.address = "tcp:127.0.0.1:%d" % self.socket.getsockname()[1]
        else:
            self.directory = tempfile.mkdtemp(prefix="sluice-e2e-")
            self.socket.bind(self.directory + "/s.sock")
            self.address = f"unix:{self.directory}/s.sock"
        self.socket.listen(64)
        self.numbers = itertools.count()
        self.released = threading.Event()  # the test is over
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                connection = self.socket.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                self.script(connection, next(self.numbers))
            except OSError:
                pass  # the generator left

    def close(self):
        self.released.set()
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()
        if self.directory:
            shutil.rmtree(self.directory)


def take(connection, n):
    data = b""
    while len(data) < n:
        more = connection.recv(n - len(data))
        if not more:
            raise ConnectionError("end of file")
        data += more
    return data


def requests_of(connection):
    """(op, tag) of each request, to the end."""
    while True:
        try:
            _, op, _, _, _, tag, length = HEADER.unpack(take(connection, HEADER.size))
            take(connection, length)
        except ConnectionError:
            return
        yield chr(op), tag


def answer(op, tag, data, nfds=0, size=None, version=1):
    size = len(data) if size is None else size
    return frame(op, FIELDS.pack(size, 0, size, version, 0), tag, nfds=nfds) + (data if op != "F" else b"")


class BenchCase(Case):
    def bench(self, *arguments, expect=0, preexec=None):
        """Runs to the end; the report."""
        done = subprocess.run([BUILD / "sluice-bench", "--json", *map(str, arguments)], capture_output=True,
                              text=True, timeout=TIMEOUT, env=environment(), preexec_fn=preexec)
        check_reports(done.stderr)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["good"], expect == 0)
        self.assertEqual(report["errors"]["total"], sum(report["errors"][kind] for kind in ERRORS))
        return report

    def fake(self, script, tcp=False):
        server = FakeServer(script, tcp)
        self.addCleanup(server.close)
        return server

    def assertErrors(self, report, **expected):
        """Exactly these, and said in words."""
        found = {kind: n for kind, n in report["errors"].items() if n and kind != "total"}
        self.assertEqual(found, expected, report["first_error"])
        self.assertTrue(report["first_error"])


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
        for part in ("throughput", "5 requests", "p99.9", "errors      5", "status NOT_FOUND"):
            self.assertIn(part, done.stdout)

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
                report = self.bench("-s", daemon.unix, "--mode", "copy", "--keys", keys, "--requests", 60)
                self.assertEqual((report["keys"], report["requests"]), (count, 60))

    def test_touching_shared_descriptors(self):
        report = self.bench("-s", self.daemon().unix, "--mode", "fdpass", "--shared", "--touch=all", "--key",
                            "size/131072,size/0", "--requests", 100, "--pipeline", 8)
        self.assertEqual(report["fd"]["count"], 100)

    def other_server(self, *command):
        """Starts a server of the bench; its address."""
        process = subprocess.Popen([BUILD / command[0], *command[1:]], stderr=subprocess.PIPE, text=True,
                                   env=environment())
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stderr.close)
        word, address = process.stderr.readline().split()
        self.assertEqual(word, "ready:")
        return address

    def assertServes(self, address, mode):
        report = self.bench("-s", address, "--mode", mode, "--requests", 200, "-c", 3, "--pipeline", 5, "--verify",
                            "--root", self.tree.path, "--key", "hello,size/0,size/4096,size/1048576")
        self.assertEqual(report["requests"], 200)

    def test_the_bare_twins_serve_the_same(self):
        for n, (program, address, mode) in enumerate((("fdpass", None, "fdpass"), ("copy", None, "copy"),
                                                      ("copy", "tcp:127.0.0.1:0", "copy"))):
            with self.subTest(program=program, address=address):
                address = address or f"unix:@sluice-e2e-{os.getpid()}-{n}"
                self.assertServes(self.other_server(f"bare/{program}", self.tree.path, address), mode)

    def test_the_baselines_serve_the_same(self):
        for model in ("thread-per-request", "thread-per-connection", "connection-pool", "request-pool",
                      "work-stealing", "bare-epoll"):
            with self.subTest(model):
                address = self.other_server("baselines", "--model", model, "--pool-size", "4", self.tree.path,
                                            f"unix:@sluice-e2e-{os.getpid()}-{model}")
                self.assertServes(address, "fdpass")
                self.assertServes(address, "copy")
                self.assertServes(self.other_server("baselines", "--model", model, "--pool-size", "4",
                                                    self.tree.path, "tcp:127.0.0.1:0"), "copy")

    def test_connections_that_a_pool_never_serves_are_told(self):
        address = self.other_server("baselines", "--model", "connection-pool", "--pool-size", "2", self.tree.path,
                                    f"unix:@sluice-e2e-{os.getpid()}")
        report = self.bench("-s", address, "--mode", "fdpass", "--key", "hello", "-c", 5, "-d", 0.2, "--timeout",
                            0.5, expect=1)
        self.assertEqual(report["connections"]["never_served"], 3)
        self.assertErrors(report, timeout=3)

    def test_an_interrupted_run_reports_what_it_has(self):
        daemon = self.daemon()
        with subprocess.Popen([BUILD / "sluice-bench", "--json", "-s", daemon.unix, "--mode", "ping", "-d", "600"],
                              stdout=subprocess.PIPE, text=True, env=environment()) as bench:
            until(lambda: daemon.counter("reactor", "requests") > 1000, "some load")
            bench.send_signal(signal.SIGINT)
            report = json.loads(bench.communicate(timeout=TIMEOUT)[0])
        self.assertEqual(bench.returncode, 0)
        self.assertGreater(report["requests"], 500)
        self.assertLess(report["seconds"], 500)


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

    def test_wrong_usage(self):
        for arguments in ([], ["-s", "nowhere"], ["-s", "unix:/x", "--mode", "http", "--key", "hello"],
                          ["-s", "unix:/x", "--mode", "no"], ["-s", "unix:/x", "--rate", "-1"]):
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
        broken = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"
        self.assertErrors(self.load(self.serve(broken), expect=1), protocol=20)
