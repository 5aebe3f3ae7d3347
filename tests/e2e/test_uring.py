"""With the ring, without it, and when the kernel or a sandbox refuses it."""
import ctypes
import errno
import platform
import struct
import unittest

from case import MIB, Case
from daemon import libc, run_sluiced
from slc import frame, request

IO_URING_SETUP = 425  # the same on all architectures Debian has
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
RET_ALLOW, RET_ERRNO = 0x7FFF0000, 0x00050000
LOAD_NR, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06


def deny_uring(error):
    """For a child before its exec: io_uring_setup(2) fails with error from now on."""
    def instruction(code, k, if_true=0, if_false=0):
        return struct.pack("<HBBI", code, if_true, if_false, k)
    program = (instruction(LOAD_NR, 0) + instruction(JUMP_EQUAL, IO_URING_SETUP, 0, 1)
               + instruction(RETURN, RET_ERRNO | error) + instruction(RETURN, RET_ALLOW))
    code = ctypes.create_string_buffer(program, len(program))
    filter_ = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))

    def preexec():
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "seccomp")
        deny_uring.kept = code
    return preexec


def ring_works():
    done = run_sluiced("--listen", "unix:/nonexistent/x.sock", "--uring", "require")
    return "io_uring" not in done.stderr


with_ring = unittest.skipUnless(ring_works(), "no io_uring here")
little = unittest.skipUnless(platform.machine() in ("x86_64", "aarch64"), "seccomp is written for these")


class Ring(Case):
    def serve(self, daemon):
        for address in (daemon.unix, daemon.tcp):
            client = self.connect(address)
            for op in "CSA":
                for size in (1, 4096, MIB, 5 * MIB + 3):
                    self.assertContent(client.get(op, f"size/{size}"), self.tree.files[f"size/{size}"])

    @with_ring
    def test_required_and_there(self):
        daemon = self.daemon("--offload", "always", "--uring", "require", mode=False)
        self.serve(daemon)
        offload = daemon.stats()["offload"]
        self.assertGreater(offload["jobs_ring"], 0)
        self.assertEqual(offload["jobs_spot"], 0)

    def test_off(self):
        daemon = self.daemon("--offload", "always", "--uring", "off", mode=False)
        self.serve(daemon)
        offload = daemon.stats()["offload"]
        self.assertEqual((offload["jobs_ring"], offload["jobs_spot"]), (0, 0))
        self.assertGreater(offload["jobs_pool"], 0)

    @with_ring
    def test_a_ring_as_small_as_can_be(self):
        daemon = self.daemon("--uring-entries", 2, "--uring-workers", 1, "--offload", "always", "--uring", "require")
        clients = [self.connect(daemon.tcp) for _ in range(10)]
        for _ in range(3):
            for n, client in enumerate(clients):
                client.send_in_background(self.requests(n))
            for client in clients:
                for _ in range(4):
                    self.assertContent(client.reply(), self.tree.files[f"size/{MIB}"])

    def requests(self, n):
        return b"".join(frame("CS"[(n + k) % 2], request(f"size/{MIB}")) for k in range(4))


@little
class Denied(Case):
    def test_required_but_denied_refuses_to_start_with_the_cause(self):
        for error in (errno.EPERM, errno.ENOSYS):
            done = run_sluiced("--listen", "unix:@never", "--uring", "require", preexec=deny_uring(error))
            self.assertEqual(done.returncode, 1)
            self.assertIn("io_uring", done.stderr)
            self.assertRegex(done.stderr, "EPERM|not permitted|seccomp" if error == errno.EPERM
                             else "ENOSYS|not implemented|kernel")
            self.assertNotIn("ready:", done.stderr)

    def test_denied_everything_works_through_the_pools(self):
        for error in (errno.EPERM, errno.ENOSYS):
            daemon = self.daemon("--offload", "always", "--uring", "auto", mode=False, preexec=deny_uring(error))
            Ring.serve(self, daemon)
            self.assertEqual(daemon.counter("offload", "jobs_ring"), 0)
            self.assertEqual(sum("no io_uring" in line for line in daemon.lines), 1)
