"""A file system whose answers a test holds back: what a daemon waits for, as for a file server that does not answer.

    files = HeldFiles({"name": bytes})      mounted at files.path (root only; see can_mount)
    files.hold("READ")                      such requests of the kernel wait from now on
    files.wait_held()                       one does
    files.release()                         all are answered, now and later

Speaks to /dev/fuse (linux/fuse.h, protocol 7.31) by threads of this process.
"""
import ctypes
import errno
import os
import pathlib
import stat
import struct
import tempfile
import threading

from slc import TIMEOUT

OPS = {1: "LOOKUP", 2: "FORGET", 3: "GETATTR", 14: "OPEN", 15: "READ", 17: "STATFS", 18: "RELEASE", 25: "FLUSH",
       26: "INIT", 27: "OPENDIR", 28: "READDIR", 29: "RELEASEDIR", 36: "INTERRUPT", 42: "BATCH_FORGET"}
SILENT = ("FORGET", "INTERRUPT", "BATCH_FORGET")  # have no answer
ROOT = 1
ASYNC_READ = 1
MNT_DETACH = 2
libc = ctypes.CDLL(None, use_errno=True)


def can_mount():
    return os.geteuid() == 0 and os.access("/dev/fuse", os.R_OK | os.W_OK)


class HeldFiles:
    def __init__(self, files):
        self.files = [(name.encode(), data) for name, data in files.items()]
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="sluice-e2e-fuse-"))
        self.changed = threading.Condition()
        self.held_op = None
        self.held = []
        self.device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self.device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        if libc.mount(b"sluice-e2e", bytes(self.path), b"fuse", 0, options) != 0:
            os.close(self.device)
            self.path.rmdir()
            raise OSError(ctypes.get_errno(), "mount")
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self.release()
        libc.umount2(bytes(self.path), MNT_DETACH)
        self.path.rmdir()

    def hold(self, op):
        with self.changed:
            self.held_op = op

    def wait_held(self):
        with self.changed:
            if not self.changed.wait_for(lambda: self.held, TIMEOUT):
                raise AssertionError(f"nobody asks for {self.held_op}")

    def release(self):
        with self.changed:
            waiting, self.held, self.held_op = self.held, [], None
        for request in waiting:
            self._answer(*request)

    def _serve(self):
        while True:
            try:
                request = os.read(self.device, 1 << 20)
            except OSError as error:
                if error.errno == errno.ENODEV:  # unmounted
                    os.close(self.device)
                    return
                continue
            _, op, unique, node = struct.unpack_from("<IIQQ", request)
            request = OPS.get(op, str(op)), unique, node, request[40:]
            with self.changed:
                if request[0] == self.held_op:
                    self.held.append(request)
                    self.changed.notify_all()
                    continue
            self._answer(*request)

    def _answer(self, op, unique, node, body):
        if op in SILENT:
            return
        data = self._result(op, node, body)
        code = 0 if data is not None else -errno.ENOENT if op == "LOOKUP" else -errno.ENOSYS
        data = data or b""
        try:
            os.write(self.device, struct.pack("<IiQ", 16 + len(data), code, unique) + data)
        except OSError:  # whoever asked has gone
            pass

    def _attributes(self, node):
        size = len(self.files[node - ROOT - 1][1]) if node > ROOT else 0
        mode = stat.S_IFREG | 0o644 if node > ROOT else stat.S_IFDIR | 0o755
        return struct.pack("<6Q10I", node, size, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def _result(self, op, node, body):
        """What is answered; None: an error. Nothing may be remembered: each name and attribute is asked for anew."""
        if op == "INIT":
            return struct.pack("<4I2H2I2H8I", 7, 31, 0, ASYNC_READ, 0, 0, 1 << 17, 1, *[0] * 10)
        if op == "LOOKUP":
            names = [name for name, _ in self.files]
            name = body.rstrip(b"\0")
            found = names.index(name) + ROOT + 1 if name in names else None
            return found and struct.pack("<4Q2I", found, 0, 0, 0, 0, 0) + self._attributes(found)
        if op == "GETATTR":
            return struct.pack("<Q2I", 0, 0, 0) + self._attributes(node)
        if op in ("OPEN", "OPENDIR"):
            return struct.pack("<Q2I", 0, 0, 0)
        if op == "READ":
            _, offset, size = struct.unpack_from("<QQI", body)
            return self.files[node - ROOT - 1][1][offset:offset + size]
        if op == "STATFS":
            return struct.pack("<5Q10I", 0, 0, 0, 0, 0, 4096, 255, 4096, *[0] * 7)
        return b"" if op in ("FLUSH", "RELEASE", "RELEASEDIR", "READDIR") else None
