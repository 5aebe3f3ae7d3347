"""The bench's laboratory: servers and loads, each on its CPU, repeated in turns.

    lab.start(...) -> Server (CPU 0) <- lab.load(server, ...) (CPU 1) -> the report of sluice-bench, as a dict

Whatever is compared runs in turns (a b a b ...), so that a machine that slows down slows down both; what is
stated is the median, with the least and the greatest value.
"""
import contextlib
import ctypes
import dataclasses
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import tempfile
import threading
import time

BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD",
                                    pathlib.Path(__file__).resolve().parents[2] / "build")).resolve()
KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

OBJECTS = {"1k": KIB, "4k": 4 * KIB, "100k": 100 * KIB, "1m": MIB}
SPARSE = {"1g": GIB, "10g": 10 * GIB}
LOAD_SECONDS = 60  # beyond its own duration a load is stuck
PART_SECONDS = 170  # of all loads of a part
WARMUP = 0.1
ATTEMPTS = 4        # at a run in which nothing at all was measured: the machine was busy elsewhere; each twice as long


PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


def on_cpus(cpus):
    """For preexec_fn: the program has these CPUs, and ends with the bench however that ends."""
    def prepare():
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        os.sched_setaffinity(0, cpus)
    return prepare


class Failed(Exception):
    """A program did not do what the bench needs."""


@contextlib.contextmanager
def beside(command, cpus):
    """A program that runs meanwhile."""
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               preexec_fn=on_cpus(cpus))
    try:
        yield
    finally:
        process.kill()
        process.wait()


@dataclasses.dataclass
class Figure:
    """The median of repetitions, and their bounds."""
    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values):
        return cls(statistics.median(values), min(values), max(values))

    def text(self, digits=2):
        bounds = "" if self.low == self.high else f" ({self.low:.{digits}f}-{self.high:.{digits}f})"
        return f"{self.median:.{digits}f}{bounds}"

    def json(self):
        return {"median": self.median, "min": self.low, "max": self.high}


def values(reports, *path, scale=1.0):
    """One number of each report, by the names that lead to it."""
    def value(report):
        for name in path:
            report = report[name]
        return report * scale
    return [value(report) for report in reports]


def figure(reports, *path, scale=1.0):
    return Figure.of(values(reports, *path, scale=scale))


def size_text(size):
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size // unit} {name}"
    return f"{size} B"


def ratios(above, below):
    """The ratios of two series of the same length, pair by pair: neighbours in time."""
    return Figure.of([a / b for a, b in zip(above, below) if b])


class Server:
    """A program that says `ready: ADDR...` on stderr."""

    def __init__(self, name, command, cpus):
        self.name = name
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                        preexec_fn=on_cpus(cpus))
        self.pid = self.process.pid
        self.addresses = []
        said = []
        for line in self.process.stderr:
            said.append(line)
            if line.startswith("ready: "):
                self.addresses = line.split()[1:]
                break
        if not self.addresses:
            raise Failed(f"{name} did not start: {''.join(said)}")

    @property
    def unix(self):
        return next(a for a in self.addresses if a.startswith("unix:"))

    @property
    def tcp(self):
        return next(a for a in self.addresses if a.startswith("tcp:"))

    def _status(self, name):
        with open(f"/proc/{self.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(name + ":"))

    def rss(self):
        """Resident memory in bytes."""
        return self._status("VmRSS") * KIB

    def threads(self):
        return self._status("Threads")

    def await_connections(self, count):
        """Until it has accepted count connections: a descriptor for each."""
        end = time.monotonic() + LOAD_SECONDS
        while len(os.listdir(f"/proc/{self.pid}/fd")) < count:
            if time.monotonic() > end:
                raise Failed(f"{self.name} does not accept {count} connections")
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        self.process.stderr.close()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Lab:
    def __init__(self, quick, scale=1.0):
        self.quick = quick
        self.scale = scale  # of the length of every measurement
        self.deadline = None
        self.repetitions = 5
        self.seconds = 0.4 if quick else 0.8
        cpus = sorted(os.sched_getaffinity(0))
        self.server_cpus, self.load_cpus = {cpus[0]}, {cpus[-1]}
        self.servers = []
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sluice-bench-"))
        self.tree = self.directory / "tree"
        self._raise_nofile()
        self._plant()

    @staticmethod
    def _raise_nofile():
        """To the hard limit, or beyond where root may."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        for limit in (65536, hard):
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, max(limit, hard)))
                return

    def _plant(self):
        self.tree.mkdir()
        for name, size in OBJECTS.items():
            self.plant(name, size)
        for name, size in SPARSE.items():
            with open(self.tree / name, "wb") as file:
                file.truncate(size)

    def plant(self, name, size):
        """An object of random bytes, in the page cache; its key."""
        path = self.tree / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            path.write_bytes(os.urandom(size))
        return name

    def evict(self, keys):
        """Drops objects from the page cache."""
        for key in keys:
            with open(self.tree / key, "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def begin_part(self):
        self.deadline = time.monotonic() + PART_SECONDS

    # ---- servers ---------------------------------------------------------------------------------
    @staticmethod
    def program(name):
        return BUILD / name

    def start(self, name, command, cpus=None):
        server = Server(name, command, cpus or self.server_cpus)
        self.servers.append(server)
        return server

    def socket_address(self, name):
        return f"unix:{self.directory}/{name}.sock"

    def sluiced(self, *arguments, name="sluiced", cpus=None):
        command = [BUILD / "sluiced", "--root", self.tree, "--log", "warn", "--listen", self.socket_address(name),
                   "--listen", "tcp:127.0.0.1:0", *arguments]
        return self.start(name, command, cpus)

    def bare(self, program, address=None, *arguments, cpus=None):
        name = "-".join([program, *arguments]).replace("--", "")
        return self.start(f"bare {name}",
                          [BUILD / "bare" / program, self.tree, address or self.socket_address(f"bare-{name}"),
                           *arguments], cpus)

    def baseline(self, model, pool_size=8, tcp=False):
        name = f"{model}-{pool_size}"
        return self.start(name, [BUILD / "baselines", "--model", model, "--pool-size", pool_size, self.tree,
                                 "tcp:127.0.0.1:0" if tcp else self.socket_address(name)])

    def stop(self, server):
        self.servers.remove(server)
        server.stop()

    def stats(self, server):
        """What sluiced counts about itself."""
        done = subprocess.run([BUILD / "sluice", "-s", server.unix, "stats", "--json"], capture_output=True, text=True)
        return json.loads(done.stdout)

    def stop_servers(self):
        while self.servers:
            self.servers.pop().stop()

    def close(self):
        self.stop_servers()
        shutil.rmtree(self.directory, ignore_errors=True)

    # ---- loads -----------------------------------------------------------------------------------
    def _run(self, command, cpus, seconds):
        """Runs a load to its end; its report and what it said on stderr."""
        words = " ".join(map(str, command[1:]))
        try:
            done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                                  timeout=seconds + LOAD_SECONDS,
                                  preexec_fn=on_cpus(cpus or self.load_cpus))
            return json.loads(done.stdout), done.stderr
        except subprocess.TimeoutExpired:
            raise Failed(f"{words}: no end") from None
        except ValueError:
            raise Failed(f"{words}: {done.stderr}") from None

    def load(self, server, address, *arguments, cpus=None, seconds=None, good=True, during=None, under=()):
        """One run of sluice-bench; its report. good: that anything failed is an error. during: called once in the
        middle of the run. under: the words of a program that runs it."""
        if self.deadline and time.monotonic() > self.deadline:
            raise Failed(f"a part may take {PART_SECONDS} s")
        seconds = self.scale * (self.seconds if seconds is None else seconds)
        command = [*under, BUILD / "sluice-bench", "-s", address, "--json", "--pid", server.pid, *arguments]
        with contextlib.ExitStack() as stack:
            if during:
                middle = threading.Timer(WARMUP + seconds / 2, during)
                middle.start()
                stack.callback(middle.join)
                stack.callback(middle.cancel)
            for attempt in range(ATTEMPTS):
                length = [] if "--requests" in arguments else ["-d", seconds * 2 ** attempt, "--warmup", WARMUP]
                report, said = self._run([*command, *length], cpus, seconds)
                if (report["server"] and report["requests"]) or report["errors"]["total"]:
                    break
        if good and not report["good"]:
            why = report["first_error"] or f"{report['requests']} requests in {report['seconds']} s {said}"
            raise Failed(f"{server.name}, {' '.join(map(str, arguments))}: {why}")
        if good and not report["server"]:
            raise Failed(f"{server.name}, {' '.join(map(str, arguments))}: no reply within the measurement")
        return report

    def in_turns(self, loads, repetitions=None):
        """{label: callable} -> {label: [what it returned, in each repetition]}. Every second time in reverse, so that
        none always comes behind the same neighbour, whose sockets and memory the kernel is still clearing up."""
        results = {label: [] for label in loads}
        order = list(loads)
        for _ in range(repetitions or self.repetitions):
            for label in order:
                results[label].append(loads[label]())
            order.reverse()
        return results


# ---- connections beside the load -------------------------------------------------------------------
def connect(address):
    if address.startswith("unix:"):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(address.removeprefix("unix:"))
    else:
        host, _, port = address.removeprefix("tcp:").rpartition(":")
        connection = socket.create_connection((host, int(port)))
    return connection


def request(op, key=b"", tag=0):
    payload = struct.pack("<QQ", 0, 0) + key if key else b""
    return struct.pack("<4scBBBII", b"SLC1", op, 0, 0, 0, tag, len(payload)) + payload


PING = request(b"N")
GET_HELLO = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextlib.contextmanager
def idle_connections(address, count, opening=b""):
    """count connections that do nothing, after each had a reply to its opening, if there is one."""
    with contextlib.ExitStack() as stack:
        try:
            for _ in range(count):
                connection = stack.enter_context(contextlib.closing(connect(address)))
                connection.settimeout(LOAD_SECONDS)
                if opening:
                    connection.sendall(opening)
                    connection.recv(4096)
        except OSError as error:
            raise Failed(f"{count} connections: {error}") from None
        yield


@contextlib.contextmanager
def stalled_client(address, key):
    """A client that asks for a copy and reads nothing of it."""
    with contextlib.closing(connect(address)) as connection:
        connection.sendall(request(b"C", key))
        yield connection
