"""Objects on a file system that waits for another program, or a network: only those who ask for them have to wait.
Each test holds back one answer after the other that the daemon waits for, and asks for something else meanwhile."""
import unittest

from case import MIB, Case, content
from fuse import HeldFiles, can_mount
from slc import frame, request

STEPS = ("STATFS", "LOOKUP", "OPEN", "GETATTR", "READ", "FLUSH")


@unittest.skipUnless(can_mount(), "cannot mount")
class SlowFiles(Case):
    def setUp(self):
        super().setUp()
        self.data = content(MIB)
        try:
            self.files = HeldFiles({"file": self.data})
        except PermissionError:
            self.skipTest("may not mount")
        self.addCleanup(self.files.close)

    def check(self, op, address, steps):
        daemon = self.daemon(root=False, config=f'root "slow" {{ path = "{self.files.path}" }}\n'
                                                f'root "quick" {{ path = "{self.tree.path}" }}')
        other = self.connect(daemon.unix, timeout=10)
        for step in steps:
            client = self.connect(address(daemon))
            self.files.hold(step)
            try:
                client.send(frame(op, request("slow/file")))
                self.files.wait_held()
                self.assertContent(other.get("C", "quick/hello"), b"hello, world\n")
            finally:
                self.files.release()
            reply = client.reply()
            if op == "I":
                self.assertStatus(reply, "OK")
            else:
                self.assertContent(reply, self.data)
            client.close()

    def test_bytes(self):
        for op in "CS":
            self.check(op, lambda daemon: daemon.tcp, STEPS)

    def test_descriptors(self):
        self.check("F", lambda daemon: daemon.unix, [step for step in STEPS if step != "READ"])

    def test_information(self):
        self.check("I", lambda daemon: daemon.unix, [step for step in STEPS if step != "READ"])
