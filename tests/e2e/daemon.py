"""Starts the real sluiced, reads its `ready:` line, and judges what it leaves behind.

    build/sluiced --listen unix:DIR/admin.sock MODE... --listen ... -> ready: -> tests -> at rest? -> SIGTERM -> 0?

At rest means: nothing in hand, and every descriptor in the ledger (docs/design.md, contract 5).
"""
import contextlib
import ctypes
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from slc import TIMEOUT, Client

BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD",
                                    pathlib.Path(__file__).resolve().parents[2] / "build")).resolve()
SLUICED = BUILD / "sluiced"
MODE = json.loads(os.environ.get("E2E_MODE", '{"name": "auto", "arguments": [], "environment": {}}'))

# What the sanitizers and our own assertions write when they find something.
REPORTS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "UndefinedBehaviorSanitizer",
           "runtime error:", "Assertion ")

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


def until(condition, what, timeout=TIMEOUT):
    """Asks again and again until condition() is true, and returns what it was."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout:.0f} s: {what}")
        time.sleep(0.005)


def environment():
    return {**os.environ, **MODE["environment"]}


def run_sluiced(*arguments, timeout=TIMEOUT, preexec=None, program=SLUICED):
    """Runs sluiced to its end: for what it refuses or only prints."""
    done = subprocess.run([program, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=timeout, env=environment(), preexec_fn=preexec)
    check_reports(done.stderr)
    return done


def check_reports(text):
    for report in REPORTS:
        if report in text:
            raise AssertionError(f"sluiced reports:\n{text}")


class Daemon:
    """A running sluiced.

    listen: addresses beside the admin socket; {dir} in them, and in config, is a new directory that the
    daemon's user owns. user: uid to run as. nofile: both limits of descriptors. mode=False: without the
    arguments of the suite's mode."""

    def __init__(self, *arguments, root=None, listen=("unix:{dir}/s.sock", "tcp:127.0.0.1:0"), config=None,
                 user=None, nofile=None, mode=True, preexec=None):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sluice-e2e-"))
        os.chmod(self.directory, 0o755)
        if user is not None:
            os.chown(self.directory, user, user)
        self.foreign = 0  # descriptors that a library may have open: connections of a forwarder
        self.lines = []
        self.changed = threading.Condition()
        self.ended = False
        command = [self._program(user), "--listen", f"unix:{self.directory}/admin.sock"]
        command += MODE["arguments"] if mode else []
        for address in listen:
            command += ["--listen", self._fill(address)]
        if root is not None:
            command += ["--root", root]
        if config is not None:
            file = self.directory / "sluice.conf"
            file.write_text(self._fill(config))
            command += ["-c", file]
        self.process = subprocess.Popen(
            [*map(str, command), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env=environment(), user=user, group=user,
            extra_groups=None if user is None else [], preexec_fn=lambda: self._in_child(nofile, preexec))
        self.pid = self.process.pid
        self.reader = threading.Thread(target=self._read_stderr, daemon=True)
        self.reader.start()
        self._await_ready()

    def _fill(self, text):
        return text.replace("{dir}", str(self.directory))

    def _program(self, user):
        """Another user may not be able to reach the build directory."""
        if user is None:
            return SLUICED
        copy = self.directory / "sluiced"
        shutil.copy(SLUICED, copy)
        return copy

    @staticmethod
    def _in_child(nofile, preexec):
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # never outlive the tests
        if nofile:
            resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))
        if preexec:
            preexec()

    # ---- what it says ----------------------------------------------------------------------------
    def _read_stderr(self):
        for raw in self.process.stderr:
            with self.changed:
                self.lines.append(raw.decode(errors="replace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    @property
    def stderr(self):
        return "\n".join(self.lines)

    def wait_line(self, text, count=1):
        """Waits until count lines of stderr contain text; returns the last of them."""
        def found():
            return [line for line in self.lines if text in line]
        with self.changed:
            if not self.changed.wait_for(lambda: self.ended or len(found()) >= count, TIMEOUT):
                raise AssertionError(f"no line with {text!r}:\n{self.stderr}")
            if len(found()) < count:
                raise AssertionError(f"ended without a line with {text!r}:\n{self.stderr}")
            return found()[count - 1]

    def _await_ready(self):
        try:
            line = self.wait_line("ready: ")
        except AssertionError:
            self.kill()
            shutil.rmtree(self.directory, ignore_errors=True)
            raise
        self.addresses = line.split()[1:]
        self.admin = self.addresses[0]
        others = self.addresses[1:]
        self.unix = next((a for a in others if a.startswith("unix:")), self.admin)
        self.tcp = next((a for a in others if a.startswith("tcp:")), None)

    # ---- what it knows about itself --------------------------------------------------------------
    def _ask(self, payload):
        """A T request on a connection of its own, again while the limits under test refuse it."""
        def answer():
            try:
                with Client(self.admin) as client:
                    reply = client.call("T", payload)
                    if reply.ok:
                        return json.loads(reply.json_text()), len(os.listdir(f"/proc/{self.pid}/fd"))
            except (EOFError, ConnectionError):
                pass
            return None
        return until(answer, "an answer to T")

    def stats(self):
        return self._ask(b"")[0]

    def connections(self):
        return self._ask(b"conns")[0]

    def counter(self, table, name):
        return self.stats()[table][name]

    def wait_counter(self, table, name, least=1):
        return until(lambda: self.counter(table, name) >= least, f"{table}.{name} >= {least}")

    def open_fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def holds(self, path):
        """How many descriptors of this file the process has, also when its name is gone."""
        def name(fd):
            try:
                return os.readlink(f"/proc/{self.pid}/fd/{fd}")
            except FileNotFoundError:  # closed meanwhile
                return ""
        return sum(name(fd).removesuffix(" (deleted)") == str(path) for fd in os.listdir(f"/proc/{self.pid}/fd"))

    @contextlib.contextmanager
    def without_descriptors(self):
        """What it wants to open meanwhile finds no descriptor."""
        before = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (3, before[1]))
        try:
            yield
        finally:
            resource.prlimit(self.pid, resource.RLIMIT_NOFILE, before)

    def memory_peak(self):
        """Bytes of memory the process has had at most."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))

    def _unrest(self):
        """What is still going on, beside the request that asks; "" at rest."""
        stats, fds = self._ask(b"")
        reactor, objects, offload = stats["reactor"], stats["objects"], stats["offload"]
        facts = {
            "connections": (reactor["connections"], 1),
            "requests open": (reactor["requests_open"], 1),
            "transfers": (objects["transfers"], 0),
            "buffer bytes": (objects["buffer_bytes"], 0),
            "memory bytes": (reactor["memory_bytes"], 0),
            "object fds": (reactor["fds_object"], 0),
            "fds in flight": (reactor["fds_in_flight"], 0),
            "jobs open": (offload["jobs_open"], 0),
            "jobs in the ring": (offload["ring_in_flight"], 0),
            "pipes free": (offload["pipes_free"], offload["pipes"]),
            "foreign fds": (max(0, reactor["ledger_foreign"] - self.foreign), 0),
            "opened - closed": (reactor["ledger_opened"] - reactor["ledger_closed"], reactor["ledger_open"]),
            "fds in /proc": (fds - reactor["ledger_foreign"], reactor["ledger_open"]),
        }
        return ", ".join(f"{what} {have}, not {want}" for what, (have, want) in facts.items() if have != want)

    def check_rest(self):
        last = ["it does not answer"]

        def quiet():
            last[:] = [self._unrest()]
            return not last[0]
        try:
            until(quiet, "rest", TIMEOUT / 2)
        except AssertionError:
            raise AssertionError(f"not at rest: {last[0]}\n{self.stderr}") from None

    # ---- its end ---------------------------------------------------------------------------------
    @property
    def running(self):
        return self.process.poll() is None

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait_exit(self):
        """Waits for the end; returns the exit status after a look at what it wrote."""
        try:
            status = self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end:\n{self.stderr}") from None
        self.reader.join(TIMEOUT)
        self.process.stderr.close()
        check_reports(self.stderr)
        return status

    def stop(self):
        """SIGTERM must end it with 0."""
        if self.running:
            self.signal()
        status = self.wait_exit()
        if status != 0:
            raise AssertionError(f"exit status {status}:\n{self.stderr}")

    def kill(self):
        if self.running:
            self.process.kill()
            self.process.wait()
        self.reader.join(TIMEOUT)
        self.process.stderr.close()

    def finish(self):
        """For the end of a test: at rest, ledger balanced, drained."""
        try:
            if self.running:
                self.check_rest()
                self.stop()
            elif self.process.returncode != 0:
                raise AssertionError(f"exit status {self.process.returncode}:\n{self.stderr}")
        finally:
            if not self.process.stderr.closed:
                self.kill()
            shutil.rmtree(self.directory, ignore_errors=True)


