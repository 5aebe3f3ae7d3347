"""Objects that change while they are served."""
import os

from case import KIB, MIB, Case, content
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
