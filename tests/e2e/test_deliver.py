"""C, S and A: the bytes of an object; I: what is known about it."""
import os

from case import GIB, KIB, MIB, SIZES, Case, reads_on_the_spot
from http1 import HttpClient
from slc import frame, request

INLINE_MAX = 16 * KIB
SPLICE_MIN = 128 * KIB
SENDFILE_MIN = 32 * KIB


class Bytes(Case):
    def each_way(self, daemon):
        for address in (daemon.unix, daemon.tcp):
            client = self.connect(address)
            for op in "CSA":
                yield client, op

    def test_whole_objects_of_all_sizes(self):
        for client, op in self.each_way(self.daemon()):
            for size in SIZES:
                with self.subTest(op=op, size=size, unix=client.is_unix):
                    reply = client.get(op, f"size/{size}", tag=size)
                    self.assertEqual((reply.tag, reply.flags), (size, 0))
                    self.assertContent(reply, self.tree.files[f"size/{size}"])

    def test_ranges(self):
        name = f"size/{5 * MIB + 3}"
        data = self.tree.files[name]
        size = len(data)
        ranges = [(0, 1), (1, 0), (4095, 2), (4096, 4096), (12345, 16 * KIB), (12345, 16 * KIB + 1), (7, 128 * KIB),
                  (7, 256 * KIB), (MIB - 1, 2 * MIB), (size - 1, 1), (size - 1, 100), (size, 0), (size, 7),
                  (size - 300 * KIB, 2 ** 64 - 1), (0, size), (0, size + 1)]
        for client, op in self.each_way(self.daemon()):
            for offset, count in ranges:
                with self.subTest(op=op, offset=offset, count=count, unix=client.is_unix):
                    self.assertContent(client.get(op, name, offset, count), data, offset, count)

    def test_an_offset_past_the_end_is_a_bad_range(self):
        for client, op in self.each_way(self.daemon()):
            for name, offset in (("hello", 14), ("size/0", 1), ("size/1048576", 2 ** 64 - 1)):
                self.assertStatus(client.get(op, name, offset), "BAD_RANGE")
            self.assertAlive(client)

    def test_an_object_over_4_gib(self):
        root = self.directory()
        size = 5 * GIB + 123
        marks = {0: b"the start", 4 * GIB - 5: b"across 4 GiB", size - 16: b"the very last 16"}
        with open(root / "large", "wb") as file:
            file.truncate(size)
            for offset, mark in marks.items():
                file.seek(offset)
                file.write(mark)
        for client, op in self.each_way(self.daemon(root=root)):
            for offset, mark in marks.items():
                for margin in (0, 300 * KIB):
                    start = max(0, offset - margin)
                    count = offset + len(mark) - start
                    reply = client.get(op, "large", start, count)
                    self.assertEqual(reply.fields[:3], (size, start, count))
                    if reply.fd >= 0:
                        got = os.pread(reply.fd, count, start)
                        reply.close()
                    else:
                        got = reply.body
                    self.assertTrue(got.endswith(mark))
                    self.assertFalse(got[:count - len(mark)].strip(b"\0") and offset - margin > 0)

    def test_many_in_one_pipeline(self):
        names = [f"size/{size}" for size in SIZES]
        daemon = self.daemon()
        for address in (daemon.unix, daemon.tcp):
            client = self.connect(address)
            asked = [(op, name) for name in names for op in "CSA"] * 2
            client.send_in_background(b"".join(
                frame(op, request(name), tag=tag) for tag, (op, name) in enumerate(asked)))
            for tag, (_, name) in enumerate(asked):
                reply = client.reply()
                self.assertEqual(reply.tag, tag)
                self.assertContent(reply, self.tree.files[name])

    def test_a_client_with_a_tiny_window(self):
        daemon = self.daemon()
        for op in "CSA":
            client = self.connect(daemon.tcp, receive_buffer=2048)
            self.assertContent(client.get(op, f"size/{MIB}"), self.tree.files[f"size/{MIB}"])

    def test_small_chunks_and_few_buffers_change_nothing(self):
        daemon = self.daemon("--chunk", "16k", "--bytes-total", "1m", "--bytes-connection", "16k", "--pipes", 1,
                             "--splice-min", 0, "--turn-bytes", "16k", "--inline-max", 0)
        for client, op in self.each_way(daemon):
            for size in (0, 1, 4096, 16 * KIB + 1, MIB):
                self.assertContent(client.get(op, f"size/{size}"), self.tree.files[f"size/{size}"])


class Choice(Case):
    """What A comes back as, and what S and C are counted as."""

    def ops(self, address, key, *ranges):
        client = self.connect(address)
        replies = [client.get("A", key, offset, count) for offset, count in ranges]
        for reply in replies:
            reply.close()
        return "".join(reply.op for reply in replies)

    def test_over_unix_by_the_clipped_count(self):
        address = self.daemon().unix
        for size in SIZES:
            want = "C" if size <= INLINE_MAX else "F"
            self.assertEqual(self.ops(address, f"size/{size}", (0, 0)), want, size)
        self.assertEqual(self.ops(address, f"size/{MIB}", (0, INLINE_MAX), (0, INLINE_MAX + 1), (MIB - 5, 0),
                                  (MIB - 5, MIB), (MIB, 0)), "CFCCC")

    def test_over_tcp_it_is_never_a_descriptor(self):
        address = self.daemon().tcp
        for size in SIZES:
            self.assertIn(self.ops(address, f"size/{size}", (0, 0)), ("C", "S"), size)

    def test_the_limit_is_a_setting(self):
        address = self.daemon("--inline-max", "4k").unix
        self.assertEqual(self.ops(address, f"size/{MIB}", (0, 4096), (0, 4097)), "CF")

    def test_copy_and_splice_are_echoed_as_asked(self):
        daemon = self.daemon("--pipes", 0)
        for address in (daemon.unix, daemon.tcp):
            client = self.connect(address)
            for size in (0, 1, MIB):
                for op in "CS":
                    self.assertEqual(client.get(op, f"size/{size}").op, op)
        objects = daemon.stats()["objects"]
        self.assertEqual(objects["splice_as_copy"], 6)
        self.assertEqual(objects["served_splice"], 0)

    def test_who_did_it_is_counted(self):
        daemon = self.daemon()
        client = self.connect(daemon.unix)
        for op in "CS":
            client.get(op, f"size/{SPLICE_MIN}")
        objects = daemon.stats()["objects"]
        self.assertEqual((objects["served_copy"], objects["served_splice"]), (1, 1))
        self.assertEqual((objects["bytes_copy"], objects["bytes_splice"]), (SPLICE_MIN, SPLICE_MIN))

    def test_each_is_counted_in_every_sum(self):
        daemon = self.daemon()
        client = self.connect(daemon.unix)
        for size in (0, 1, 40, 40, 40, 3073, 32 * KIB, SPLICE_MIN, MIB):
            for op in "CSAF":
                client.get(op, f"size/{size}").close()
        objects = daemon.stats()["objects"]
        served = sum(objects[f"served_{way}"] for way in ("fd", "shared", "copy", "splice", "sendfile"))
        timed = sum(objects[f"latency_{way}"]["count"] for way in ("fdpass", "copy", "splice"))
        self.assertEqual((served, timed, objects["object_size"]["count"]), (36, 36, 36))

    def test_long_copies_over_tcp_leave_by_sendfile(self):
        daemon = self.daemon()
        reads_all = self.mode not in ("auto", "nouring") or not reads_on_the_spot(self.tree.path / f"size/{MIB}")
        for address, size, by_sendfile in ((daemon.tcp, SENDFILE_MIN, not reads_all),
                                           (daemon.tcp, SENDFILE_MIN - 1, False),
                                           (daemon.unix, MIB, False)):
            before = daemon.stats()["objects"]
            reply = self.connect(address).get("C", f"size/{MIB}", MIB - size, size)
            self.assertEqual(reply.op, "C")
            self.assertContent(reply, self.tree.files[f"size/{MIB}"], MIB - size, size)
            after = daemon.stats()["objects"]
            for way, bytes_of_it in (("sendfile", size * by_sendfile), ("copy", size * (not by_sendfile))):
                self.assertEqual(after[f"bytes_{way}"] - before[f"bytes_{way}"], bytes_of_it, (address, size, way))
                self.assertEqual(after[f"served_{way}"] - before[f"served_{way}"], bool(bytes_of_it))

    def test_what_comes_over_http_is_counted_alike(self):
        daemon = self.daemon()
        with HttpClient(daemon.unix) as client:
            for size in (40, 40, 40, 4096, 0):
                self.assertEqual(len(client.ask("GET", f"/objects/size/{size}").body), size)
            for size in (40, 40, 4096, 0):  # without its bytes it is not delivered
                self.assertEqual(client.ask("HEAD", f"/objects/size/{size}").status, 200)
        with HttpClient(daemon.tcp) as client:
            self.assertEqual(client.ask("GET", "/objects/size/40", "Sluice-Delivery: fd").status, 501)
        objects = daemon.stats()["objects"]
        self.assertEqual((objects["served_copy"], objects["bytes_copy"]), (5, 3 * 40 + 4096))
        self.assertEqual(objects["object_size"]["count"], 5)

    def test_without_sendfile_auto_copies(self):
        daemon = self.daemon("--sendfile", "no")
        client = self.connect(daemon.tcp)
        reply = client.get("A", f"size/{MIB}")
        self.assertContent(reply, self.tree.files[f"size/{MIB}"])
        self.assertEqual(reply.op, "C")


class Info(Case):
    def test_fields_without_content(self):
        client = self.connect(self.daemon().tcp)
        for name, data in self.tree.files.items():
            for offset, count in ((0, 0), (5, 5), (2 ** 63, 2 ** 63)):
                reply = client.get("I", name, offset, count, tag=9)
                self.assertEqual((reply.op, reply.tag, reply.nfds), ("I", 9, 0))
                self.assertEqual(reply.fields[:3], (len(data), 0, 0))
                self.assertEqual(reply.fields.mtime_ns, (self.tree.path / name).stat().st_mtime_ns)

    def test_times_before_1970(self):
        root = self.directory({"old": b"x"})
        os.utime(root / "old", ns=(-1500000000, -1500000000))
        client = self.connect(self.daemon(root=root).tcp)
        self.assertEqual(client.get("I", "old").fields.mtime_ns, -1500000000)

    def test_times_that_nanoseconds_do_not_reach(self):
        root = self.directory({"past": b"x", "future": b"x"}, many=True)
        client = self.connect(self.daemon(root=root).tcp)
        for name, year, nearest in (("past", 1600, -1 << 63), ("future", 2400, (1 << 63) - 1)):
            seconds = (year - 1970) * 31556952
            os.utime(root / name, times=(seconds, seconds))
            if os.stat(root / name).st_mtime == seconds:  # not every file system has such times
                self.assertEqual(client.get("I", name).fields.mtime_ns, nearest)
                self.assertContent(client.get("C", name), b"x")

    def test_missing(self):
        client = self.connect(self.daemon().tcp)
        for name in ("missing", "hello/below", "size/missing"):
            self.assertStatus(client.get("I", name), "NOT_FOUND")


class Ping(Case):
    def test_bytes_come_back(self):
        daemon = self.daemon()
        for address in (daemon.unix, daemon.tcp):
            client = self.connect(address)
            for size in (0, 1, 16, 4095, 4096):
                reply = client.call("N", bytes(n % 256 for n in range(size)), tag=size)
                self.assertEqual((reply.op, reply.tag, reply.length, reply.nfds), ("N", size, size, 0))
                self.assertEqual(reply.payload, bytes(n % 256 for n in range(size)))
