"""Objects that change while they are served."""
import os
import time

from case import KIB, MIB, Case, content, reads_on_the_spot
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


class Remembered(Case):
    """Short objects that the server keeps in memory."""

    def read(self, daemon, times, key="object"):
        client = self.connect(daemon.unix)
        hits = daemon.counter("objects", "hot_hits")
        replies = [bytes(client.get("C", key).body) for _ in range(times)]
        return replies, daemon.counter("objects", "hot_hits") - hits

    def served(self, age):
        """A daemon with an object that was changed so many seconds ago."""
        root = self.directory({"object": b"first"})
        os.utime(root / "object", times=(time.time() - age,) * 2)
        return self.daemon("--hot-age", 1, root=root), root / "object"

    def test_a_change_is_seen_at_once(self):
        daemon, path = self.served(age=60)
        replies, hits = self.read(daemon, 20)
        self.assertEqual(set(replies), {b"first"})
        if self.mode in ("auto", "nouring") and reads_on_the_spot(path):  # what a job reads is not remembered
            self.assertGreater(hits, 0)
        path.write_bytes(b"other")
        self.assertEqual(self.read(daemon, 3)[0], [b"other"] * 3)

    def test_a_name_that_leads_elsewhere_is_seen_at_once(self):
        """As deployments do it: a link that changes, directories that take each other's place."""
        root = self.directory({"v1/object": b"first", "v2/object": b"other"})
        os.symlink("v1", root / "current")
        for version in ("v1", "v2"):
            os.utime(root / version / "object", times=(time.time() - 60,) * 2)
        daemon = self.daemon("--hot-age", 1, root=root)
        for key in ("current/object", "v1/object"):
            self.assertEqual(set(self.read(daemon, 20, key)[0]), {b"first"})
        os.symlink("v2", root / "next")
        os.rename(root / "next", root / "current")
        self.assertEqual(set(self.read(daemon, 3, "current/object")[0]), {b"other"})
        os.rename(root / "v1", root / "old")
        os.rename(root / "v2", root / "v1")
        self.assertEqual(set(self.read(daemon, 3, "v1/object")[0]), {b"other"})

    def test_one_whose_next_change_could_have_the_same_time_is_not_kept(self):
        daemon, _ = self.served(age=-3600)
        self.assertEqual(self.read(daemon, 20), ([b"first"] * 20, 0))
