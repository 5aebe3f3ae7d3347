"""statsd over datagrams: aggregated, in the log, and nothing lost without being counted."""
import os
import signal
import socket

from daemon import run_sluiced, until
from ingest_case import IngestCase


class Statsd(IngestCase):
    def sender(self, daemon, line):
        address = daemon.wait_line(line).split("address=")[1].strip('"')
        if address.startswith("udp:"):
            link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            link.connect(("127.0.0.1", int(address.rsplit(":", 1)[1])))
        else:
            link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            link.connect(address.removeprefix("unixgram:"))
        self.addCleanup(link.close)
        return link

    def test_udp(self):
        daemon = self.ingest('statsd = {"udp:127.0.0.1:0"}')
        link = self.sender(daemon, "ingest statsd")
        for _ in range(10):
            link.send(b"hits:2|c|#app:web\ntemp:21.5|g")
        link.send(b"no statsd")
        daemon.wait_counter("ingest", "acknowledged", 20)
        daemon.wait_counter("ingest", "rejected_syntax", 1)
        text = self.get(self.http(daemon), "/metrics")[1]
        self.assertIn('\nhits{app="web"} 20\n', text)
        self.assertIn("\ntemp 21.5\n", text)
        self.assertEqual({sample["format"] for sample in self.cat()}, {"statsd"})

    def test_gauges_that_change(self):
        options = 'statsd = {"udp:127.0.0.1:0"}'
        daemon = self.ingest(options)
        link = self.sender(daemon, "ingest statsd")
        link.send(b"gaugor:333|g\ngaugor:-10|g\ngaugor:+4|g\nfresh:-1.5|g")  # as statsd's documentation has it
        link.send(b"gaugor:+1|g|#a:b\ngaugor:-7|g")
        daemon.wait_counter("ingest", "acknowledged", 6)
        self.finish(daemon)
        values = [(sample["name"], *sample["tags"], sample["value"]) for sample in self.cat()]
        self.assertEqual(values,
                         [("gaugor", 333), ("gaugor", 323), ("gaugor", 327), ("fresh", -1.5), ("gaugor", "a", 1),
                                  ("gaugor", 320)])
        daemon = self.ingest(options)
        self.sender(daemon, "ingest statsd").send(b"gaugor:+2|g")
        daemon.wait_counter("ingest", "acknowledged", 1)
        self.assertIn("\ngaugor 322\n", self.get(self.http(daemon), "/metrics")[1])
        self.assertFalse(any("cumulative" in sample for sample in self.cat()))

    def test_sets_count_different_values(self):
        daemon = self.ingest('statsd = {"udp:127.0.0.1:0"}')
        link = self.sender(daemon, "ingest statsd")
        for user in (1, 2, 1, "a", 2):
            link.send(f"users:{user}|s|#app:web\nseen:1|c".encode())
        daemon.wait_counter("ingest", "acknowledged", 5)
        self.finish(daemon)  # ends the interval
        sample, = self.cat("--name", "users")
        self.assertEqual((sample["type"], sample["value"], sample["tags"]), ("gauge", 3, {"app": "web"}))

    def test_a_refused_line_is_told(self):
        daemon = self.ingest('statsd = {"udp:127.0.0.1:0"}')
        self.sender(daemon, "ingest statsd").send(b"good:1|c\nbad:one|c\nworse")
        line = daemon.wait_line("ingest statsd refused")
        self.assertIn("line=bad:one|c", line)
        self.assertIn("line 2, column 5: the value is not a number", line)
        self.assertIn("lines=2", line)
        daemon.wait_counter("ingest", "acknowledged", 1)

    def test_unixgram(self):
        path = self.directory() / "statsd.sock"
        daemon = self.ingest(f'statsd = {{"unixgram:{path}"}}')
        link = self.sender(daemon, "ingest statsd")
        for i in range(200):
            link.send(b"lag:%d|ms" % i)
        link.send(b"x" * 9000)
        daemon.wait_counter("ingest", "acknowledged", 200)
        daemon.wait_counter("ingest", "statsd_cut", 1)
        self.assertEqual(len(self.cat()), 200)
        self.finish(daemon)
        self.assertFalse(path.exists())

    def test_what_the_kernel_drops_is_counted(self):
        daemon = self.ingest('statsd = {"udp:127.0.0.1:0"}')
        link = self.sender(daemon, "ingest statsd")
        before = daemon.stats()["ingest"]
        self.assertEqual(before["statsd_dropped"], 0)
        os.kill(daemon.pid, signal.SIGSTOP)
        try:
            for _ in range(40000):
                link.send(b"n:1|c|#text:" + b"x" * 900)
        finally:
            os.kill(daemon.pid, signal.SIGCONT)
        until(lambda: link.send(b"n:1|c") and daemon.counter("ingest", "statsd_dropped") > 0, "drops are counted")
        stats = daemon.stats()["ingest"]
        self.assertLess(stats["statsd_datagrams"], 40000 + 2000)
        self.assertEqual(stats["statsd_lost"], 0)

    def test_a_host_by_name_and_any(self):
        daemon = self.ingest('statsd = {"udp:localhost:0", "udp:*:0"}')
        daemon.wait_line("ingest statsd", 2)
        for line, host in zip((line for line in daemon.lines if '"ingest statsd"' in line), ("localhost", "127.0.0.1")):
            port = line.rsplit(":", 1)[1]
            family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            with socket.socket(family, kind) as link:
                link.sendto(b"n:1|c", address)
        daemon.wait_counter("ingest", "acknowledged", 2)

    def test_addresses_that_are_none(self):
        file = self.directory() / "sluice.conf"
        for address, status, complaint in (("tcp:127.0.0.1:0", 2,
                                            f"{file}:1: ingest: statsd: addresses are like udp:HOST:PORT"),
                                           ("udp:127.0.0.1", 2, f"{file}:1: ingest: statsd: "),
                                           ("unixgram:/no/such/directory/s", 1,
                                            "statsd unixgram:/no/such/directory/s: ")):
            file.write_text(f'ingest {{ path = "{self.log}" statsd = {{"udp:127.0.0.1:0", "{address}"}} }}')
            done = run_sluiced("-c", file, "--listen", "unix:@statsd-none")
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn(complaint, done.stderr)
