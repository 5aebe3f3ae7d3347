"""What the tests of sluice-bench share: its report, and servers that misbehave by a script of a few lines each."""
import itertools
import json
import shutil
import socket
import subprocess
import tempfile
import threading

from case import Case
from daemon import BUILD, check_reports, environment
from slc import FIELDS, HEADER, TIMEOUT, frame

ERRORS = {"connect", "closed", "timeout", "status", "protocol", "content", "descriptor", "local"}


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
    def bench(self, *arguments, expect=0, preexec=None, cwd=None):
        """Runs to the end; the report."""
        done = subprocess.run([BUILD / "sluice-bench", "--json", *map(str, arguments)], capture_output=True,
                              text=True, timeout=TIMEOUT, env=environment(), preexec_fn=preexec, cwd=cwd)
        return self.judge(done.returncode, done.stdout, done.stderr, expect)

    def start_bench(self, *arguments, **options):
        """Starts it; end_bench() is its end."""
        bench = subprocess.Popen([BUILD / "sluice-bench", "--json", *map(str, arguments)], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, env=environment(), **options)
        self.addCleanup(bench.wait)
        self.addCleanup(bench.kill)
        return bench

    def end_bench(self, bench, expect=0):
        said, complained = bench.communicate(timeout=TIMEOUT)
        return self.judge(bench.returncode, said, complained, expect)

    def judge(self, status, said, complained, expect):
        """The report that was printed."""
        check_reports(complained)
        self.assertEqual(status, expect, said + complained)
        report = json.loads(said)
        self.assertEqual(report["good"], expect == 0)
        self.assertEqual(report["errors"]["total"], sum(report["errors"][kind] for kind in ERRORS))
        return report

    def fake(self, script, tcp=False):
        server = FakeServer(script, tcp)
        self.addCleanup(server.close)
        return server

    def start_server(self, *command):
        """Starts a server of the bench; its address is in .address."""
        process = subprocess.Popen([BUILD / command[0], *command[1:]], stderr=subprocess.PIPE, text=True,
                                   env=environment())
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stderr.close)
        word, process.address = process.stderr.readline().split()
        self.assertEqual(word, "ready:")
        return process

    def assertErrors(self, report, **expected):
        """Exactly these, and said in words."""
        found = {kind: n for kind, n in report["errors"].items() if n and kind != "total"}
        self.assertEqual(found, expected, report["first_error"])
        self.assertTrue(report["first_error"])
