"""What all end-to-end tests have: daemons, connections and directories that go away with the test, and a tree
of objects to ask for."""
import atexit
import functools
import os
import pathlib
import random
import shutil
import socket
import tempfile
import unittest

from daemon import MODE, Daemon
from slc import TIMEOUT, Client

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
# A user without privileges, another one for each process: the kernel counts descriptors in flight by user.
NOBODY = 20000 + os.getpid() % 40000
MEMORY = "/dev/shm"

# Around what decides how an object goes: pages, inline_max, sendfile_min, splice_min, chunk.
SIZES = [0, 1, 40, 3071, 3072, 3073, 4095, 4096, 4097, 16 * KIB - 1, 16 * KIB, 16 * KIB + 1, 32 * KIB - 1,
         32 * KIB, 64 * KIB + 17, 128 * KIB - 1, 128 * KIB, 256 * KIB, 256 * KIB + 1, MIB, 5 * MIB + 3]

as_root = unittest.skipUnless(os.geteuid() == 0, "needs to be root")


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def reads_on_the_spot(path):
    """Can the daemon find out that a read of this file would not sleep? Not on every file system: overlays, which
    containers have, do not tell."""
    with open(path, "rb") as file:
        try:
            os.preadv(file.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT)
            return True
        except BlockingIOError:
            return True
        except OSError:  # memory needs no such question
            return os.access(MEMORY, os.R_OK) and os.fstat(file.fileno()).st_dev == os.stat(MEMORY).st_dev


def content(size, seed=0):
    """Bytes that betray a wrong offset, the same for the same arguments."""
    return random.Random(f"{size} {seed}").randbytes(size)


class Tree:
    """A directory of objects, all by name in files; large: sparse ones by name and size."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="sluice-e2e-tree-"))
        self.path.chmod(0o755)
        atexit.register(shutil.rmtree, self.path, True)
        self.files = {f"size/{size}": content(size) for size in SIZES}
        self.files["hello"] = b"hello, world\n"
        self.files["with space/ünï ✓ code"] = b"names are UTF-8"
        self.files["deep/" + "d/" * 40 + "file"] = b"deep down"
        for name, data in self.files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        self.sparse("1g", GIB)

    def sparse(self, name, size):
        """Zeros without blocks, with a mark in the last 16 bytes."""
        with open(self.path / name, "wb") as file:
            file.truncate(size)
            file.seek(size - 16)
            file.write(b"the very last 16")


@functools.cache
def shared_tree():
    """One for all tests of a process; nobody writes to it."""
    return Tree()


class Case(unittest.TestCase):
    maxDiff = 2000
    mode = MODE["name"]

    @property
    def tree(self):
        return shared_tree()

    def daemon(self, *arguments, root=None, **options):
        """A running daemon that must be at rest at the test's end. Serves the shared tree unless root says
        otherwise (False: no root)."""
        if root is None:
            root = self.tree.path
        daemon = Daemon(*arguments, root=None if root is False else root, **options)
        self.addCleanup(daemon.finish)
        return daemon

    def connect(self, address, **options):
        client = Client(address, **options)
        self.addCleanup(client.close)
        return client

    def directory(self, files=None, owner=None, many=False):
        """A new directory with files {name: content}; many: for thousands of them, in memory if possible, as removing
        them from a disk takes seconds."""
        place = MEMORY if many and os.access(MEMORY, os.W_OK | os.X_OK) else None
        path = pathlib.Path(tempfile.mkdtemp(prefix="sluice-e2e-dir-", dir=place))
        path.chmod(0o755)
        self.addCleanup(shutil.rmtree, path, True)
        for name, data in (files or {}).items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
        if owner is not None:
            os.chown(path, owner, owner)
        return path

    def assertStatus(self, reply, status):
        self.assertEqual(reply.status, status, reply)
        if status != "OK":
            self.assertTrue(reply.message, "an error has a message")
            self.assertIsNone(reply.fields)
            self.assertEqual(reply.fd, -1)

    def assertAlive(self, client):
        """The connection goes on, and nothing else was waiting in it."""
        client.ping(b"are you there?")

    def assertContent(self, reply, data, offset=0, count=None):
        """An OK reply that delivers data[offset:][:count], whichever way."""
        self.assertStatus(reply, "OK")
        want = data[offset:] if not count else data[offset:offset + count]
        self.assertEqual(reply.fields[:3], (len(data), offset, len(want)))
        if reply.fd >= 0:
            got = os.pread(reply.fd, len(want), offset)
            reply.close()
        else:
            got = reply.body
        if got != want:
            self.fail(f"{reply}: content differs from byte {first_difference(got, want)} on")


def first_difference(a, b):
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


