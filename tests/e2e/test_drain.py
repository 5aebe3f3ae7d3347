"""SIGTERM and SIGINT: nothing in flight is lost, and it ends."""
import os
import signal
import socket
import threading

from case import GIB, KIB, MIB, Case, Client
from daemon import BUILD, until
from slc import frame, request


class Drain(Case):
    def busy(self, daemon, op="C", key=f"size/{5 * MIB + 3}", address=None):
        """A client with a transfer in hand that cannot end before it reads on."""
        client = self.connect(address or daemon.tcp, receive_buffer=16 * KIB)
        client.read_size = 4096
        client.send(frame(op, request(key), tag=1))
        self.assertStatus(client.reply_head(), "OK")
        return client

    def drain(self, daemon, number=signal.SIGTERM):
        daemon.signal(number)
        daemon.wait_line("event=draining")

    def test_without_connections_it_ends_at_once(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            daemon = self.daemon()
            if BUILD.name == "tsan":  # ThreadSanitizer loses a signal that comes before the first wait for events
                daemon.stats()
            daemon.signal(number)
            self.assertEqual(daemon.wait_exit(), 0)

    def test_a_signal_that_who_started_it_had_blocked(self):
        def block():
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        daemon = self.daemon(preexec=block)
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait_exit(), 0)

    def test_a_hangup_is_no_reason_to_end(self):
        daemon = self.daemon()
        client = self.connect(daemon.tcp)
        client.ping()
        daemon.signal(signal.SIGHUP)
        client.ping()
        self.connect(daemon.unix).ping()

    def test_idle_connections_end(self):
        daemon = self.daemon()
        clients = [self.connect(address) for address in (daemon.unix, daemon.tcp) * 3]
        for client in clients[2:]:
            client.ping()
        until(lambda: daemon.counter("reactor", "connections") == 7, "all are accepted")
        self.drain(daemon)
        for client in clients:
            self.assertTrue(client.ended())
            client.close()
        self.assertEqual(daemon.wait_exit(), 0)

    def test_idle_clients_that_stay_are_not_waited_for(self):
        daemon = self.daemon("--drain-timeout", 1.5)
        clients = [self.connect(address) for address in (daemon.unix, daemon.tcp, daemon.unix, daemon.unix)]
        for client in clients[:2]:
            client.ping()
        for client in clients[2:]:  # they do not receive
            client.send(frame("F", request("hello")) * 10)
        until(lambda: daemon.counter("reactor", "fds_passed") == 20, "the descriptors are on their way")
        clients[3].socket.shutdown(socket.SHUT_RDWR)
        self.drain(daemon)
        self.assertEqual(daemon.wait_exit(), 0)
        self.assertNotIn("drain cut off", daemon.stderr)
        for client in clients:
            while client.receive():
                pass
            self.assertIn(len(client.fds), (0, 10))

    def test_what_is_in_flight_completes(self):
        daemon = self.daemon()
        data = self.tree.files[f"size/{5 * MIB + 3}"]
        busy = [self.busy(daemon, op, address=address) for op in "CS" for address in (daemon.unix, daemon.tcp)]
        self.drain(daemon)
        for client in busy:
            client.read_size = 65536
            self.assertTrue(client.take(len(data)) == data)
            self.assertTrue(client.ended())
            client.close()
        self.assertEqual(daemon.wait_exit(), 0)

    def test_replies_that_wait_for_their_reader_leave_first(self):
        daemon = self.daemon("--drain-timeout", 600)
        client = self.connect(daemon.unix)
        client.send_in_background(b"".join(frame("N", bytes(4096), tag=tag) for tag in range(60)))
        until(lambda: 60 in [row["requests"] for row in daemon.connections()], "all are answered")
        self.drain(daemon)
        for tag in range(60):
            self.assertEqual(client.reply().tag, tag)
        self.assertTrue(client.ended())
        client.close()
        self.assertEqual(daemon.wait_exit(), 0)

    def test_late_requests_are_told(self):
        daemon = self.daemon()
        busy, begun = self.busy(daemon), self.connect(daemon.tcp)
        begun.ping()
        late = frame("C", request("hello"), tag=2)
        begun.send(late[:-1])
        until(lambda: "receiving" in [row["state"] for row in daemon.connections()], "the half of a request")
        self.drain(daemon)
        busy.send(late)
        begun.send(late[-1:])
        busy.take(5 * MIB + 3)
        for client in (busy, begun):
            reply = client.reply()
            self.assertEqual((reply.op, reply.tag), ("C", 2))
            self.assertStatus(reply, "SHUTTING_DOWN")
            self.assertTrue(client.ended())
            client.close()
        self.assertEqual(daemon.wait_exit(), 0)

    def test_every_late_request_is_told(self):
        daemon = self.daemon()
        for address in (daemon.tcp, daemon.unix):
            self.connect(address).ping()
        busy = [self.busy(daemon, address=address) for address in (daemon.tcp, daemon.unix)]
        self.drain(daemon)
        for client in busy:  # more than one read takes
            client.send(b"".join(frame("N", bytes(2000), tag=tag) for tag in range(20)))
            client.send(b"".join(frame("C", request("hello"), tag=tag) for tag in range(20, 40)))
        for client in busy:
            client.take(5 * MIB + 3)
            for tag in range(40):
                reply = client.reply()
                self.assertEqual(reply.tag, tag)
                self.assertStatus(reply, "SHUTTING_DOWN")
            self.assertTrue(client.ended())
            client.close()
        self.assertEqual(daemon.wait_exit(), 0)

    def test_requests_that_came_before_the_signal_are_no_idleness(self):
        daemon = self.daemon()
        clients = [self.connect(address) for address in (daemon.tcp, daemon.unix)]
        for client in clients:
            client.ping()
        daemon.signal(signal.SIGSTOP)
        for client in clients:
            client.send(frame("N", b"1", tag=1) + frame("N", b"2", tag=2))
        daemon.signal(signal.SIGTERM)
        daemon.signal(signal.SIGCONT)
        for client in clients:
            for tag in (1, 2):
                self.assertEqual(client.reply().tag, tag)
            self.assertTrue(client.ended())
            client.close()
        self.assertEqual(daemon.wait_exit(), 0)

    def test_connections_that_waited_to_be_accepted_are_told(self):
        daemon = self.daemon("--accept-batch", 2)
        daemon.signal(signal.SIGSTOP)
        clients = [self.connect(address) for address in (daemon.unix, daemon.tcp) * 5]
        for client in clients:
            client.send(frame("C", request("hello")))
        daemon.signal(signal.SIGTERM)
        daemon.signal(signal.SIGCONT)
        for client in clients:
            self.assertIn(client.reply().status, ("OK", "SHUTTING_DOWN"))
            self.assertTrue(client.ended())
            client.close()
        self.assertEqual(daemon.wait_exit(), 0)

    def test_nobody_new_is_let_in(self):
        daemon = self.daemon()
        busy = self.busy(daemon)
        self.drain(daemon)
        for address in daemon.addresses:
            with self.assertRaises((ConnectionRefusedError, FileNotFoundError)):
                Client(address)
        for name in ("admin.sock", "s.sock"):
            self.assertFalse(os.path.lexists(daemon.directory / name))
        busy.close()
        self.assertEqual(daemon.wait_exit(), 0)

    def test_the_deadline_cuts_off(self):
        daemon = self.daemon("--drain-timeout", 0.2)
        busy = [self.busy(daemon, "C", "1g", address) for address in (daemon.unix, daemon.tcp)]
        self.drain(daemon)
        self.assertEqual(daemon.wait_exit(), 0)
        daemon.wait_line("drain cut off")
        for client in busy:
            with self.assertRaises((EOFError, ConnectionResetError)):
                client.discard(GIB)

    def test_a_second_signal_cuts_off(self):
        daemon = self.daemon("--drain-timeout", 600)
        busy = self.busy(daemon, "S", "1g")
        self.drain(daemon)
        daemon.signal(signal.SIGINT)
        self.assertEqual(daemon.wait_exit(), 0)
        with self.assertRaises((EOFError, ConnectionResetError)):
            busy.discard(GIB)

    def test_during_the_delay_it_serves_on(self):
        daemon = self.daemon("--drain-delay", 600)
        old = self.connect(daemon.tcp)
        old.ping()
        daemon.signal()
        daemon.wait_line("event=signal")
        self.assertAlive(old)
        with Client(daemon.tcp) as new:
            self.assertContent(new.get("C", "hello"), b"hello, world\n")
        self.assertTrue(daemon.stats()["process"]["draining"])
        self.drain(daemon)  # the second signal ends the delay
        self.assertTrue(old.ended())
        old.close()
        self.assertEqual(daemon.wait_exit(), 0)

    def test_after_the_delay_it_drains(self):
        daemon = self.daemon("--drain-delay", 0.2)
        client = self.connect(daemon.tcp)
        client.ping()
        daemon.signal()
        self.assertTrue(client.ended())
        client.close()
        self.assertEqual(daemon.wait_exit(), 0)

    def test_under_load_every_reply_is_whole(self):
        daemon = self.daemon()
        sizes = [0, 1, 4096, 65553, MIB]
        started = threading.Barrier(9)
        problems = []

        def load(address, number):
            try:
                with Client(address) as client:
                    tag = replies = 0
                    try:
                        while True:
                            batch = [(op, sizes[(tag + n) % len(sizes)]) for n, op in enumerate("CSAC")]
                            client.send(b"".join(frame(op, request(f"size/{size}"), tag=tag + n)
                                                 for n, (op, size) in enumerate(batch)))
                            for n, (_, size) in enumerate(batch):
                                reply = client.reply()
                                self.assertEqual(reply.tag, tag + n)
                                if reply.ok:
                                    self.assertContent(reply, self.tree.files[f"size/{size}"])
                                else:
                                    self.assertStatus(reply, "SHUTTING_DOWN")
                                replies += 1
                            tag += len(batch)
                            if tag == 8:
                                started.wait()
                    except (EOFError, BrokenPipeError, ConnectionResetError):
                        # The end may come between two replies, never inside one.
                        self.assertEqual(bytes(client.buffer), b"")
            except Exception as error:  # of this thread, for the main one
                problems.append(error)
                started.abort()
        threads = [threading.Thread(target=load, args=(address, n))
                   for n, address in enumerate([daemon.unix, daemon.tcp] * 4)]
        for thread in threads:
            thread.start()
        started.wait()
        daemon.signal()
        for thread in threads:
            thread.join()
        self.assertEqual(problems, [])
        self.assertEqual(daemon.wait_exit(), 0)
