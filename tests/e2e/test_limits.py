"""Bounds: connections, requests, rates, queues, descriptors. Full means a clear answer, and the others go on."""
import os
import resource
import signal

from case import GIB, KIB, MIB, Case, Client, as_root
from daemon import run_sluiced, until
from slc import frame, listing, request


class Connections(Case):
    def refused(self, address, **options):
        """True if the server closes a new connection without a word."""
        client = self.connect(address, **options)
        try:
            client.send(frame("N", b"may I?"))
            client.reply()
            return False
        except (EOFError, ConnectionError):
            return True
        finally:
            client.close()

    def admitted_again(self, address, **options):
        until(lambda: not self.refused(address, **options), "a connection is taken again")

    def test_all_together(self):
        daemon = self.daemon("--connections", 4)
        clients = [self.connect(address) for address in (daemon.unix, daemon.tcp) * 2]
        for client in clients:
            client.ping()
        self.assertTrue(self.refused(daemon.unix))
        self.assertTrue(self.refused(daemon.tcp))
        for client in clients:
            self.assertAlive(client)
        clients[0].close()
        self.admitted_again(daemon.tcp)
        for client in clients:
            client.close()
        self.assertGreaterEqual(daemon.counter("reactor", "refused_limit"), 2)

    def test_of_one_address(self):
        daemon = self.daemon("--connections-per-client", 2)
        clients = [self.connect(daemon.tcp) for _ in range(2)]
        for client in clients:
            client.ping()
        self.assertTrue(self.refused(daemon.tcp))
        self.assertFalse(self.refused(daemon.unix))
        self.assertFalse(self.refused(daemon.tcp, source="127.0.0.2"))
        clients[0].close()
        self.admitted_again(daemon.tcp)
        self.assertGreaterEqual(daemon.counter("reactor", "refused_client"), 1)

    @as_root
    def test_of_one_user(self):
        daemon = self.daemon("--connections-per-client", 2)
        clients = [self.connect(daemon.unix, uid=1234) for _ in range(2)]
        for client in clients:
            client.ping()
        self.assertTrue(self.refused(daemon.unix, uid=1234))
        self.assertFalse(self.refused(daemon.unix, uid=1235))
        clients[0].close()
        self.admitted_again(daemon.unix, uid=1234)

    def test_of_one_client_at_one_listener(self):
        daemon = self.daemon(config='listen "tcp:127.0.0.1:0" { max_per_client = 1 }', listen=("tcp:127.0.0.1:0",))
        free, strict = daemon.addresses[1:]
        elsewhere, client = self.connect(free), self.connect(strict)
        elsewhere.ping()
        client.ping()
        self.assertTrue(self.refused(strict))
        self.assertFalse(self.refused(free))
        self.assertFalse(self.refused(strict, source="127.0.0.2"))
        client.close()
        self.admitted_again(strict)

    def test_of_one_client_behind_a_proxy(self):
        """The limit is for those whom the proxy names, however many of them come through it."""
        config = 'listen "tcp:127.0.0.1:0" { proxy_from = {"127.0.0.0/8"} }\nconnections_per_client = 2'
        daemon = self.daemon(config=config)

        def connect(name):
            client = self.connect(daemon.addresses[-1])
            client.send(b"PROXY TCP4 %s 198.51.100.1 56324 443\r\n" % name)
            return client

        unnamed = [self.connect(daemon.addresses[-1]) for _ in range(4)]
        clients = [connect(name) for name in (b"192.0.2.1", b"192.0.2.1", b"192.0.2.2", b"127.0.0.1")]
        for client in clients:
            self.assertAlive(client)
        self.assertTrue(connect(b"192.0.2.1").ended_or_reset())
        self.assertEqual(daemon.counter("reactor", "refused_client"), 1)
        self.assertEqual(daemon.counter("reactor", "bad_frames"), 0)
        clients[0].close()

        def is_taken():
            client = connect(b"192.0.2.1")
            try:
                client.ping()
                return True
            except (EOFError, ConnectionError):
                return False
            finally:
                client.close()

        until(is_taken, "a connection is taken again")
        for client in unnamed:
            client.close()


class Requests(Case):
    def test_one_shot_connections(self):
        daemon = self.daemon("--requests-per-connection", 1)
        for address in (daemon.unix, daemon.tcp):
            client = self.connect(address)
            client.send(frame("C", request(f"size/{MIB}"), tag=1) + frame("N", b"never", tag=2))
            self.assertContent(client.reply(), self.tree.files[f"size/{MIB}"])
            self.assertTrue(client.ended())

    def test_so_many_on_a_connection(self):
        daemon = self.daemon("--requests-per-connection", 10)
        client = self.connect(daemon.tcp)
        client.send(b"".join(frame("N", b"", tag=tag) for tag in range(20)))
        self.assertEqual([client.reply().tag for _ in range(10)], list(range(10)))
        self.assertTrue(client.ended())

    def test_reports_that_one_connection_leaves_unread_are_bounded(self):
        daemon = self.daemon("--bytes-connection", "64k")
        silent = self.connect(daemon.unix)
        silent.send(frame("T") * 60)
        daemon.wait_counter("reactor", "memory_bytes")
        one = len(self.connect(daemon.unix).call("T").body)
        self.assertLess(daemon.counter("reactor", "memory_bytes"), 64 * KIB + 2 * one)
        for _ in range(60):
            self.assertStatus(silent.reply(), "OK")

    def test_replies_that_nobody_reads_leave_room_for_those_in_hand(self):
        """Each may have a turn's bytes waiting, but not all of them together: then none of their requests is taken."""
        daemon = self.daemon("--turn-bytes", "1m", "--connections", 80)
        clients = [self.connect(daemon.unix) for _ in range(60)]
        count = 300
        pings = b"".join(frame("N", bytes(4096), tag=tag) for tag in range(count))
        for client in clients:
            client.send_in_background(pings)
        taken = [-1]

        def settled():
            taken.append(daemon.counter("reactor", "requests"))
            return len(taken) > 20 and taken[-1] - taken[-10] < 20  # those who ask are counted, too
        until(settled, "the server reads no further")
        for client in clients:
            for tag in range(count):
                reply = client.reply()
                self.assertEqual((reply.tag, reply.status, reply.length), (tag, "OK", 4096))

    def test_all_of_a_longer_pipeline_than_is_taken_at_once(self):
        daemon = self.daemon("--pipeline", 1)
        client = self.connect(daemon.unix)
        asked = [("F", "hello"), ("C", f"size/{MIB}"), ("S", f"size/{MIB}"), ("I", "hello")] * 20
        client.send_in_background(b"".join(frame(op, request(key), tag=tag) for tag, (op, key) in enumerate(asked)))
        for tag, (op, _) in enumerate(asked):
            reply = client.reply()
            self.assertEqual((reply.tag, reply.op), (tag, op))
            reply.close()


class Rates(Case):
    """Requests of one write arrive at one moment, so a burst is exact."""

    def burst(self, client, count):
        client.send(b"".join(frame("N", b"", tag=tag) for tag in range(count)))
        replies = [client.reply() for _ in range(count)]
        for tag, reply in enumerate(replies):
            self.assertEqual(reply.tag, tag)
            if not reply.ok:
                self.assertStatus(reply, "RATE_LIMITED")
        return sum(reply.ok for reply in replies)

    def test_of_a_connection(self):
        daemon = self.daemon("--rate-connection", 5, "--rate-burst", 3)
        for address in (daemon.unix, daemon.tcp):
            client = self.connect(address)
            self.assertEqual(self.burst(client, 10), 3)
            until(lambda c=client: self.burst(c, 1) == 1, "the bucket fills again")

    def test_of_a_connection_a_seconds_worth_may_come_at_once(self):
        daemon = self.daemon("--rate-connection", 7)
        self.assertEqual(self.burst(self.connect(daemon.tcp), 20), 7)

    def test_of_a_client_over_its_connections(self):
        daemon = self.daemon("--rate-peer", 1, "--rate-burst", 4)
        self.assertEqual(self.burst(self.connect(daemon.tcp), 10), 4)
        self.assertLessEqual(self.burst(self.connect(daemon.tcp), 4), 3)
        other = self.connect(daemon.tcp, source="127.0.0.2")
        self.assertEqual(self.burst(other, 10), 4)

    def test_reconnecting_does_not_fill_the_bucket(self):
        daemon = self.daemon("--rate-peer", 1, "--rate-burst", 4)
        with Client(daemon.tcp) as client:
            self.assertEqual(self.burst(client, 10), 4)
        with Client(daemon.tcp) as client:
            self.assertLessEqual(self.burst(client, 4), 3)
        self.assertGreaterEqual(daemon.counter("reactor", "replies_RATE_LIMITED"), 7)


class Queues(Case):
    def test_a_full_queue_is_busy(self):
        daemon = self.daemon("--queue-depth", 1, "--pool", 1, "--offload", "always")
        client = self.connect(daemon.unix)
        client.send(frame("F", request("hello")) * 30 + frame("N", b"goes on"))
        replies = [client.reply() for _ in range(30)]
        self.assertContent(replies[0], b"hello, world\n")
        for reply in replies[1:]:
            self.assertStatus(reply, "BUSY")
        self.assertEqual(client.reply().payload, b"goes on")
        self.assertContent(client.get("F", "hello"), b"hello, world\n")

    def test_of_one_serves_everything(self):
        daemon = self.daemon("--queue-depth", 1, "--hot-max", 0, "--offload", "always")
        client = self.connect(daemon.unix)
        for op in "FCSAI":
            for size in (0, 40, 16384, MIB):
                reply = client.get(op, f"size/{size}")
                self.assertStatus(reply, "OK")
                if op != "I":
                    self.assertContent(reply, self.tree.files[f"size/{size}"])

    def test_open_files(self):
        daemon = self.daemon("--open-files", 2, "--hot-max", 0)
        stalled = [self.connect(daemon.tcp) for _ in range(2)]
        for client in stalled:
            client.send(frame("C", request("1g")))
            self.assertEqual(client.reply_head().fields.count, GIB)
        client = self.connect(daemon.unix)
        for op in "FCSAI":
            self.assertStatus(client.get(op, "hello"), "FD_LIMIT")
        self.assertAlive(client)
        stalled[0].close()
        until(lambda: client.get("I", "hello").ok, "a file may be opened again")

    def test_open_files_that_were_asked_for_together(self):
        daemon = self.daemon("--open-files", 3, "--hot-max", 0)
        clients = [self.connect(daemon.unix) for _ in range(20)]
        for client in clients:
            client.ping()
        daemon.signal(signal.SIGSTOP)
        for client in clients:
            client.send(frame("C", request("1g")))
        daemon.signal(signal.SIGCONT)
        daemon.wait_counter("reactor", "replies_FD_LIMIT", 17)
        self.assertEqual(daemon.counter("reactor", "fds_object"), 3)

    def test_pipelined_copies_leave_half_of_the_open_files(self):
        daemon = self.daemon("--open-files", 8, "--hot-max", 0)
        greedy = [self.connect(address) for address in (daemon.tcp, daemon.unix)]
        for client in greedy:
            client.send(b"".join(frame("C", request(f"size/{5 * MIB + 3}"), tag=tag) for tag in range(20)))
        daemon.wait_counter("reactor", "fds_object", 1 + 1 + 8 // 2)
        client = self.connect(daemon.unix)
        for op in "FCSA":
            self.assertContent(client.get(op, "hello"), b"hello, world\n")
        for client in greedy:
            for tag in range(20):
                reply = client.reply()
                self.assertEqual(reply.tag, tag)
                self.assertContent(reply, self.tree.files[f"size/{5 * MIB + 3}"])
        self.assertEqual(daemon.counter("reactor", "replies_FD_LIMIT"), 0)

    def test_one_client_with_many_pipelined_copies(self):
        daemon = self.daemon("--open-files", 1000, "--queue-depth", 1000)
        client = self.connect(daemon.tcp)
        count = 300
        client.send_in_background(frame("C", request("size/65553")) * count)
        for _ in range(count):
            self.assertContent(client.reply(), self.tree.files["size/65553"])


class Descriptors(Case):
    def test_none_left_to_accept_with(self):
        daemon = self.daemon("--accept-pause", 0.05)
        client = self.connect(daemon.unix)
        client.ping()
        limits = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        used = max(int(fd) for fd in os.listdir(f"/proc/{daemon.pid}/fd")) + 1
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (used, limits[1]))
        waiting = [self.connect(address) for address in (daemon.unix, daemon.tcp)]
        for other in waiting:
            other.send(frame("N", b"at last"))
        daemon.wait_line("accepting paused", 2)
        for _ in range(20):
            client.ping()  # who is there goes on
        self.assertStatus(client.get("F", "hello"), "FD_LIMIT")
        self.assertStatus(client.get("C", "hello"), "FD_LIMIT")
        self.assertStatus(client.call("L", listing()), "FD_LIMIT")
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, limits)
        for other in waiting:
            self.assertEqual(other.reply().payload, b"at last")
        self.assertContent(client.get("F", "hello"), b"hello, world\n")
        self.assertGreaterEqual(daemon.counter("reactor", "accept_pauses"), 2)

    def test_limits_that_do_not_fit_are_refused_with_the_arithmetic(self):
        done = run_sluiced("--listen", "unix:@never", "--connections", 1000000)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"connections 1000000 \+ .* = \d+ exceed RLIMIT_NOFILE \d+")

    def test_the_soft_limit_is_raised_to_the_hard_one(self):
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 2
        daemon = self.daemon(preexec=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (soft, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
        limits = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        self.assertEqual(limits[0], limits[1])
