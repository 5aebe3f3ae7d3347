"""Frames in any cut, malformed ones, errors, half-close, order."""
from case import Case
from slc import HEADER, frame, listing, request

BAD_KEYS = [b"", b"/hello", b"a//b", b"hello/", b".", b"..", b"../hello", b"size/../hello", b"./hello", b"a/.",
            b"tab\t", b"\x00", b"nul\x00byte", b"\x7f", b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80", b"k" * 1025]


class Cuts(Case):
    def test_a_request_in_single_bytes_is_answered(self):
        daemon = self.daemon()
        for address in (daemon.unix, daemon.tcp):
            client = self.connect(address)
            for op in "CAI":
                client.send_bytewise(frame(op, request("hello"), tag=7))
                reply = client.reply()
                self.assertEqual((reply.op, reply.tag, reply.fields.size), (op if op != "A" else "C", 7, 13))

    def test_two_requests_cut_at_every_byte(self):
        client = self.connect(self.daemon().tcp)
        both = frame("N", b"one", tag=1) + frame("C", request("hello"), tag=2)
        for cut in range(len(both) + 1):
            client.send(both[:cut])
            client.send(both[cut:])
            self.assertEqual(client.reply().payload, b"one")
            self.assertContent(client.reply(), b"hello, world\n")

    def test_many_requests_in_one_write(self):
        client = self.connect(self.daemon().unix)
        client.send(b"".join(frame("N", b"x" * n, tag=n) for n in range(200)))
        for n in range(200):
            reply = client.reply()
            self.assertEqual((reply.tag, reply.payload), (n, b"x" * n))

    def test_replies_read_in_single_bytes(self):
        client = self.connect(self.daemon().unix)
        client.read_size = 1
        client.send(frame("F", request("hello"), tag=1) + frame("C", request("hello"), tag=2)
                    + frame("F", request("size/1"), tag=3))
        self.assertContent(client.reply(), b"hello, world\n")
        self.assertContent(client.reply(), b"hello, world\n")
        self.assertContent(client.reply(), self.tree.files["size/1"])


class Header(Case):
    def test_tags_are_echoed(self):
        client = self.connect(self.daemon().tcp)
        for tag in (0, 1, 0x01020304, 0xffffffff):
            self.assertEqual(client.call("N", b"", tag=tag).tag, tag)
            self.assertEqual(client.get("C", "missing", tag=tag).tag, tag)

    def test_bad_magic_ends_the_connection_after_earlier_replies(self):
        daemon = self.daemon()
        for address in (daemon.unix, daemon.tcp):
            for bad in (b"X", b"SLC2", b"MCP1" + bytes(12), b"GET / HTTP/1.1\r\n\r\n", bytes(64)):
                with self.subTest(address=address, bad=bad):
                    client = self.connect(address)
                    client.send(frame("C", request("hello"), tag=1) + frame("N", b"", tag=2) + bad)
                    self.assertContent(client.reply(), b"hello, world\n")
                    self.assertEqual(client.reply().tag, 2)
                    reply = client.reply()
                    self.assertEqual((reply.op, reply.tag, reply.flags, reply.nfds), ("?", 0, 0, 0))
                    self.assertStatus(reply, "BAD_REQUEST")
                    self.assertTrue(client.ended())
        self.assertGreaterEqual(daemon.counter("reactor", "bad_frames"), 10)

    def test_a_length_over_the_limit_ends_the_connection_from_the_header_alone(self):
        daemon = self.daemon()
        for length in (4097, 1 << 20, 0xffffffff):
            client = self.connect(daemon.tcp)
            client.send(frame("N", b"", tag=1) + frame("C", b"", tag=0xabcdef, length=length))
            self.assertEqual(client.reply().tag, 1)
            reply = client.reply()
            self.assertEqual((reply.op, reply.tag), ("C", 0xabcdef))
            self.assertStatus(reply, "TOO_LARGE")
            self.assertTrue(client.ended())

    def test_input_after_a_fatal_error_is_not_executed(self):
        daemon = self.daemon()
        client = self.connect(daemon.tcp)
        client.send(frame("N", b"", length=5000) + frame("N", b"again", tag=9) * 100)
        self.assertStatus(client.reply(), "TOO_LARGE")
        self.assertTrue(client.ended_or_reset())
        self.assertEqual(daemon.counter("objects", "requests_ping"), 0)

    def test_the_longest_payload_is_taken(self):
        client = self.connect(self.daemon().tcp)
        data = bytes(range(256)) * 16
        self.assertEqual(client.call("N", data).payload, data)

    def test_unknown_and_reserved_operations_are_unsupported(self):
        client = self.connect(self.daemon().unix)
        for op in "PDWXf\0\xff?":
            with self.subTest(op=op):
                reply = client.get(op, "hello", tag=5)
                self.assertEqual((reply.op, reply.tag), (op, 5))
                self.assertStatus(reply, "UNSUPPORTED")
        self.assertAlive(client)

    def test_unknown_flags_are_unsupported(self):
        client = self.connect(self.daemon().unix)
        for op, flags in (("F", 2), ("F", 3), ("F", 0x80), ("C", 1), ("S", 1), ("A", 1), ("I", 1), ("L", 2), ("N", 1),
                          ("T", 1)):
            with self.subTest(op=op, flags=flags):
                self.assertStatus(client.get(op, "hello", flags=flags), "UNSUPPORTED")
        self.assertAlive(client)

    def test_status_and_nfds_of_a_request_must_be_zero(self):
        client = self.connect(self.daemon().unix)
        for fields in ({"status": 1}, {"status": 255}, {"nfds": 1}, {"nfds": 255}):
            with self.subTest(fields):
                client.send(frame("F", request("hello"), tag=3, **fields))
                reply = client.reply()
                self.assertEqual((reply.op, reply.tag, reply.nfds), ("F", 3, 0))
                self.assertStatus(reply, "BAD_REQUEST")
        self.assertAlive(client)


class Payload(Case):
    def test_bad_keys_are_bad_requests(self):
        client = self.connect(self.daemon().unix)
        for op in "FCSAI":
            for key in BAD_KEYS:
                with self.subTest(op=op, key=key):
                    self.assertStatus(client.get(op, key), "BAD_REQUEST")
        self.assertAlive(client)

    def test_the_longest_key_is_good(self):
        root = self.directory()
        (root / "n" / ("a" * 200)).mkdir(parents=True)
        client = self.connect(self.daemon(root=root).unix)
        self.assertStatus(client.get("C", "k" * 255), "NOT_FOUND")
        self.assertStatus(client.get("C", "k" * 1024), "NOT_FOUND")  # ENAMETOOLONG
        long = "/".join(["d" * 127] * 8)
        self.assertEqual(len(long), 1023)
        (root / long).parent.mkdir(parents=True)
        (root / long).write_bytes(b"found")
        self.assertContent(client.get("C", long), b"found")

    def test_short_payloads_are_bad_requests(self):
        client = self.connect(self.daemon().unix)
        for op in "FCSAIL":
            for size in (0, 1, 8, 15):
                with self.subTest(op=op, size=size):
                    self.assertStatus(client.call(op, bytes(size)), "BAD_REQUEST")
        for op in "FCSAI":
            self.assertStatus(client.call(op, bytes(16)), "BAD_REQUEST")
        self.assertAlive(client)

    def test_bad_lists_are_bad_requests(self):
        client = self.connect(self.daemon().unix)
        bad = [listing(limit=10001), listing(limit=2 ** 63), b"\1" + bytes(15), listing("a//"), listing("/"),
               listing("../"), listing("\x01"), listing(b"\xff"), listing("a", after=""), listing("a", after="/x"),
               listing("a", after=b"x\0y")]
        for payload in bad:
            with self.subTest(payload):
                self.assertStatus(client.call("L", payload), "BAD_REQUEST")
        self.assertAlive(client)

    def test_an_error_reply_is_a_message_without_a_body(self):
        client = self.connect(self.daemon().unix)
        client.send(frame("C", request("missing"), tag=1) + frame("N", b"next", tag=2))
        reply = client.reply()
        self.assertStatus(reply, "NOT_FOUND")
        self.assertEqual((reply.op, reply.flags, reply.nfds, reply.tag), ("C", 0, 0, 1))
        self.assertEqual(client.reply().payload, b"next")

    def test_errors_echo_the_requests_op(self):
        client = self.connect(self.daemon().unix)
        for op in "FCSAI":
            self.assertEqual(client.get(op, "missing").op, op)


class HalfClose(Case):
    def test_all_complete_requests_are_answered(self):
        daemon = self.daemon()
        for address in (daemon.unix, daemon.tcp):
            client = self.connect(address)
            client.send(frame("C", request("size/5242883"), tag=1) + frame("S", request("size/1048576"), tag=2)
                        + frame("N", b"end", tag=3))
            client.finish_sending()
            self.assertContent(client.reply(), self.tree.files["size/5242883"])
            self.assertContent(client.reply(), self.tree.files["size/1048576"])
            self.assertEqual(client.reply().payload, b"end")
            self.assertTrue(client.ended())

    def test_more_requests_than_are_taken_in_hand_at_once(self):
        client = self.connect(self.daemon("--pipeline", 4).tcp)
        client.send(b"".join(frame("I", request("hello"), tag=n) for n in range(100)))
        client.finish_sending()
        self.assertEqual([client.reply().tag for _ in range(100)], list(range(100)))
        self.assertTrue(client.ended())

    def test_an_incomplete_request_is_dropped(self):
        daemon = self.daemon()
        for rest in (frame("N", b"lost")[:1], frame("N", b"lost")[:HEADER.size], frame("N", b"lost")[:-1]):
            client = self.connect(daemon.tcp)
            client.send(frame("N", b"kept") + rest)
            client.finish_sending()
            self.assertEqual(client.reply().payload, b"kept")
            self.assertTrue(client.ended())

    def test_without_a_request(self):
        daemon = self.daemon()
        for address in (daemon.unix, daemon.tcp):
            for start in (b"", b"SL"):
                client = self.connect(address)
                client.send(start)
                client.finish_sending()
                self.assertTrue(client.ended())
