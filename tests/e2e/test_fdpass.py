"""F: a name becomes an open descriptor."""
import array
import fcntl
import os
import resource
import signal
import socket
import sys

from case import MIB, NOBODY, Case, as_root
from daemon import until
from slc import FDS_MAX, Client, ProtocolError, frame, request

SO_PASSRIGHTS = 83  # Linux 6.16


class Reply(Case):
    def test_fields_say_what_the_object_is(self):
        client = self.connect(self.daemon().unix)
        for name, data in self.tree.files.items():
            with self.subTest(name):
                reply = client.get("F", name, tag=0x01020304)
                self.assertEqual((reply.op, reply.status, reply.flags, reply.nfds, reply.tag),
                                 ("F", "OK", 0, 1, 0x01020304))
                stat = (self.tree.path / name).stat()
                self.assertEqual(reply.fields.mtime_ns, stat.st_mtime_ns)
                self.assertTrue(os.path.samestat(os.fstat(reply.fd), stat))
                self.assertContent(reply, data)

    def test_the_range_is_clipped_and_left_to_the_client(self):
        client = self.connect(self.daemon().unix)
        size = 5 * MIB + 3
        name = f"size/{size}"
        for offset, count, clipped in ((0, 0, size), (0, 1, 1), (10, 20, 20), (size, 0, 0), (size, 5, 0),
                                       (size - 1, 0, 1), (size - 1, 2, 1), (1, 2 ** 64 - 1, size - 1)):
            with self.subTest(offset=offset, count=count):
                reply = client.get("F", name, offset, count)
                self.assertEqual(reply.fields[:3], (size, offset, clipped))
                self.assertEqual(os.lseek(reply.fd, 0, os.SEEK_CUR), 0)
                reply.close()

    def test_an_offset_past_the_end_is_a_bad_range(self):
        client = self.connect(self.daemon().unix)
        for offset in (14, 2 ** 63, 2 ** 64 - 1):
            self.assertStatus(client.get("F", "hello", offset), "BAD_RANGE")
        self.assertStatus(client.get("F", "size/0", 1), "BAD_RANGE")
        reply = client.get("F", "size/0")
        self.assertEqual(reply.nfds, 1)
        self.assertContent(reply, b"")

    def test_a_large_object(self):
        client = self.connect(self.daemon().unix)
        reply = client.get("F", "1g")
        self.assertEqual(os.pread(reply.fd, 100, reply.fields.size - 16), b"the very last 16")
        reply.close()

    def test_over_tcp_it_is_unsupported(self):
        client = self.connect(self.daemon().tcp)
        for flags in (0, 1):
            self.assertStatus(client.get("F", "hello", flags=flags), "UNSUPPORTED")
        self.assertAlive(client)


class Description(Case):
    def test_each_request_gets_a_fresh_one(self):
        client = self.connect(self.daemon().unix)
        first, second = client.get("F", "size/4096"), client.get("F", "size/4096")
        os.lseek(first.fd, 100, os.SEEK_SET)
        fcntl.fcntl(first.fd, fcntl.F_SETFL, os.O_NONBLOCK)
        third = client.get("F", "size/4096")
        for reply in (second, third):
            self.assertEqual(os.lseek(reply.fd, 0, os.SEEK_CUR), 0)
            self.assertFalse(fcntl.fcntl(reply.fd, fcntl.F_GETFL) & os.O_NONBLOCK)
        for reply in (first, second, third):
            reply.close()

    def test_it_is_read_only_and_blocking(self):
        client = self.connect(self.daemon().unix)
        for op, name in (("F", "hello"), ("A", f"size/{MIB}")):
            reply = client.get(op, name)
            flags = fcntl.fcntl(reply.fd, fcntl.F_GETFL)
            self.assertEqual(flags & os.O_ACCMODE, os.O_RDONLY)
            self.assertFalse(flags & (os.O_NONBLOCK | os.O_APPEND | os.O_PATH | os.O_DIRECT))
            with self.assertRaises(OSError):
                os.write(reply.fd, b"x")
            reply.close()

    def test_close_on_exec_is_the_receivers_choice(self):
        client = self.connect(self.daemon().unix)
        for flags, want in ((0, 0), (socket.MSG_CMSG_CLOEXEC, fcntl.FD_CLOEXEC)):
            client.send(frame("F", request("hello")))
            data, control, _, _ = client.socket.recvmsg(56, socket.CMSG_SPACE(4), flags)
            self.assertEqual(len(data), 56)
            fd = int.from_bytes(control[0][2], sys.byteorder)
            self.assertEqual(fcntl.fcntl(fd, fcntl.F_GETFD), want)
            os.close(fd)

    def test_it_outlives_the_connection_and_the_server(self):
        daemon = self.daemon()
        with Client(daemon.unix) as client:
            reply = client.get("F", "hello")
        daemon.stop()
        self.assertContent(reply, b"hello, world\n")


class Version(Case):
    def test_is_the_same_for_all_operations_processes_and_restarts(self):
        seen = set()
        for _ in range(2):
            daemon = self.daemon()
            client = self.connect(daemon.unix)
            for op in "FCSAI":
                reply = client.get(op, "hello")
                seen.add(reply.fields.version)
                reply.close()
            client.close()
            daemon.finish()
        self.assertEqual(len(seen), 1)

    def test_is_new_when_a_name_is_replaced_or_changed(self):
        root = self.directory({"object": b"1"})
        client = self.connect(self.daemon(root=root).unix)
        seen = {client.get("I", "object").fields.version}
        time = (root / "object").stat().st_mtime_ns
        for step in range(3):
            (root / "new").write_bytes(b"%d" % step)
            os.utime(root / "new", ns=(time, time))  # same size, same time
            os.rename(root / "new", root / "object")
            seen.add(client.get("I", "object").fields.version)
        (root / "object").write_bytes(b"22")
        seen.add(client.get("I", "object").fields.version)
        self.assertEqual(len(seen), 5)


class Many(Case):
    def ask(self, client, count, **options):
        return client.send_in_background(b"".join(
            frame("F", request(f"size/{size}"), tag=tag, **options)
            for tag, size in zip(range(count), [1, 40, 4096, 16384] * count)))

    def take(self, client, count):
        for tag in range(count):
            reply = client.reply()
            self.assertEqual((reply.tag, reply.status), (tag, "OK"))
            self.assertContent(reply, self.tree.files[f"size/{[1, 40, 4096, 16384][tag % 4]}"])

    def test_64_at_once_travel_together(self):
        # Enough time on the spot for all, however slow this build is.
        client = self.connect(self.daemon("--spot-budget", 60).unix)
        for _ in range(2):  # the second time all names are in the kernel's cache
            client.fd_messages.clear()
            self.ask(client, 64)
            self.take(client, 64)
            self.assertEqual(sum(client.fd_messages), 64)
            self.assertLessEqual(max(client.fd_messages), 64)
        if self.mode in ("auto", "nouring"):
            self.assertLess(len(client.fd_messages), 8)

    def test_a_thousand_pipelined(self):
        client = self.connect(self.daemon().unix)
        self.ask(client, 1000)
        self.take(client, 1000)
        self.assertLessEqual(max(client.fd_messages), 64)

    def test_every_message_with_descriptors_starts_with_a_frame(self):
        client = self.connect(self.daemon().unix)
        client.read_size = 1  # each descriptor arrives with the first byte of its message
        client.send(b"".join(frame(op, request(name), tag=tag) for tag, (op, name) in enumerate(
            [("F", "hello"), ("C", "hello"), ("F", "size/1"), ("A", "size/262144"), ("S", "size/4096"),
             ("F", "missing"), ("F", "hello"), ("N", "hello"), ("F", "hello")])))
        for tag in range(9):
            reply = client.reply()  # checks that it came no later than its header
            self.assertEqual(reply.tag, tag)
            reply.close()
        self.assertFalse(client.fds)


class Receiver(Case):
    def test_out_of_descriptors(self):
        daemon = self.daemon()
        client = self.connect(daemon.unix)
        other = self.connect(daemon.unix)
        client.send(b"".join(frame("F", request("hello")) for _ in range(20)))
        daemon.wait_counter("reactor", "fds_passed", 20)
        spare = os.open("/dev/null", os.O_RDONLY)
        os.close(spare)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (spare + 5, limits[1]))
        try:
            with self.assertRaisesRegex(ProtocolError, "truncated"):
                for _ in range(20):
                    client.reply()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        client.close()
        self.assertContent(other.get("F", "hello"), b"hello, world\n")

    def test_one_that_never_reads_stops_nobody_else(self):
        daemon = self.daemon()
        silent, other = self.connect(daemon.unix), self.connect(daemon.unix)
        silent.send_in_background(b"".join(frame("F", request("hello"), tag=tag) for tag in range(1000)))
        daemon.wait_counter("reactor", "fd_pauses")
        self.assertIn("fd window", [row["state"] for row in daemon.connections()])
        for _ in range(50):
            self.assertContent(other.get("F", "hello"), b"hello, world\n")
            self.assertContent(other.get("C", "hello"), b"hello, world\n")
        self.assertLessEqual(max(row["fds_in_flight"] for row in daemon.connections()), 256)
        for tag in range(1000):
            reply = silent.reply()
            self.assertEqual(reply.tag, tag)
            self.assertContent(reply, b"hello, world\n")

    def test_a_window_smaller_than_a_message(self):
        daemon = self.daemon("--fd-window", 3)
        silent = self.connect(daemon.unix)
        silent.send(b"".join(frame("F", request("hello"), tag=tag) for tag in range(50)))
        daemon.wait_counter("reactor", "fd_pauses")
        self.assertIn(max(row["fds_in_flight"] for row in daemon.connections()), (1, 2, 3))
        for tag in range(50):
            reply = silent.reply()
            self.assertEqual(reply.tag, tag)
            self.assertContent(reply, b"hello, world\n")

    def test_descriptors_on_the_way_are_bounded_over_all_users(self):
        daemon = self.daemon("--fds-in-flight", 20, "--fds-per-uid", 1000)
        silent = [self.connect(daemon.unix) for _ in range(3)]
        for client in silent:
            client.send(frame("F", request("hello")) * 30)
        until(lambda: daemon.counter("objects", "served_fd") + daemon.counter("reactor", "replies_FD_LIMIT") == 90,
              "all are answered")
        self.assertLessEqual(daemon.counter("objects", "served_fd"), 20)
        replies = [client.reply() for client in silent for _ in range(30)]
        for reply in replies:
            reply.close()
        self.assertEqual(sum(reply.ok for reply in replies), daemon.counter("objects", "served_fd"))
        self.assertContent(silent[0].get("F", "hello"), b"hello, world\n")

    def test_none_is_refused_for_what_was_read_long_ago(self):
        daemon = self.daemon("--fds-in-flight", 200, "--fds-per-uid", 200)
        silent = [self.connect(daemon.unix) for _ in range(40)]
        for client in silent:
            client.send(frame("F", request("hello")))
        daemon.wait_counter("reactor", "fds_passed", 40)
        for _ in range(200):
            self.assertContent(self.connect(daemon.unix).get("F", "hello"), b"hello, world\n")
        self.assertEqual(daemon.counter("reactor", "fd_refusals"), 0)

    def test_one_that_never_reads_and_leaves(self):
        daemon = self.daemon()
        for _ in range(3):
            client = self.connect(daemon.unix)
            client.send_in_background(b"".join(frame("F", request("hello"), tag=tag) for tag in range(1000)))
            daemon.wait_counter("reactor", "fd_pauses")
            client.socket.shutdown(socket.SHUT_RDWR)
            client.close()

    def test_one_that_hangs_up_and_stays_is_given_up(self):
        daemon = self.daemon("--timeout-send", 0)
        client = self.connect(daemon.unix)
        client.send_in_background(b"".join(frame("F", request("hello"), tag=tag) for tag in range(1000)))
        daemon.wait_counter("reactor", "fd_pauses")
        client.socket.shutdown(socket.SHUT_RDWR)
        until(lambda: "closing" in [row["state"] for row in daemon.connections()], "it is closing")
        client.close()


@as_root
class Budget(Case):
    """As a user without privileges, whom the kernel bounds, near RLIMIT_NOFILE."""

    def small_daemon(self, *arguments):
        return self.daemon("--shared-max", 0, "--hot-max", 0, "--pipes", 4, "--queue-depth", 1000, *arguments,
                           user=NOBODY, nofile=300)

    def test_of_one_user_does_not_touch_the_others(self):
        daemon = self.small_daemon()
        greedy = [self.connect(daemon.unix) for _ in range(3)]
        for client in greedy:
            client.send(b"".join(frame("F", request("hello"), tag=tag) for tag in range(60)))
        daemon.wait_counter("reactor", "fd_refusals")
        other = self.connect(daemon.unix, uid=1234)
        for _ in range(20):
            self.assertContent(other.get("F", "hello"), b"hello, world\n")
        replies = [client.reply() for client in greedy for _ in range(60)]
        for reply in replies:
            if reply.ok:
                self.assertContent(reply, b"hello, world\n")
            else:
                self.assertStatus(reply, "FD_LIMIT")
        self.assertGreaterEqual(sum(reply.status == "FD_LIMIT" for reply in replies), 180 - 300 // 4)
        self.assertGreater(sum(reply.ok for reply in replies), 0)
        for client in greedy:  # and once they have read, they get some again
            self.assertContent(client.get("F", "hello"), b"hello, world\n")

    def test_a_client_that_reads_all_the_time_is_not_refused(self):
        """One descriptor is always unread, so the kernel never says that all were taken: they must not add up."""
        daemon = self.daemon("--fds-per-uid", 100)
        client = self.connect(daemon.unix)
        for sent in range(1, 200):
            client.send(frame("F", request("hello")))
            daemon.wait_counter("objects", "served_fd", sent)
            if sent > 1:
                self.assertContent(client.reply(), b"hello, world\n")
        self.assertEqual(daemon.counter("reactor", "replies_FD_LIMIT"), 0)

    def test_spent_makes_auto_a_copy(self):
        daemon = self.small_daemon()
        name = f"size/{MIB}"
        greedy, other = self.connect(daemon.unix), self.connect(daemon.unix)
        greedy.send(b"".join(frame("F", request("hello")) for _ in range(60)))
        daemon.wait_counter("reactor", "fd_refusals")
        reply = other.get("A", name)
        self.assertEqual(reply.op, "C")
        self.assertContent(reply, self.tree.files[name])
        self.assertStatus(other.get("F", name), "FD_LIMIT")
        self.assertGreaterEqual(daemon.counter("objects", "auto_without_fd"), 1)


class Foreign(Case):
    """Descriptors that a client sends."""

    def send_fds(self, client, data, count=1):
        fds = array.array("i", [0] * count)
        client.socket.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])

    def refuses(self):
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.setsockopt(socket.SOL_SOCKET, SO_PASSRIGHTS, 0)
                return True
            except OSError:
                return False

    def check(self, daemon, client, count):
        if self.refuses():
            with self.assertRaises(PermissionError):
                self.send_fds(client, frame("N", b"with"), count)
            return True
        self.send_fds(client, frame("N", b"with"), count)
        return False

    def test_are_refused_or_end_the_connection(self):
        daemon = self.daemon()
        for count in (1, FDS_MAX):
            client = self.connect(daemon.unix)
            self.assertAlive(client)
            if self.check(daemon, client, count):
                self.assertAlive(client)
            else:
                self.assertTrue(client.ended_or_reset())
                daemon.wait_counter("reactor", "foreign_fds")

    def test_are_refused_before_the_connection_is_accepted(self):
        daemon = self.daemon()
        daemon.signal(signal.SIGSTOP)
        client = self.connect(daemon.unix)
        try:
            refused = self.check(daemon, client, 5)
        finally:
            daemon.signal(signal.SIGCONT)
        if refused:
            self.assertAlive(client)
        else:
            self.assertTrue(client.ended_or_reset())
            daemon.wait_counter("reactor", "foreign_fds")
