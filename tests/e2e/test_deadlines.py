"""Deadlines: each test waits for the event, with settings so small that it comes soon."""
import signal
import time

from case import GIB, KIB, MIB, Case
from daemon import until
from slc import HEADER, frame, request

SOON = 0.2    # seconds
NEVER = 600


class Deadlines(Case):
    def daemon(self, **settings):
        """Only the deadline under test can fire."""
        arguments = []
        for name in ("detect", "idle", "request", "send"):
            arguments += [f"--timeout-{name}", settings.pop(name, NEVER)]
        return super().daemon(*arguments, **settings)

    def ends(self, daemon, client, counter):
        self.assertTrue(client.ended_or_reset())
        self.assertGreaterEqual(daemon.counter("reactor", counter), 1)

    def test_undecided(self):
        daemon = self.daemon(detect=SOON)
        for start in (b"S", b"SLC", b"GET", b"\r\n", b"A" * 15):
            client = self.connect(daemon.tcp)
            client.send(start)
            self.ends(daemon, client, "detect_timeout")

    def test_slow_header(self):
        daemon = self.daemon(request=SOON)
        for cut in (1, HEADER.size - 1, HEADER.size, HEADER.size + 3):
            client = self.connect(daemon.tcp)
            client.ping()
            client.send(frame("N", b"data", tag=2)[:cut])
            self.ends(daemon, client, "closed_request")

    def test_a_byte_now_and_then_is_still_a_slow_header(self):
        """Long before all have come, but one may well be late on a busy machine."""
        daemon = self.daemon(request=1)
        client = self.connect(daemon.tcp)
        client.ping()
        client.socket.settimeout(0.01)
        try:
            for byte in frame("N", bytes(1000)):
                client.send(bytes([byte]))
                try:
                    if client.receive() == b"":
                        break
                except TimeoutError:
                    pass
            else:
                self.fail("1,000 slow bytes were taken")
        except ConnectionError:
            pass
        self.assertEqual(daemon.counter("reactor", "closed_request"), 1)

    def test_a_steady_pipeline_outlives_the_deadline_of_one_request(self):
        daemon = self.daemon(request=1)
        ping = frame("N", b"data")
        for _ in range(10):
            client = self.connect(daemon.tcp)
            client.send(ping[:5])
            start, longest = time.monotonic(), 0
            try:
                while time.monotonic() < start + 2:  # there is always the start of a next request
                    before = time.monotonic()
                    client.send(ping[5:] + ping[:5])
                    self.assertEqual(client.reply().payload, b"data")
                    longest = max(longest, time.monotonic() - before)
                return
            except (EOFError, ConnectionError):
                self.assertGreater(max(longest, time.monotonic() - before), 0.5, "no request took long")
        self.skipTest("the machine stands still too often")

    def test_idle_from_the_start(self):
        daemon = self.daemon(idle=SOON)
        for address in (daemon.unix, daemon.tcp):
            self.ends(daemon, self.connect(address), "closed_idle")

    def test_idle_after_requests(self):
        daemon = self.daemon(idle=SOON)
        for address in (daemon.unix, daemon.tcp):
            client = self.connect(address)
            self.assertContent(client.get("C", f"size/{MIB}"), self.tree.files[f"size/{MIB}"])
            self.ends(daemon, client, "closed_idle")

    def test_a_client_that_takes_nothing(self):
        daemon = self.daemon(send=SOON)
        for address in (daemon.unix, daemon.tcp):
            for op in "CS":
                client = self.connect(address)
                client.send(frame(op, request("1g")))
                self.assertEqual(client.reply_head().fields.count, GIB)
                before = daemon.counter("reactor", "closed_send")
                daemon.wait_counter("reactor", "closed_send", before + 1)
                with self.assertRaises((EOFError, ConnectionResetError)):
                    client.discard(GIB)

    def test_a_client_that_takes_no_descriptors(self):
        daemon = self.daemon(send=SOON)
        client = self.connect(daemon.unix)
        client.send_in_background(frame("F", request("hello")) * 1000)
        daemon.wait_counter("reactor", "closed_send")

    def test_none_of_them_ends_a_slow_transfer(self):
        daemon = self.daemon(detect=SOON, idle=SOON, request=SOON, send=10 * SOON)
        client = self.connect(daemon.tcp, receive_buffer=64 * KIB)
        client.send(frame("C", request("size/5242883")))
        left = client.reply_head().fields.count
        for _ in range(12):  # together longer than any of them
            client.take(128 * KIB)
            left -= 128 * KIB
            self.wait(SOON)
        client.take(left)
        self.assertEqual(daemon.counter("reactor", "closed_send"), 0)

    def test_nobody_is_late_because_the_daemon_stood_still(self):
        daemon = self.daemon(detect=5 * SOON, idle=5 * SOON, request=5 * SOON)
        ping = frame("N", b"ping")
        clients = [(self.connect(daemon.tcp), cut) for cut in (0, 3, HEADER.size, len(ping) - 1)]
        clients[0][0].ping()
        for client, cut in clients:
            client.send(ping[:cut])
        until(lambda: [row["state"] for row in daemon.connections()].count("receiving") == 3, "three have begun")
        daemon.signal(signal.SIGSTOP)
        for client, cut in clients:
            client.send(ping[cut:])
        self.wait(8 * SOON)
        daemon.signal(signal.SIGCONT)
        for client, _ in clients:
            self.assertEqual(client.reply().payload, b"ping")

    def test_a_client_that_takes_little_is_not_one_that_takes_nothing(self):
        """Its socket is writable when a third of the buffer is free, which takes longer than it may take nothing."""
        daemon = self.daemon(send=2)
        client = self.connect(daemon.tcp, receive_buffer=64 * KIB)
        client.send(frame("C", request("size/5242883")))
        left = client.reply_head().fields.count
        for _ in range(20):
            client.take(16 * KIB)
            left -= 16 * KIB
            self.wait(SOON)
        client.take(left)
        self.assertEqual(daemon.counter("reactor", "closed_send"), 0)

    def wait(self, seconds):
        """Lets time pass: it is what these tests are about."""
        time.sleep(seconds)

    def test_zero_is_never(self):
        daemon = super().daemon("--timeout-idle", 0, "--timeout-request", 0, "--timeout-send", 0)
        client = self.connect(daemon.tcp)
        client.ping()
        client.send(frame("N", b"whole")[:-1])
        self.wait(SOON)
        client.send(b"e")
        self.assertEqual(client.reply().payload, b"whole")
