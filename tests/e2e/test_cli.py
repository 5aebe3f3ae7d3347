"""build/sluice, as a user types it."""
import contextlib
import fcntl
import hashlib
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import time
import unittest

from case import MIB, TIMEOUT, Case
from daemon import BUILD, check_reports, until

SLUICE = BUILD / "sluice"
REFUSED, USAGE, CONNECTION = 1, 2, 3


@unittest.skipUnless(SLUICE.exists(), "sluice is not built")
class Cli(Case):
    def run_sluice(self, *arguments, status=0, **options):
        """Runs it; returns what it wrote to standard output as bytes, and to standard error."""
        done = subprocess.run([SLUICE, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=TIMEOUT, **options)
        error = done.stderr.decode()
        check_reports(error)
        self.assertEqual(done.returncode, status, error)
        if status:
            self.assertTrue(error.startswith("sluice"), error)
        else:
            self.assertEqual(error, "")
        return done.stdout, error

    def ask(self, daemon, *arguments, **options):
        return self.run_sluice("-s", daemon.unix, *arguments, **options)

    # ---- get -------------------------------------------------------------------------------------
    def test_get_in_all_modes_over_unix_and_tcp(self):
        daemon = self.daemon()
        for address in (daemon.unix, daemon.tcp):
            for mode in ("fd", "copy", "splice", "auto"):
                if mode == "fd" and address == daemon.tcp:
                    continue
                for name in ("hello", "size/0", f"size/{5 * MIB + 3}", "with space/ünï ✓ code"):
                    with self.subTest(address=address, mode=mode, name=name):
                        out, _ = self.run_sluice("-s", address, "get", "--mode", mode, name)
                        self.assertEqual(out, self.tree.files[name])

    def test_get_of_ranges(self):
        daemon = self.daemon()
        name = f"size/{MIB}"
        data = self.tree.files[name]
        for mode in ("fd", "copy", "splice", "auto"):
            out, _ = self.ask(daemon, "get", "--mode", mode, "--offset", 1000, "--count", "300K", name)
            self.assertEqual(out, data[1000:1000 + 300 * 1024])
            out, _ = self.ask(daemon, "get", "-m", mode, name, "--offset", MIB - 5)
            self.assertEqual(out, data[-5:])

    def test_get_into_a_file(self):
        daemon = self.daemon()
        target = self.directory({"old": b"old content"})
        name = f"size/{MIB}"
        for mode in ("fd", "copy", "splice", "auto"):
            for file in ("new-" + mode, "old"):
                self.ask(daemon, "get", "-m", mode, name, "-o", target / file)
                self.assertEqual((target / file).read_bytes(), self.tree.files[name])
        self.assertEqual(len(os.listdir(target)), 5)
        self.assertEqual(self.ask(daemon, "get", "hello", "-o", "-", cwd=target)[0], b"hello, world\n")
        self.assertEqual(len(os.listdir(target)), 5)

    def test_a_failed_get_leaves_the_file_as_it_was(self):
        daemon = self.daemon()
        target = self.directory({"old": b"old content"})
        for file in ("old", "new"):
            _, error = self.ask(daemon, "get", "missing", "-o", target / file, status=REFUSED)
            self.assertIn("NOT_FOUND", error)
        self.assertEqual(os.listdir(target), ["old"])
        self.assertEqual((target / "old").read_bytes(), b"old content")

    def test_a_get_that_is_killed_leaves_nothing_behind(self):
        target = self.directory({"old": b"old content"})
        try:
            os.close(os.open(target, os.O_TMPFILE | os.O_WRONLY))
        except OSError:
            self.skipTest("this file system has no files without a name")
        with socket.create_server(("127.0.0.1", 0)) as server:
            with subprocess.Popen([SLUICE, "-s", f"tcp:127.0.0.1:{server.getsockname()[1]}", "get", "key", "-o",
                                   target / "old"], stderr=subprocess.DEVNULL) as process:
                connection, _ = server.accept()
                tag = connection.recv(4096)[8:12]
                connection.sendall(b"SLC1C\0\0\0" + tag + struct.pack("<IQQQQq", 40, 100, 0, 100, 1, 0) + b"half of it")
                files = f"/proc/{process.pid}/fd"
                until(lambda: any(os.readlink(f"{files}/{fd}").startswith(str(target)) and
                                  os.stat(f"{files}/{fd}").st_size == 10 for fd in os.listdir(files)), "it is written")
                process.kill()
                self.assertEqual(process.wait(TIMEOUT), -signal.SIGKILL)
                connection.close()
        self.assertEqual(os.listdir(target), ["old"])
        self.assertEqual((target / "old").read_bytes(), b"old content")

    def test_get_into_a_pipe_that_nobody_reads(self):
        daemon = self.daemon()
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run([SLUICE, "-s", daemon.unix, "get", "1g"], stdout=write, stderr=subprocess.PIPE,
                              timeout=TIMEOUT)
        os.close(write)
        self.assertNotEqual(done.returncode, 0)

    # ---- the others ------------------------------------------------------------------------------
    def test_get_into_a_pipe_that_does_not_block(self):
        daemon = self.daemon()
        name = f"size/{5 * MIB + 3}"
        for address, mode in ((daemon.unix, "fd"), (daemon.unix, "copy"), (daemon.tcp, "splice")):
            reader, writer = os.pipe()
            os.set_blocking(writer, False)
            with subprocess.Popen([SLUICE, "-s", address, "get", "--mode", mode, name], stdout=writer) as get:
                os.close(writer)
                with open(reader, "rb") as out:
                    self.assertTrue(out.read() == self.tree.files[name])
            self.assertEqual(get.returncode, 0)

    def test_without_standard_output(self):
        """Nothing is written into the connection, which might have got its number."""
        daemon = self.daemon()
        for mode in ("fd", "copy"):
            done = subprocess.run(["sh", "-c", 'exec "$0" "$@" >&-', SLUICE, "-s", daemon.unix, "get", "-m", mode,
                                   "hello"],
                                  capture_output=True, text=True, timeout=TIMEOUT)
            self.assertEqual((done.returncode, done.stdout), (REFUSED, ""))
            self.assertIn("Bad file descriptor", done.stderr)

    def test_info(self):
        out, _ = self.ask(self.daemon(), "info", "hello")
        self.assertRegex(out.decode(),
                         r"(?m)^key: hello\nsize: 13\nversion: [0-9a-f]{16}\nmodified: \d{4}-\d\d-\d\d.*$")

    def test_ls(self):
        daemon = self.daemon()
        want = sorted([*self.tree.files, "1g"], key=str.encode)
        self.assertEqual(self.ask(daemon, "ls")[0].decode().splitlines(), want)
        self.assertEqual(self.ask(daemon, "ls", "size/1")[0].decode().splitlines(),
                         [name for name in want if name.startswith("size/1")])
        self.assertEqual(self.ask(daemon, "ls", "nothing")[0], b"")

    def test_ls_of_more_keys_than_a_reply_has(self):
        names = [f"{n:04}" for n in range(2500)]
        daemon = self.daemon(root=self.directory({name: b"" for name in names}))
        self.assertEqual(self.ask(daemon, "ls")[0].decode().splitlines(), names)

    def test_ping(self):
        daemon = self.daemon()
        out, _ = self.run_sluice("-s", daemon.tcp, "ping", "-n", 3)
        self.assertEqual(len(out.splitlines()), 3)

    def test_stats_and_conns(self):
        daemon = self.daemon()
        document = json.loads(self.ask(daemon, "stats", "--json")[0])
        self.assertIn("ledger_open", document["reactor"])
        table = self.ask(daemon, "stats")[0].decode()
        for word in ("reactor", "objects", "offload", "ledger_open", "latency_fdpass", "p999"):
            self.assertIn(word, table)
        other = self.connect(daemon.tcp)
        other.ping()
        rows = json.loads(self.ask(daemon, "conns", "--json")[0])
        self.assertEqual(sorted(row["listener"] for row in rows), sorted([daemon.tcp, daemon.unix]))
        table = self.ask(daemon, "conns")[0].decode()
        for word in ("peer", "protocol", "slc", f"uid:{os.getuid()}", "127.0.0.1:"):
            self.assertIn(word, table)

    def test_conns_has_a_column_for_what_any_row_has(self):
        daemon = self.daemon()
        first = self.connect(daemon.tcp)  # without uid and pid
        first.ping()
        heading, *rows = self.ask(daemon, "conns")[0].decode().splitlines()
        self.assertTrue(any("127.0.0.1:" in row for row in rows[:1]), "the first row has no uid")
        self.assertIn(" uid", heading)
        self.assertIn(" pid", heading)

    def test_exec(self):
        daemon = self.daemon()
        name = f"size/{MIB}"
        out, _ = self.ask(daemon, "exec", name, "--", "sha256sum", "/dev/fd/3")
        self.assertEqual(out.split()[0].decode(), hashlib.sha256(self.tree.files[name]).hexdigest())
        script = 'test -e /dev/fd/4 && ! test -t 4; echo "$SLUICE_KEY $SLUICE_SIZE $SLUICE_VERSION"; ls /proc/self/fd'
        out, _ = self.ask(daemon, "exec", "hello", "--", "sh", "-c", script)
        lines = out.decode().splitlines()
        self.assertRegex(lines[0], r"^hello 13 [0-9a-f]{16}$")
        self.assertEqual(lines[1:], ["0", "1", "2", "3", "4"])  # 4: ls's own

    def test_exec_hands_on_the_commands_status(self):
        daemon = self.daemon()
        for command, status in ((("sh", "-c", "exit 7"), 7), (("/nonexistent/command",), 127), (("/",), 126)):
            done = subprocess.run([SLUICE, "-s", daemon.unix, "exec", "hello", "--", *command], capture_output=True,
                                  timeout=TIMEOUT)
            self.assertEqual(done.returncode, status)

    # ---- exit codes ------------------------------------------------------------------------------
    def test_what_the_server_says_no_to_is_1(self):
        daemon = self.daemon()
        for arguments, status in ((("get", "missing"), "NOT_FOUND"), (("get", "size"), "NOT_REGULAR"),
                                  (("info", "missing"), "NOT_FOUND"), (("get", "../x"), "BAD_REQUEST"),
                                  (("get", ""), "BAD_REQUEST"), (("info", "k" * 1025), "BAD_REQUEST"),
                                  (("get", "--offset", "14", "hello"), "BAD_RANGE"),
                                  (("exec", "missing", "--", "true"), "NOT_FOUND"), (("ls", "//"), "BAD_REQUEST")):
            with self.subTest(arguments):
                out, error = self.ask(daemon, *arguments, status=REFUSED)
                self.assertIn(status, error)
                self.assertEqual(out, b"")
        _, error = self.run_sluice("-s", daemon.tcp, "get", "--mode", "fd", "hello", status=REFUSED)
        self.assertIn("UNSUPPORTED", error)

    def test_output_that_cannot_be_written_is_1(self):
        daemon = self.daemon()
        for command in (("ls",), ("get", "hello"), ("stats", "--json"), ("ping", "-n", "1T"), ("rpc", "ping"),
                        ("mcp",)):
            with self.subTest(command), open("/dev/full", "wb") as full:
                done = subprocess.run([SLUICE, "-s", daemon.unix, *command], stdout=full, stderr=subprocess.PIPE,
                                      input=b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n', timeout=TIMEOUT)
                self.assertEqual(done.returncode, REFUSED)
                self.assertIn(b"No space left", done.stderr)

    def test_denied_administration_is_1(self):
        daemon = self.daemon(config='listen "tcp:127.0.0.1:0" { admin = no }', listen=())
        for command in ("stats", "conns"):
            self.assertIn("DENIED", self.run_sluice("-s", daemon.tcp, command, status=REFUSED)[1])

    def test_wrong_usage_is_2(self):
        server = ("-s", "unix:@nobody")
        for arguments in ((), server, (*server, "nonsense"), (*server, "get"), (*server, "get", "a", "b"),
                          (*server, "get", "--mode", "magic", "a"), (*server, "get", "--offset", "x", "a"),
                          (*server, "get", "--nonsense", "a"), (*server, "exec", "a"), (*server, "ping", "a"),
                          ("-s", "nonsense", "ping"), ("-s", "tcp:1", "ping"), ("-t", "soon", *server, "ping"),
                          ("ping",), ("rpc", "ping"), ("mcp",), ("ctl", "upstreams"), ("-s", "nonsense", "rpc", "ping"),
                          ("-s", "udp:127.0.0.1:1", "mcp"), ("-s", "nonsense", "ctl", "drain")):
            with self.subTest(arguments):
                environment = {name: value for name, value in os.environ.items() if name != "SLUICE_ADDR"}
                self.run_sluice(*arguments, status=USAGE, env=environment)

    def test_no_connection_is_3(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        for address in (f"tcp:127.0.0.1:{port}", "unix:/nonexistent/s.sock", "unix:@nobody-there"):
            _, error = self.run_sluice("-s", address, "ping", status=CONNECTION)
            self.assertIn(address, error)

    def test_a_connection_that_ends_too_early_is_3(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"tcp:127.0.0.1:{server.getsockname()[1]}"
            with subprocess.Popen([SLUICE, "-s", address, "get", "x"], stderr=subprocess.PIPE) as process:
                connection, _ = server.accept()
                connection.recv(1000)
                connection.close()
                process.communicate(timeout=TIMEOUT)
                self.assertEqual(process.returncode, CONNECTION)

    def test_an_answer_without_bounds_is_3(self):
        for command, head in (("ctl", b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (2 ** 64 - 1)), ("rpc", b"{")):
            with self.subTest(command), socket.create_server(("127.0.0.1", 0)) as server:
                address = f"tcp:127.0.0.1:{server.getsockname()[1]}"
                with subprocess.Popen([SLUICE, "-s", address, command, "upstreams"], stderr=subprocess.PIPE) as process:
                    with server.accept()[0] as connection, contextlib.suppress(OSError):
                        connection.recv(1000)
                        connection.sendall(head)
                        while True:
                            connection.sendall(b" " * 100000)
                    self.assertIn(b"too long", process.communicate(timeout=TIMEOUT)[1])
                    self.assertEqual(process.returncode, CONNECTION)

    def test_a_server_that_says_nothing_is_3(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.run_sluice("-t", 0.2, "-s", f"tcp:127.0.0.1:{server.getsockname()[1]}", "ping", status=CONNECTION)

    def test_help_and_version(self):
        self.assertRegex(self.run_sluice("--version")[0].decode(), r"^sluice \d+\.\d+\S*\n$")
        text = self.run_sluice("--help")[0].decode()
        for command in ("get", "info", "ls", "ping", "stats", "conns", "exec"):
            self.assertIn(command, text)
            self.assertIn("usage:", self.run_sluice(command, "--help")[0].decode())

    def test_the_address_may_be_in_the_environment(self):
        daemon = self.daemon()
        out, _ = self.run_sluice("get", "hello", env={**os.environ, "SLUICE_ADDR": daemon.unix})
        self.assertEqual(out, b"hello, world\n")

    # ---- progress --------------------------------------------------------------------------------
    def slow_get(self, stderr, enough):
        """A get of 1 GiB whose output is read slowly until enough()."""
        daemon = self.daemon()
        with subprocess.Popen([SLUICE, "-s", daemon.tcp, "get", "--mode", "copy", "1g"], stdout=subprocess.PIPE,
                              stderr=stderr) as process:
            end = time.monotonic() + TIMEOUT
            while not enough() and time.monotonic() < end:
                os.read(process.stdout.fileno(), 65536)
                time.sleep(0.02)
            process.kill()

    def test_progress_shows_on_a_terminal(self):
        terminal, stderr = pty.openpty()
        shown = bytearray()

        def enough():
            if select.select([terminal], [], [], 0)[0]:
                shown.extend(os.read(terminal, 4096))
            return re.search(rb"\d+% #*\.+ .* of 1\.0 GiB", shown)
        self.slow_get(stderr, enough)
        self.assertTrue(enough(), shown)
        os.close(stderr)
        os.close(terminal)

    def test_progress_fits_a_narrow_terminal(self):
        """A line that wraps would stay there each time that it is drawn."""
        terminal, stderr = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 20, 0, 0))
        shown = bytearray()

        def lines():
            if select.select([terminal], [], [], 0)[0]:
                shown.extend(os.read(terminal, 4096))
            return shown.replace(b"\x1b[K", b"").split(b"\r")[1:-1]
        self.slow_get(stderr, lambda: len(lines()) >= 3)
        self.assertGreaterEqual(len(lines()), 3)
        for line in lines():
            self.assertRegex(line, rb"^ *\d+% [#.]{,14}$")
        os.close(stderr)
        os.close(terminal)

    def test_progress_never_in_a_pipe(self):
        read, write = os.pipe()
        begin = time.monotonic()
        self.slow_get(write, lambda: time.monotonic() - begin > 0.8)  # longer than it takes to show
        os.close(write)
        self.assertEqual(os.read(read, 1000), b"")
        os.close(read)
