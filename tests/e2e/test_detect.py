"""The first bytes of a connection decide its protocol."""
from case import Case
from slc import frame

# What no listener speaks, and its counter.
REFUSED = [
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "detect_http2"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "detect_tls"),
    (b"\x16\x03", "detect_tls"),
    (bytes(16), "detect_unknown"),
    (b"\xff", "detect_unknown"),
    (b"SLC2" + bytes(12), "detect_unknown"),
    (b"SLC\x01", "detect_unknown"),
    (b"SSH-2.0-OpenSSH_9\r\n", "detect_unknown"),
    (b"ABCDEFGHIJKLMNOP", "detect_unknown"),
    (b" " * 16, "detect_unknown"),
    (b"\r\n" * 8, "detect_unknown"),
    (b"\r\n\r\n\0\r\nQUIT\n!", "detect_unknown"),
]


class Refused(Case):
    def check(self, daemon, opening, counter, send):
        before = daemon.counter("reactor", counter)
        client = self.connect(daemon.tcp)
        send(client, opening)
        if counter == "detect_http2":  # the one that gets a word
            self.assertTrue(client.rest().startswith(b"HTTP/1.1 505 "))
        else:
            self.assertTrue(client.ended_or_reset())
        self.assertEqual(daemon.counter("reactor", counter), before + 1)

    def test_is_closed_and_counted(self):
        daemon = self.daemon()
        for opening, counter in REFUSED:
            with self.subTest(opening):
                self.check(daemon, opening, counter, lambda client, data: client.send(data))

    def test_in_single_bytes(self):
        daemon = self.daemon("--timeout-detect", 60)
        for opening, counter in ((b"PRI * HTTP/2.0\r\n", "detect_http2"), (b"\x16\x03", "detect_tls"),
                                 (b"A" * 16, "detect_unknown"), (b"SLC\x01", "detect_unknown")):
            with self.subTest(opening):
                self.check(daemon, opening, counter, lambda client, data: client.send_bytewise(data))


class Offered(Case):
    def test_in_single_bytes(self):
        client = self.connect(self.daemon("--timeout-detect", 60).unix)
        client.send_bytewise(frame("N", b"slowly"))
        self.assertEqual(client.reply().payload, b"slowly")

    def test_a_silent_connection_is_idle(self):
        daemon = self.daemon("--timeout-detect", 0.05)
        silent = self.connect(daemon.tcp)
        started = self.connect(daemon.tcp)
        started.send(b"S")
        self.assertTrue(started.ended())  # by then the silent one has waited as long
        self.assertAlive(silent)

    def test_a_listener_may_not_offer_slc(self):
        daemon = self.daemon(config='listen "tcp:127.0.0.1:0" { protocols = {"http"} }', listen=())
        client = self.connect(daemon.tcp)
        client.send(frame("N", b"hello"))
        self.assertTrue(client.ended_or_reset())
        self.assertEqual(daemon.counter("reactor", "detect_slc"), 1)

    def test_the_protocol_stays(self):
        client = self.connect(self.daemon().tcp)
        self.assertAlive(client)
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertStatus(client.reply(), "BAD_REQUEST")
        self.assertTrue(client.ended_or_reset())
