"""The access log."""
import fcntl
import json
import os
import re
import resource
import shutil
import signal

from case import KIB, MIB, Case
from daemon import until
from http1 import HttpClient, head
from probe import probe

LOGFMT = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?: |$)')


def parse_logfmt(line):
    words, at = {}, 0
    while at < len(line):
        match = LOGFMT.match(line, at)
        if not match:
            raise AssertionError(f"no logfmt from byte {at} on: {line!r}")
        words[match[1]] = json.loads(match[2]) if match[2].startswith('"') else match[2]
        at = match.end()
    return words


class Log(Case):
    FIELDS = ["time", "method", "path", "status", "bytes", "duration", "delivery", "peer", "request_id"]

    def logging(self, form, *arguments, **options):
        self.file = self.directory() / "access.log"
        daemon = self.daemon("--access-log", form, "--access-log-file", self.file, "--demo-routes=yes", *arguments,
                             **options)
        self.parse = json.loads if form == "json" else parse_logfmt
        return daemon

    def ask(self, daemon, target, *fields, method="GET", address=None, **options):
        with HttpClient(address or daemon.tcp) as client:
            response = client.ask(method, target, *fields, **options)
            response.close()
            return response

    def lines(self, count, file=None):
        """The lines of the log as soon as there are so many."""
        file = file or self.file
        until(lambda: file.exists() and file.read_bytes().count(b"\n") >= count, f"{count} lines in {file}")
        text = file.read_text()
        self.assertTrue(text.endswith("\n"))
        lines = [self.parse(line) for line in text.splitlines()]
        self.assertEqual(len(lines), count)
        for line in lines:
            self.assertEqual(list(line), self.FIELDS)
        return lines

    def test_says_what_was_asked_and_how_it_went(self):
        for form in ("json", "logfmt"):
            with self.subTest(form):
                daemon = self.logging(form)
                self.ask(daemon, "/objects/hello?a=b", "X-Request-ID: abc-1._Z")
                self.ask(daemon, "/none", method="POST")
                self.ask(daemon, "/objects/size/5242883", address=daemon.unix)
                self.ask(daemon, "/objects/hello", "Sluice-Delivery: fd", address=daemon.unix)
                self.ask(daemon, "/objects/hello", method="HEAD")
                self.ask(daemon, "/fib/10")
                lines = self.lines(6)
                told = [(line["method"], line["path"], int(line["status"]), int(line["bytes"])) for line in lines]
                self.assertEqual(told[0], ("GET", "/objects/hello?a=b", 200, 13))
                self.assertEqual(told[1][:3], ("POST", "/none", 404))
                self.assertEqual(told[2:5], [("GET", "/objects/size/5242883", 200, 5242883),
                                             ("GET", "/objects/hello", 200, 0), ("HEAD", "/objects/hello", 200, 0)])
                self.assertEqual(told[5], ("GET", "/fib/10", 200, len('{"n":10,"fib":55}')))
                self.assertEqual(lines[0]["request_id"], "abc-1._Z")
                self.assertIn(lines[2]["delivery"], ("sendfile", "copy"))
                self.assertEqual(lines[3]["delivery"], "fd")
                self.assertRegex(lines[0]["peer"], r"^127\.0\.0\.1:\d+$")
                self.assertEqual(lines[2]["peer"], f"uid:{os.geteuid()}")
                for line in lines:
                    self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
                    self.assertGreaterEqual(float(line["duration"]), 0)

    def test_the_bytes_are_those_of_the_body_that_left(self):
        daemon = self.logging("json", "--modules", probe())
        want = []
        for size in (0, 3, 100, 5000, 100000):
            self.ask(daemon, f"/stream?size={size}")
            self.ask(daemon, f"/stream?size={size}", version="1.0")
            self.ask(daemon, f"/say?size={size}")
            want += [size] * 3
        response = self.ask(daemon, "/objects/size/4096", "Range: bytes=0-9,20-29")
        want.append(len(response.body))
        self.assertEqual([line["bytes"] for line in self.lines(len(want))], want)

    def test_of_a_body_that_is_broken_off_only_what_left_counts(self):
        daemon = self.logging("json")
        with HttpClient(daemon.unix, receive_buffer=4 * KIB) as client:
            client.send(head("GET", "/objects/1g"))
            client.response_head()
        line, = self.lines(1)
        self.assertEqual(line["status"], 200)
        self.assertTrue(0 < line["bytes"] < 64 * MIB, line)

    def test_requests_whose_client_left_before_the_answer(self):
        """Also those that were answered, but not sent, because an earlier one was not."""
        daemon = self.logging("json", "--modules", probe())
        with HttpClient(daemon.unix) as client:
            client.send(head("GET", "/endless") + head("GET", "/hello") + head("GET", "/objects/size/5242883")
                        + head("POST", "/echo", "Content-Length: 5") + b"hell")
            daemon.wait_counter("http", "handlers_inline")
        lines = self.lines(4)
        self.assertEqual([(line["path"], line["status"], line["bytes"], line["delivery"]) for line in lines],
                         [(path, 0, 0, "none") for path in ("/endless", "/hello", "/objects/size/5242883", "/echo")])
        http = daemon.stats()["http"]
        self.assertEqual((http["http_left"], http["http_requests"]), (4, 0))

    def test_what_an_upstream_answered(self):
        daemon = self.logging("json")
        gateway = self.logging("json", config=f"""
            upstream "u" {{ servers = {{"{daemon.tcp}"}} }}
            route "/*" {{ upstream = "u" }}""")
        for target in ("/objects/hello", "/objects/size/5242883"):
            self.ask(gateway, target)
        self.assertEqual([(line["status"], line["bytes"], line["delivery"]) for line in self.lines(2)],
                         [(200, 13, "upstream"), (200, 5242883, "upstream")])

    def test_a_request_id_is_accepted_or_made(self):
        daemon = self.logging("json")
        sent = ["ok", "A-b_c.9", "x" * 64, "x" * 65, "", "a b", "a\tb", 'a"b', "a=b", "\xe9", "a,b"]
        for identity in sent:
            self.ask(daemon, "/hello", f"X-Request-ID: {identity}")
        self.ask(daemon, "/objects/hello")
        self.ask(daemon, "/none")
        ids = [line["request_id"] for line in self.lines(len(sent) + 2)]
        self.assertEqual(ids[:3], sent[:3])
        for identity in ids[3:]:
            self.assertRegex(identity, r"^[0-9a-f]{32}$")
        self.assertEqual(len(set(ids)), len(ids))

    def test_a_hostile_path_stays_one_line(self):
        targets = ["/%0a%0d", "/" + "a" * 8000, "/" + "%00" * 2000, "/[]{}|^`'=,;:@&+$!*()~", "/%5cu000a", "/?x=%09y",
                   "/a=b", "/%22status=200%22", "/%7f"]
        for form in ("json", "logfmt"):
            with self.subTest(form):
                daemon = self.logging(form)
                for target in targets:
                    self.ask(daemon, target)
                for data in (b"GET /\x01\n HTTP/1.1\r\n\r\n", b"GET /\xff\xfe\x00 HTTP/1.1\r\n\r\n",
                             b'BR"EW / HTTP/1.1\r\n\r\n'):
                    with HttpClient(daemon.tcp) as client:
                        client.fetch("/hello")
                        client.send(data)
                        self.assertEqual(client.response().status, 400)
                lines = self.lines(len(targets) + 6)
                for target, line in zip(targets, lines):
                    self.assertTrue(target.startswith(line["path"]) and len(line["path"]) >= min(len(target), 400),
                                    line)
                self.assertEqual([(line["path"], int(line["status"])) for line in lines[len(targets):]],
                                 [("/hello", 200), ("", 400)] * 3)

    def test_of_a_refused_head_what_is_known_is_told(self):
        daemon = self.logging("json")
        told = [("GET", "/a?b", "/a?b HTTP/1.1\r\n", 400), ("PUT", "/c", "/c HTTP/3.0\r\nHost: x\r\n", 505),
                ("HEAD", "/d", "/d HTTP/1.1\r\nHost: x\nX: y\r\n", 400), ("POST", "/e", "/e f HTTP/1.1\r\n", 400),
                ("GET", "/g", "/g HTTP/1.1\r\nHost: x\r\nX: " + 17000 * "y" + "\r\n", 431),
                ("CONNECT", "h:80", "h:80 HTTP/1.1\r\nHost: i\r\n", 400)]
        for method, _, rest, status in told:
            with HttpClient(daemon.tcp) as client:
                client.send(f"{method} {rest}\r\n".encode())
                self.assertEqual(client.response(method).status, status)
        self.assertEqual([(line["method"], line["path"], line["status"]) for line in self.lines(len(told))],
                         [(method, path, status) for method, path, _, status in told])

    def test_of_a_late_head_its_first_line_is_told(self):
        daemon = self.logging("json", "--timeout-request", 0.1)
        told = [("HEAD", "/a?b", b"HEAD /a?b HTTP/1.1\r\nHost: x\r\nX: "), ("GET", "/c", b"GET /c HTTP/1.1\r\n"),
                ("", "", b"GET /d HTTP/1")]
        for method, _, data in told:
            with HttpClient(daemon.tcp) as client:
                client.send(data)
                self.assertEqual(client.response(method).status, 408)
                self.assertEqual(client.rest(), b"")
        self.assertEqual([(line["method"], line["path"], line["status"]) for line in self.lines(len(told))],
                         [(method, path, 408) for method, path, _ in told])

    def test_of_pipelined_requests_each_line_is_its_own(self):
        daemon = self.logging("json")
        targets = []
        for n in range(60):
            targets += [f"/objects/size/5242883?{n}", f"/_/stats?{n}", f"/none?{n}", f"/fib/15?{n}", f"/%?{n}",
                        f"/hello?{n}"]
        with HttpClient(daemon.tcp, receive_buffer=16 * KIB) as client:
            sender = client.send_in_background(b"".join(head("GET", target, f"X-Request-ID: n.{i}")
                                                        for i, target in enumerate(targets)))
            statuses = [client.response().status for _ in targets]
            sender.join()
        lines = self.lines(len(targets))
        lines.sort(key=lambda line: int(line["request_id"][2:]))
        self.assertEqual([(line["path"], line["status"], line["request_id"]) for line in lines],
                         [(target, status, f"n.{i}") for i, (target, status) in enumerate(zip(targets, statuses))])

    def test_is_reopened_on_sigusr1(self):
        daemon = self.logging("logfmt")
        self.ask(daemon, "/hello?1")
        self.lines(1)
        moved = self.file.with_name("access.log.1")
        os.rename(self.file, moved)
        self.ask(daemon, "/hello?2")
        self.lines(2, moved)
        daemon.signal(signal.SIGUSR1)
        until(self.file.exists, "the new file, though nothing is logged")
        self.ask(daemon, "/hello?3")
        self.assertEqual(self.lines(1)[0]["path"], "/hello?3")
        self.lines(2, moved)
        until(lambda: not daemon.holds(moved), "the old one is closed")

    def test_goes_on_in_the_old_file_where_no_new_one_can_be_opened(self):
        daemon = self.logging("json")
        self.ask(daemon, "/hello?1")
        self.lines(1)
        away = self.file.parent.with_suffix(".away")
        os.rename(self.file.parent, away)
        self.addCleanup(shutil.rmtree, away)
        daemon.signal(signal.SIGUSR1)
        daemon.wait_line("access log not reopened")
        self.ask(daemon, "/hello?2")
        self.assertEqual([line["path"] for line in self.lines(2, away / "access.log")], ["/hello?1", "/hello?2"])

    def test_a_file_that_takes_long_to_open_keeps_nobody_waiting(self):
        daemon = self.logging("json")
        self.ask(daemon, "/hello?1")
        self.lines(1)
        self.file.unlink()
        os.mkfifo(self.file)
        daemon.signal(signal.SIGUSR1)
        for n in range(2, 5):
            self.ask(daemon, f"/hello?{n}")
        with open(self.file, encoding="ascii") as reader:
            paths = [json.loads(reader.readline())["path"] for _ in range(3)]
            self.assertEqual(paths, ["/hello?2", "/hello?3", "/hello?4"])
            daemon.stop()

    def test_may_go_to_stderr(self):
        daemon = self.daemon("--access-log", "json", "--demo-routes=yes")
        self.ask(daemon, "/hello")
        line = json.loads(daemon.wait_line('"path":"/hello"'))
        self.assertEqual(line["status"], 200)
        daemon.signal(signal.SIGUSR1)
        self.ask(daemon, "/hello?2")
        daemon.wait_line('"path":"/hello?2"')

    def test_on_stderr_no_line_gets_into_another(self):
        """The log's own lines go the same way, which is a narrow one here."""
        daemon = self.daemon("--access-log", "json", "--log-format", "json", "--log-rate", 0, "--inline-warn", 0,
                             "--demo-routes=yes")
        fcntl.fcntl(daemon.process.stderr, fcntl.F_SETPIPE_SZ, 4 * KIB)
        with HttpClient(daemon.tcp) as client:
            for _ in range(30):
                client.send(head("GET", "/hello") * 100)
                for _ in range(100):
                    client.response()
        daemon.stop()
        kinds = [set(json.loads(line)) & {"path", "event"} for line in daemon.lines if not line.startswith("ready: ")]
        self.assertEqual(kinds.count({"path"}), 3000)
        self.assertEqual(len(kinds), 3000 + kinds.count({"event"}))

    def test_everything_is_written_before_the_end(self):
        daemon = self.logging("json")
        with HttpClient(daemon.tcp) as client:
            client.send(head("GET", "/hello") * 500)
            for _ in range(500):
                client.response()
        daemon.stop()
        self.assertEqual(len(self.lines(500)), 500)

    def test_a_full_disk_costs_lines_and_nothing_else(self):
        daemon = self.daemon("--access-log", "json", "--access-log-file", "/dev/full", "--demo-routes=yes")
        for _ in range(3):
            self.assertEqual(self.ask(daemon, "/hello").status, 200)
        daemon.wait_counter("http", "access_lost", 3)

    def test_a_line_that_met_the_end_of_the_disk_is_completed(self):
        daemon = self.logging("json")
        self.ask(daemon, "/hello?1")
        self.lines(1)
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (self.file.stat().st_size + 100, resource.RLIM_INFINITY))
        for n in range(2, 6):
            self.ask(daemon, f"/hello?{n}")
        daemon.wait_counter("http", "access_lost", 3)
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.ask(daemon, "/hello?6")
        self.assertEqual([line["path"] for line in self.lines(3)], ["/hello?1", "/hello?2", "/hello?6"])

    def test_off_is_the_default_and_sigusr1_does_no_harm_then(self):
        daemon = self.daemon("--demo-routes=yes")
        daemon.signal(signal.SIGUSR1)
        self.ask(daemon, "/hello")
        self.assertNotIn("/hello", daemon.stderr)

    def test_a_file_that_cannot_be_opened_stops_the_start(self):
        with self.assertRaisesRegex(AssertionError, "access_log_file"):
            self.daemon("--access-log", "json", "--access-log-file", "/nonexistent/access.log")
