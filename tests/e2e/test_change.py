"""Objects that change while they are served."""
import os
import pathlib
import time
import unittest

from case import KIB, MIB, Case, content, reads_on_the_spot
from daemon import until
from http1 import HttpClient
from rpc import Lines, call
from slc import frame, request


class Changing(Case):
    SIZE = 24 * MIB  # more than the sockets on the way hold

    def start(self, op, address, data):
        """A transfer of which the head and the first KiB were read."""
        root = self.directory({"object": data})
        daemon = self.daemon(root=root)
        client = self.connect(address(daemon), receive_buffer=32 * KIB)
        client.read_size = 4096
        client.send(frame(op, request("object")))
        reply = client.reply_head()
        self.assertEqual(reply.fields.count, len(data))
        self.assertEqual(client.take(KIB), data[:KIB])
        return daemon, root / "object", client

    def test_replaced_while_it_is_served_is_the_old_one_to_the_end(self):
        data = content(self.SIZE)
        for address in (lambda d: d.unix, lambda d: d.tcp):
            for op in "CS":
                daemon, path, client = self.start(op, address, data)
                (path.parent / "new").write_bytes(b"new")
                os.rename(path.parent / "new", path)
                client.read_size = 1 << 20
                self.assertTrue(client.take(self.SIZE - KIB) == data[KIB:])
                self.assertContent(client.get("C", "object"), b"new")

    def shrink(self, op, address, size):
        data = content(self.SIZE)
        daemon, path, client = self.start(op, address, data)
        os.truncate(path, size)
        got, reset = b"", False
        client.read_size = 1 << 20
        try:
            got = client.rest()
        except ConnectionResetError:
            reset = True
            got = bytes(client.buffer)
        self.assertLess(len(got), self.SIZE - KIB)
        self.assertTrue(data[KIB:].startswith(got), "padded or mixed")
        self.assertEqual(daemon.counter("reactor", "bodies_cut"), 1)
        return reset

    def test_truncated_while_it_is_served_is_a_reset_on_tcp(self):
        for op in "CSA":
            for size in (0, 10 * MIB + 1):
                with self.subTest(op=op, size=size):
                    self.assertTrue(self.shrink(op, lambda daemon: daemon.tcp, size))

    def test_truncated_while_it_is_served_is_a_short_body_on_unix(self):
        for op in "CS":
            for size in (0, 10 * MIB + 1):
                with self.subTest(op=op, size=size):
                    self.assertFalse(self.shrink(op, lambda daemon: daemon.unix, size))

    def test_grown_while_it_is_served_is_what_was_promised(self):
        data = content(self.SIZE)
        daemon, path, client = self.start("C", lambda daemon: daemon.tcp, data)
        with open(path, "ab") as file:
            file.write(b"more" * 1000)
        self.assertTrue(client.take(self.SIZE - KIB) == data[KIB:])
        self.assertAlive(client)

    def test_removed_while_it_is_served(self):
        data = content(self.SIZE)
        daemon, path, client = self.start("S", lambda daemon: daemon.tcp, data)
        os.unlink(path)
        self.assertTrue(client.take(self.SIZE - KIB) == data[KIB:])
        self.assertStatus(client.get("S", "object"), "NOT_FOUND")


SHORTER = pathlib.Path("/sys/kernel/uevent_seqnum")


@unittest.skipUnless(SHORTER.is_file() and SHORTER.stat().st_size >= 1000 > len(SHORTER.read_bytes()),
                     "no file here that is shorter than its size")
class Shorter(Case):
    """A file with fewer bytes than its size says is as good as one that shrank in between."""

    def test_an_answer_that_was_not_begun_is_an_error(self):
        daemon = self.daemon(root=SHORTER.parent)
        client = self.connect(daemon.unix)
        for op in "CSA":
            self.assertStatus(client.get(op, SHORTER.name, count=1000), "IO")
        self.assertAlive(client)
        with HttpClient(daemon.tcp) as http:
            self.assertEqual(http.fetch(f"/objects/{SHORTER.name}", "Range: bytes=0-999").status, 500)
            self.assertEqual(http.fetch("/_/health").status, 200)
        with Lines(daemon.unix) as rpc:
            for count in (1000, 0):
                error = rpc.ask(call("object.read", {"key": SHORTER.name, "count": count}))["error"]
                self.assertEqual((error["code"], error["data"]["status"]), (-32603, "IO"))


class Remembered(Case):
    """Objects that the server keeps open, the short ones in memory."""
    SIZES = (5, 200 * KIB)

    def read(self, daemon, times, key="object"):
        client = self.connect(daemon.unix)
        hits = daemon.counter("objects", "hot_hits")
        replies = [bytes(client.get("C", key).body) for _ in range(times)]
        return replies, daemon.counter("objects", "hot_hits") - hits

    def served(self, size, *arguments, age=60):
        """A daemon with an object that was changed so many seconds ago."""
        root = self.directory({"object": content(size)})
        os.utime(root / "object", times=(time.time() - age,) * 2)
        return self.daemon("--hot-age", 1, *arguments, root=root), root / "object"

    def hot(self, size):
        """One whose object is in hand now, where this mode keeps any."""
        daemon, path = self.served(size)
        replies, hits = self.read(daemon, 20)
        self.assertEqual(set(replies), {content(size)})
        if self.mode in ("auto", "nouring") and reads_on_the_spot(path):  # what a job reads is not remembered
            self.assertGreater(hits, 0)
        return daemon, path

    def test_a_change_is_seen_at_once(self):
        for size in self.SIZES:
            daemon, path = self.hot(size)
            path.write_bytes(b"other")
            self.assertEqual(self.read(daemon, 3)[0], [b"other"] * 3)

    def test_a_name_that_leads_elsewhere_is_seen_at_once(self):
        """As deployments do it: a link that changes, directories that take each other's place."""
        for size in self.SIZES:
            first, other = content(size), content(size)[::-1]
            root = self.directory({"v1/object": first, "v2/object": other})
            os.symlink("v1", root / "current")
            for version in ("v1", "v2"):
                os.utime(root / version / "object", times=(time.time() - 60,) * 2)
            daemon = self.daemon("--hot-age", 1, root=root)
            for key in ("current/object", "v1/object"):
                self.assertEqual(set(self.read(daemon, 20, key)[0]), {first})
            os.symlink("v2", root / "next")
            os.rename(root / "next", root / "current")
            self.assertEqual(set(self.read(daemon, 3, "current/object")[0]), {other})
            os.rename(root / "v1", root / "old")
            os.rename(root / "v2", root / "v1")
            self.assertEqual(set(self.read(daemon, 3, "v1/object")[0]), {other})

    def test_one_whose_next_change_could_have_the_same_time_is_not_kept(self):
        for size in self.SIZES:
            daemon, _ = self.served(size, age=-3600)
            self.assertEqual(self.read(daemon, 20), ([content(size)] * 20, 0))

    def test_a_removed_one_gives_its_space_back(self):
        for size in self.SIZES:
            daemon, path = self.hot(size)
            os.unlink(path)
            until(lambda d=daemon, p=path: d.holds(p) == 0, "it is closed, though nobody asks again")

    def test_ranges(self):
        for size in self.SIZES:
            daemon, _ = self.hot(size)
            data = content(size)
            client = self.connect(daemon.unix)
            for offset, count in ((0, 1), (3, 0), (2, size), (size - 1, 9), (size, 0)):
                self.assertContent(client.get("C", "object", offset, count), data, offset, count)
            self.assertStatus(client.get("C", "object", size + 1), "BAD_RANGE")
            with HttpClient(daemon.unix) as http:
                self.assertEqual(http.fetch("/objects/object", "Range: bytes=1-3").body, data[1:4])
                self.assertEqual(http.fetch("/objects/object", f"Range: bytes={size}-").status, 416)
                parts = http.fetch("/objects/object", "Range: bytes=0-0,2-4").body
                self.assertIn(b"\r\n\r\n" + data[2:5] + b"\r\n--", parts)

    def test_it_goes_the_way_it_would_have_gone(self):
        """Also where short objects come as descriptors, or by splice."""
        size = 2 * KIB
        daemon, _ = self.served(size, "--inline-max", "1k", "--splice-min", 0)
        self.assertEqual(set(self.read(daemon, 20)[0]), {content(size)})
        client = self.connect(daemon.unix)
        reply = client.get("A", "object")
        self.assertEqual(reply.op, "F")
        self.assertContent(reply, content(size))
        self.assertContent(client.get("S", "object"), content(size))
        self.assertEqual(daemon.counter("objects", "served_splice"), 1)

    def test_a_descriptor_that_is_passed_is_a_fresh_one(self):
        daemon, _ = self.hot(self.SIZES[-1])
        client = self.connect(daemon.unix)
        descriptors = [client.get(op, "object").fd for op in "AAF"]
        with HttpClient(daemon.unix) as http:
            descriptors.append(http.fetch("/objects/object", "Sluice-Delivery: fd").fd)
        for at, fd in enumerate(descriptors, 1):
            self.assertEqual(os.lseek(fd, 0, os.SEEK_CUR), 0)
            os.lseek(fd, at, os.SEEK_SET)
        for fd in descriptors:
            os.close(fd)
        self.assertEqual(self.read(daemon, 1)[0], [content(self.SIZES[-1])])
