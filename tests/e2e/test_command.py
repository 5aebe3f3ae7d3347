"""The command line, the configuration file and what is said about them."""
import json
import os
import pathlib
import re
import resource
import secrets
import shutil
import socket
import subprocess
import unittest.mock

from case import NOBODY, TIMEOUT, Case, Client, as_root
from daemon import BUILD, SLUICED, run_sluiced, until
from slc import listing

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"


class Refused(Case):
    """A usage or configuration error: exit status 2, the reason, and nothing is started."""

    def refused(self, *arguments, reason, status=2, preexec=None, program=SLUICED):
        done = run_sluiced(*arguments, preexec=preexec, program=program)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertRegex(done.stderr, reason)
        self.assertNotIn("ready:", done.stderr)
        self.assertEqual(done.stdout, "")

    def file(self, text):
        path = self.directory({"x.conf": text.encode()}) / "x.conf"
        return path

    def test_no_listener(self):
        self.refused(reason="no listener")
        self.refused("--root", "/tmp", reason="no listener")

    def test_unknown_options(self):
        for option in ("--nonsense", "--listne=unix:@x", "-x", "word", "--"):
            self.refused(option, "1", reason="no such option")

    def test_missing_and_bad_values(self):
        listen = ("--listen", "unix:@never")
        self.refused(*listen, "--pool", reason="--pool: a value is missing")
        for option, value in (("pool", "many"), ("pool", "-1"), ("pool", "100000"), ("uring", "maybe"),
                              ("offload", "never"), ("timeout-idle", "soon"), ("timeout-idle", "-1"),
                              ("inline-max", "16q"), ("chunk", "1"), ("sendfile", "perhaps"), ("log", "loud")):
            with self.subTest(option=option, value=value):
                self.refused(*listen, f"--{option}={value}", reason=f"--{option}.*{value}")

    def test_bad_addresses(self):
        for address in ("", "nonsense", "tcp:", "tcp:127.0.0.1", "tcp:127.0.0.1:", "tcp:127.0.0.1:65536", "tcp:::1:80",
                        "unix:", "unix:relative", "unix:@", "unix:/" + "x" * 200, "udp:127.0.0.1:1",
                        "unixgram:/tmp/x", "http://localhost"):
            with self.subTest(address):
                self.refused("--listen", address, reason="--listen")

    def test_the_file_with_line_and_reason(self):
        listen = 'listen "unix:@never" { }\n'
        cases = {
            "# a comment\n\nnonsense = 1\n": r"x\.conf:3: .*nonsense",
            listen + "pool = many\n": r"x\.conf:2: .*pool.*many",
            listen + "\n\nlisten \"tcp:127.0.0.1:99999\" { }\n": r"x\.conf:4: .*99999",
            listen + 'root "a" { path = "/nonexistent/dir" }\n': r"x\.conf:2: .*/nonexistent/dir",
            listen + 'root "a" { }\n': r"x\.conf:2: .*path is missing",
            listen + 'root "a/b" { path = "/tmp" }\n': r"x\.conf:2: .*a/b",
            'listen "unix:@never" { mode = "abc" }\n': r"x\.conf:1: .*mode.*abc",
            'listen "unix:@never" { allow_uid = {"root"} }\n': r"x\.conf:1: .*allow_uid.*root",
            'listen "unix:@never" {\n  protocols = {"slc", "gopher"}\n}\n': r"x\.conf:[12]: .*gopher",
            'listen "unix:@never" {\n  color = "red"\n}\n': r"x\.conf:2: .*color",
            'listen "unix:@never" { owner = "no such user" }\n': r"x\.conf:1: .*owner",
            'listen "tcp:*:0" { keepalive = 86400 }\n': r"x\.conf:1: keepalive: .*out of range",
            'listen "tcp:*:0" { user_timeout = 3000000 }\n': r"x\.conf:1: user_timeout: .*out of range",
            'listen "tcp:*:0" { send_buffer = "4g" }\n': r"x\.conf:1: send_buffer: .*out of range",
            'listen "tcp:127.0.0.1:0" { allow = {"10.0.0.0/33"} }\n': r"x\.conf:1: .*allow.*10\.0\.0\.0/33",
            listen + listen: r"x\.conf:2: .*",
            listen + "pool = 4 {\n": r"x\.conf:2: .*",
            listen + "loop_cpus = \"zero\"\n": r"x\.conf:2: .*loop_cpus",
            listen + "pool = 4\npool = 5\n": r"x\.conf:3: pool: has a value already",
            listen + 'modules = {"a"}\nmodules = {"b"}\n': r"x\.conf:3: modules: has a value already",
            listen + "connections = 900000000\n": r"x\.conf:2: connections: .*out of range",
            listen + "connections = 1000000\n": r"x\.conf:2: connections: .*exceed RLIMIT_NOFILE",
            listen + "\"a string\n": r"x\.conf:2: string without end",
            listen + "log = 'info\npool = 4\n": r"x\.conf:2: string without end",
        }
        for text, reason in cases.items():
            with self.subTest(text):
                self.refused("-c", self.file(text), reason=reason)

    def test_a_missing_file(self):
        self.refused("-c", "/nonexistent/x.conf", reason="/nonexistent/x.conf: No such file")

    @as_root
    def test_a_root_that_the_daemon_may_not_enter(self):
        """It would start, and deny everything."""
        closed = self.directory({"key": b""})
        closed.chmod(0o700)
        program = shutil.copy(SLUICED, self.directory())  # another user may not be able to reach the build directory
        self.refused("--root", closed, "--listen", "unix:@never", reason=f"{closed}: Permission denied",
                     preexec=lambda: os.setresuid(NOBODY, NOBODY, NOBODY), program=program)

    def test_all_that_is_wrong_is_told_at_once(self):
        file = self.file('listen "unix:@never" { mode = "9" allow_uid = {"x"} }\nroot "a" { path = "/nonexistent" }\n')
        done = run_sluiced("-c", file, "--check")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(len(done.stderr.splitlines()), 3, done.stderr)

    def test_values_that_are_refused_hide_nothing_else(self):
        file = self.file('listen "unix:@never" { backlog = 0 }\npool = many\nchunk = 1\n'
                         'root "a" { path = "/nonexistent" }\npool = 5\n')
        done = run_sluiced("-c", file, "--check")
        self.assertEqual(done.returncode, 2)
        places = [line.partition(" ")[0].rpartition("/")[2] for line in done.stderr.splitlines()]
        self.assertEqual(places, ["x.conf:1:", "x.conf:2:", "x.conf:3:", "x.conf:5:", "x.conf:4:"], done.stderr)

    def test_an_address_has_one_listener(self):
        file = self.file('listen "unix:@never" { }\n')
        self.refused("-c", file, "--listen", "unix:@never", reason=r"x\.conf:1: .*listener already \(--listen\)")
        self.refused("--listen", "unix:@never", "--listen", "unix:@never", reason="--listen: .*listener already")
        done = run_sluiced("--listen", "tcp:127.0.0.1:0", "--listen", "tcp:127.0.0.1:0", "--check")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_host_that_nobody_knows(self):
        self.refused("--listen", "tcp:no..such:0", reason=r"no\.\.such: [A-Z]\w+ ", status=1)

    def test_limits_that_do_not_fit(self):
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        done = run_sluiced("--listen", "unix:@never", "--connections", 100, preexec=few)
        self.assertEqual(done.returncode, 2)
        self.assertIn("RLIMIT_NOFILE 64", done.stderr)


class FewDescriptors(Case):
    def test_what_nobody_set_fits(self):
        daemon = self.daemon(nofile=128)
        with Client(daemon.unix) as client:
            client.ping()

    def test_what_somebody_set_is_told_if_it_does_not(self):
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
        done = run_sluiced("--listen", "unix:@never", "--hot-max", 100, preexec=few)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"^sluiced: --hot-max: .* exceed RLIMIT_NOFILE 128\n$")


class Printed(Case):
    def printed(self, *arguments):
        done = run_sluiced(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_version(self):
        self.assertRegex(self.printed("--version"), r"^sluiced \d+\.\d+\S*\n$")

    def test_help_names_every_option(self):
        text = self.printed("--help")
        for option in ("-c", "--root", "--listen", "--pool", "--uring", "--offload", "--log", "--check", "--version",
                       "--connections", "--drain-timeout", "--inline-max", "--shared-max"):
            self.assertIn(option, text)

    def test_what_cannot_be_printed_is_a_failure(self):
        for arguments in (("sluiced", "--help"), ("sluiced", "--check", "--listen", "unix:@never"),
                          ("sluice-bench", "--help")):
            with self.subTest(arguments), open("/dev/full", "w") as full:
                done = subprocess.run([BUILD / arguments[0], *arguments[1:]], stdout=full, stderr=subprocess.PIPE,
                                      text=True)
                self.assertEqual((done.returncode, done.stderr),
                                 (1, f"{arguments[0]}: standard output: No space left on device\n"))

    def test_check_prints_what_it_means_and_starts_nothing(self):
        text = self.printed("--listen", "unix:/nonexistent/x.sock", "--root", self.tree.path, "--pool", 7, "--check")
        self.assertRegex(text, r"(?m)^pool = 7 +# --pool$")
        self.assertRegex(text, r"(?m)^connections = \d+ +# automatic$")
        for word in ("threads: ", "queues: ", "descriptors: ", "RLIMIT_NOFILE"):
            self.assertIn(word, text)

    def test_what_check_prints_is_a_file_that_means_the_same(self):
        arguments = ("--listen", "unix:@never", "--root", self.tree.path, "--timeout-idle", 1.5, "--chunk", "64k")
        first = self.printed(*arguments, "--check")
        file = self.directory({"x.conf": first.encode()}) / "x.conf"
        second = self.printed("-c", file, "--check")

        def settings(text):
            return [line.partition("#")[0].strip() for line in text.splitlines() if not line.startswith("#")]
        self.assertEqual(settings(first), settings(second))


class Examples(Case):
    """examples/sluiced.conf as it is, and with what is commented out in it."""

    def test_they_serve(self):
        text = (EXAMPLES / "sluiced.conf").read_text()
        text = re.sub(r"^# listen .*\n", "", text, flags=re.M)  # in place of the one above it
        everything = re.sub(r"^# (?=upstream|route|ingest)", "", text, flags=re.M)
        self.assertIn("\ningest {", everything)
        for config in (text, everything):
            config = re.sub(r'"(/run|/var/lib)/sluice\b', '"{dir}', config.replace("unix:/run/sluice", "unix:{dir}"))
            daemon = self.daemon(config=config.replace(":7080", ":0"), root=False, listen=())
            with Client(daemon.unix) as client:
                client.ping()


class Taken(Case):
    def test_the_command_line_overrides_the_file(self):
        daemon = self.daemon("--requests-per-connection", 2, config="requests_per_connection = 1\n")
        client = self.connect(daemon.tcp)
        client.ping()
        client.ping()
        self.assertTrue(client.ended())

    def test_both_spellings_of_an_option(self):
        for arguments in (("--requests_per_connection", "1"), ("--requests-per-connection=1",)):
            client = self.connect(self.daemon(*arguments).tcp)
            client.ping()
            self.assertTrue(client.ended())

    def test_log_formats_and_levels(self):
        daemon = self.daemon("--log-format", "json")
        daemon.stop()
        lines = [json.loads(line) for line in daemon.lines if not line.startswith("ready: ")]
        self.assertEqual([line["event"] for line in lines if line["event"] in ("started", "draining")],
                         ["started", "draining"])
        quiet = self.daemon("--log", "off")
        quiet.stop()
        self.assertEqual([line for line in quiet.lines if not line.startswith("ready: ")], [])

    def test_threads_stay_on_their_cpus(self):
        cpus = os.sched_getaffinity(0)
        first, last = min(cpus), max(cpus)
        for arguments, of_others in ((("--pool-cpus", last), {last}), ((), cpus)):
            daemon = self.daemon("--loop-cpus", first, *arguments)
            self.connect(daemon.tcp).call("L", listing())
            tasks = [int(task.name) for task in pathlib.Path(f"/proc/{daemon.pid}/task").iterdir()]
            self.assertEqual(os.sched_getaffinity(daemon.pid), {first})
            names = {task: pathlib.Path(f"/proc/{task}/comm").read_text().strip() for task in tasks}
            files = [task for task in tasks if names[task] == "files"]
            self.assertTrue(files)
            for task in files:
                self.assertEqual(os.sched_getaffinity(task), of_others)

    def test_a_flood_of_messages_is_held_back_and_counted(self):
        daemon = self.daemon("--log-rate", 2, "--connections-per-client", 1)
        with Client(daemon.tcp) as client:
            client.ping()
            for _ in range(50):
                with Client(daemon.tcp) as refused:
                    refused.ended_or_reset()
        self.assertEqual(daemon.counter("reactor", "refused_client"), 50)
        self.assertLess(sum("connection refused" in line for line in daemon.lines), 50)

    def test_the_ready_line_is_there_whatever_the_log_level(self):
        daemon = self.daemon("--log", "error")
        self.assertEqual(sum(line.startswith("ready: ") for line in daemon.lines), 1)

    def test_without_standard_streams(self):
        """What would be written to them reaches nobody else."""
        name = f"unix:@sluice-e2e-{secrets.token_hex(8)}"
        process = subprocess.Popen(["sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', SLUICED, "--listen", name])
        self.addCleanup(process.wait, TIMEOUT)
        self.addCleanup(process.terminate)

        def places():
            return [os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in (0, 1, 2)]
        until(lambda: self.answers(name), "it serves")
        self.assertEqual(places(), ["/dev/null"] * 3)

    def answers(self, name):
        try:
            with Client(name) as client:
                return client.ping()
        except ConnectionRefusedError:
            return None

    def test_a_service_manager_is_told(self):
        """As sd_notify(3) does, by a path or an abstract name."""
        for name in (str(self.directory() / "notify"), f"@sluice-e2e-{secrets.token_hex(8)}"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.bind(name.replace("@", "\0"))
                manager.settimeout(TIMEOUT)
                with unittest.mock.patch.dict(os.environ, NOTIFY_SOCKET=name):
                    self.daemon()
                self.assertEqual(manager.recv(100), b"READY=1")

    def test_a_service_manager_that_is_not_there(self):
        for name in ("", "/", "relative", "/nonexistent/notify", "@sluice-e2e-nobody", "/" + "x" * 200):
            with unittest.mock.patch.dict(os.environ, NOTIFY_SOCKET=name):
                self.daemon()

    def test_the_ready_line_comes_first(self):
        self.assertTrue(self.daemon("--log", "debug").lines[0].startswith("ready: "))
