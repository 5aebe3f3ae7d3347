"""Where connections are taken, from whom, and for what."""
import contextlib
import os
import pathlib
import pwd
import secrets
import shutil
import socket
import stat
import subprocess
import unittest

from case import KIB, NOBODY, TIMEOUT, Case, Client, as_root, has_ipv6
from daemon import SLUICED, libc, run_sluiced, until
from slc import frame, request

PIDFD_GETFD = 438  # the same on every architecture
ipv6 = unittest.skipUnless(has_ipv6(), "no IPv6 here")


class Addresses(Case):
    def test_several_at_once_and_the_ready_line_in_order(self):
        name = f"unix:@sluice-e2e-{secrets.token_hex(8)}"
        config = 'listen "tcp:127.0.0.1:0" { }\nlisten "unix:{dir}/from-file.sock" { }\n'
        daemon = self.daemon(listen=("tcp:127.0.0.1:0", name, "unix:{dir}/b.sock", "unix:{dir}/a.sock"), config=config)
        shapes = [address.replace(str(daemon.directory), "D") for address in daemon.addresses]
        ports = [int(address.rpartition(":")[2]) for address in daemon.addresses if address.startswith("tcp:")]
        self.assertTrue(all(0 < port < 65536 for port in ports))
        self.assertNotEqual(*ports)
        self.assertEqual(shapes, ["unix:D/admin.sock", f"tcp:127.0.0.1:{ports[0]}", name, "unix:D/b.sock",
                                  "unix:D/a.sock", f"tcp:127.0.0.1:{ports[1]}", "unix:D/from-file.sock"])
        for address in daemon.addresses:
            with Client(address) as client:
                self.assertContent(client.get("C", "hello"), b"hello, world\n")

    def test_abstract_names(self):
        name = f"unix:@sluice-e2e-{secrets.token_hex(8)}"
        daemon = self.daemon(listen=(name,))
        self.assertEqual(daemon.unix, name)
        self.assertContent(self.connect(name).get("F", "hello"), b"hello, world\n")
        again = run_sluiced("--listen", name)
        self.assertEqual(again.returncode, 1)
        self.assertIn(name, again.stderr)

    @ipv6
    def test_ipv6(self):
        daemon = self.daemon(listen=("tcp:[::1]:0",))
        self.assertTrue(daemon.tcp.startswith("tcp:[::1]:"))
        self.assertContent(self.connect(daemon.tcp).get("C", "hello"), b"hello, world\n")
        port = daemon.tcp.rpartition(":")[2]
        with self.assertRaises(ConnectionRefusedError):
            Client(f"tcp:127.0.0.1:{port}")

    @ipv6
    def test_any_address_is_both_families(self):
        daemon = self.daemon(listen=("tcp:*:0",))
        port = daemon.tcp.rpartition(":")[2]
        for host in ("127.0.0.1", "[::1]"):
            self.assertContent(self.connect(f"tcp:{host}:{port}").get("C", "hello"), b"hello, world\n")

    def test_localhost(self):
        daemon = self.daemon(listen=("tcp:localhost:0",))
        port = int(daemon.tcp.rpartition(":")[2])
        with socket.create_connection(("localhost", port)) as connection:
            connection.sendall(frame("N", b""))
            self.assertEqual(connection.recv(100)[:5], b"SLC1N")

    def test_the_send_buffer_is_that_of_connections(self):
        daemon = self.daemon(listen=(), config='listen "unix:{dir}/small.sock" { send_buffer = 4096 }')
        client = self.connect(daemon.unix)
        client.send(frame("C", request("1g")))
        row = until(lambda: next((row for row in daemon.connections() if row["state"] == "sending"), None),
                    "it is full")
        self.assertLess(row["bytes_out"], 64 * KIB)

    def options(self, daemon, client, names):
        """Of TCP, at the daemon's end of a connection."""
        pidfd = os.pidfd_open(daemon.pid)
        self.addCleanup(os.close, pidfd)
        for name in os.listdir(f"/proc/{daemon.pid}/fd"):
            if not os.readlink(f"/proc/{daemon.pid}/fd/{name}").startswith("socket:"):
                continue
            fd = libc.syscall(PIDFD_GETFD, pidfd, int(name), 0)
            if fd < 0:
                self.skipTest("no pidfd_getfd(2) here")
            with socket.socket(fileno=fd) as theirs, contextlib.suppress(OSError):  # of a listener
                if theirs.getpeername() == client.socket.getsockname():
                    return [theirs.getsockopt(*option) for option in names]
        self.fail("no such connection")

    def test_connections_have_the_options_of_their_listener(self):
        of_tcp = [(socket.IPPROTO_TCP, option) for option in
                  (socket.TCP_NODELAY, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_USER_TIMEOUT)]
        names = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE), *of_tcp]
        for text, want in (("keepalive = 8 user_timeout = 1.5", [1, 1, 8, 2, 1500]),
                           ("keepalive = 0.5 nodelay = no", [1, 0, 1, 1, 0])):
            daemon = self.daemon(listen=(), config=f'listen "tcp:127.0.0.1:0" {{ {text} }}')
            client = self.connect(daemon.tcp)
            client.ping()
            self.assertEqual(self.options(daemon, client, names), want, text)
        daemon = self.daemon(listen=(), config='listen "tcp:127.0.0.1:0" { keepalive = 0 }')
        client = self.connect(daemon.tcp)
        client.ping()
        self.assertEqual(self.options(daemon, client, names[:1]), [0])

    def test_a_port_in_use_is_refused(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = run_sluiced("--listen", f"tcp:127.0.0.1:{port}")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"tcp:127.0.0.1:{port}", done.stderr)
        self.assertNotIn("ready:", done.stderr)

    def test_an_address_of_nobody_is_refused(self):
        self.assertEqual(run_sluiced("--listen", "tcp:192.0.2.1:0").returncode, 1)


class SocketFile(Case):
    def start(self, options="", path="unix:{dir}/x.sock"):
        daemon = self.daemon(config=f'listen "{path}" {{ {options} }}', listen=())
        return daemon, os.stat(daemon.unix.removeprefix("unix:"))

    def test_mode(self):
        for mode in (0o600, 0o660, 0o777):
            found = self.start(f'mode = "0{mode:o}"')[1]
            self.assertEqual(stat.S_IMODE(found.st_mode), mode)

    def test_default_mode_lets_everybody_connect(self):
        self.assertEqual(stat.S_IMODE(self.start()[1].st_mode), 0o666)

    @as_root
    def test_owner_and_group_by_number_and_name(self):
        found = self.start(f'owner = "{NOBODY}" group = "{NOBODY + 1}"')[1]
        self.assertEqual((found.st_uid, found.st_gid), (NOBODY, NOBODY + 1))
        found = self.start(f'group = "{NOBODY + 1}"')[1]
        self.assertEqual((found.st_uid, found.st_gid), (0, NOBODY + 1))
        found = self.start('owner = "nobody"')[1]
        self.assertEqual((found.st_uid, found.st_gid), (pwd.getpwnam("nobody").pw_uid, os.getegid()))

    @as_root
    def test_one_that_cannot_be_given_away_is_not_left_behind(self):
        directory = self.directory({"conf": b""}, owner=NOBODY)
        (directory / "conf").write_text(f'listen "unix:{directory}/x.sock" {{ owner = "root" }}')
        done = subprocess.run([shutil.copy(SLUICED, directory), "-c", directory / "conf"], user=NOBODY, group=NOBODY,
                              extra_groups=[], capture_output=True, text=True, timeout=TIMEOUT)
        self.assertEqual(done.returncode, 1)
        self.assertIn("not permitted", done.stderr)
        self.assertFalse(os.path.lexists(directory / "x.sock"))

    def test_it_goes_with_the_daemon(self):
        daemon, _ = self.start()
        path = daemon.unix.removeprefix("unix:")
        daemon.stop()
        self.assertFalse(os.path.lexists(path))

    def test_a_successors_file_stays(self):
        daemon, _ = self.start()
        path = daemon.unix.removeprefix("unix:")
        os.unlink(path)
        pathlib.Path(path).write_bytes(b"somebody else's")
        daemon.stop()
        self.assertTrue(os.path.lexists(path))

    def test_a_stale_one_is_replaced(self):
        directory = self.directory()
        path = directory / "stale.sock"
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
        daemon = self.daemon(listen=(f"unix:{path}",))
        self.assertAlive(self.connect(daemon.unix))

    def test_two_that_find_a_stale_one_take_turns(self):
        """Neither may take the other's new socket, which does not listen yet, for the stale one."""
        directory = self.directory()
        path = directory / "s.sock"
        with socket.socket(socket.AF_UNIX) as stale, socket.socket(socket.AF_UNIX) as other:
            stale.bind(str(path))
            stale.close()
            place = directory.stat()
            turn = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            turn.bind(f"\0sluice-bind-{place.st_dev:x}-{place.st_ino:x}")
            late = subprocess.Popen([SLUICED, "--listen", f"unix:{path}"], stdin=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE, text=True)
            self.addCleanup(late.kill)
            fds = pathlib.Path(f"/proc/{late.pid}/fd")
            until(lambda: any("socket:" in str(fd.resolve()) for fd in fds.iterdir()), "it waits for its turn")
            path.unlink()
            other.bind(str(path))
            other.listen()
            turn.close()
            self.assertIn("somebody answers", late.communicate(timeout=TIMEOUT)[1])
            self.assertEqual(late.returncode, 1)
            self.assertTrue(path.is_socket())

    def test_a_live_one_is_refused_and_lives_on(self):
        daemon = self.daemon()
        done = run_sluiced("--listen", daemon.unix)
        self.assertEqual(done.returncode, 1)
        self.assertIn("answers", done.stderr)
        self.assertAlive(self.connect(daemon.unix))

    def test_what_is_no_socket_is_left_alone(self):
        directory = self.directory({"file": b"precious"})
        os.symlink("file", directory / "link")
        for name in ("file", "link"):
            self.assertEqual(run_sluiced("--listen", f"unix:{directory}/{name}").returncode, 1)
        self.assertEqual((directory / "file").read_bytes(), b"precious")

    def test_a_directory_that_all_may_write_needs_the_sticky_bit(self):
        directory = self.directory()
        directory.chmod(0o777)
        done = run_sluiced("--listen", f"unix:{directory}/s.sock")
        self.assertEqual(done.returncode, 1)
        self.assertIn("sticky", done.stderr)
        directory.chmod(0o1777)
        self.assertAlive(self.connect(self.daemon(listen=(f"unix:{directory}/s.sock",)).unix))

    def test_a_missing_directory_is_told(self):
        done = run_sluiced("--listen", "unix:/nonexistent/s.sock")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent", done.stderr)


class Admission(Case):
    def taken(self, address, **options):
        client = self.connect(address, **options)
        try:
            client.ping()
            return True
        except (EOFError, ConnectionError):
            return False
        finally:
            client.close()

    @as_root
    def test_users(self):
        daemon = self.daemon(config='listen "unix:{dir}/s.sock" { allow_uid = {1234, 1235} }', listen=())
        self.assertTrue(self.taken(daemon.unix, uid=1234))
        self.assertTrue(self.taken(daemon.unix, uid=1235))
        self.assertFalse(self.taken(daemon.unix, uid=1236))
        self.assertFalse(self.taken(daemon.unix))
        self.assertEqual(daemon.counter("reactor", "refused_allow"), 2)

    @as_root
    def test_groups(self):
        daemon = self.daemon(config='listen "unix:{dir}/s.sock" { allow_gid = {4321} }', listen=())
        self.assertFalse(self.taken(daemon.unix))
        before = os.getgroups()
        try:
            os.setgroups([4000, 4321])
            self.assertTrue(self.taken(daemon.unix))
            os.setgroups([])
            self.assertFalse(self.taken(daemon.unix))
            os.setegid(4321)
            self.assertTrue(self.taken(daemon.unix))
        finally:
            os.setegid(0)
            os.setgroups(before)

    @as_root
    def test_a_user_or_a_group_is_enough(self):
        daemon = self.daemon(config='listen "unix:{dir}/s.sock" { allow_uid = {1234} allow_gid = {0} }', listen=())
        self.assertTrue(self.taken(daemon.unix))
        self.assertTrue(self.taken(daemon.unix, uid=1234))

    def test_networks(self):
        daemon = self.daemon(config='listen "tcp:127.0.0.1:0" { allow = {"127.0.0.2/31", "10.0.0.0/8"} }', listen=())
        for source, want in (("127.0.0.1", False), ("127.0.0.2", True), ("127.0.0.3", True), ("127.0.0.4", False)):
            self.assertEqual(self.taken(daemon.tcp, source=source), want, source)
        self.assertEqual(daemon.counter("reactor", "refused_allow"), 2)

    @ipv6
    def test_networks_of_both_families(self):
        daemon = self.daemon(config='listen "tcp:*:0" { allow = {"127.0.0.2", "::1/128"} }', listen=())
        port = daemon.tcp.rpartition(":")[2]
        self.assertTrue(self.taken(f"tcp:[::1]:{port}"))
        self.assertTrue(self.taken(f"tcp:127.0.0.1:{port}", source="127.0.0.2"))
        self.assertFalse(self.taken(f"tcp:127.0.0.1:{port}"))

    def test_protocols(self):
        config = ('listen "unix:{dir}/slc.sock" { protocols = {"slc"} }\n'
                  'listen "unix:{dir}/other.sock" { protocols = {"http", "rpc", "mcp"} }\n')
        daemon = self.daemon(config=config, listen=())
        slc, other = daemon.addresses[1:]
        self.assertTrue(self.taken(slc))
        self.assertFalse(self.taken(other))
