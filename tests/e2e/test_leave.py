"""Clients that leave, at every stage, and clients that stop reading."""
import os
import signal
import subprocess
import sys
import textwrap

from case import GIB, KIB, MIB, Case, Client
from slc import SHARED, frame, listing, request


class Leaving(Case):
    """Each test ends with the ledger balanced, all pipes free and no job open: daemon.check_rest()."""

    def addresses(self, *arguments):
        daemon = self.daemon(*arguments)
        return daemon, (daemon.unix, daemon.tcp)

    def test_at_once(self):
        _, addresses = self.addresses()
        for address in addresses:
            for _ in range(50):
                Client(address).close()

    def test_inside_a_request(self):
        _, addresses = self.addresses()
        whole = frame("F", request("hello"))
        for address in addresses:
            for cut in range(len(whole)):
                with Client(address) as client:
                    client.send(whole[:cut])

    def test_before_the_reply(self):
        _, addresses = self.addresses()
        for address in addresses:
            for op in "FCSAILNT":
                for key in ("hello", f"size/{MIB}", "1g", "missing"):
                    for flags in (0, SHARED) if op == "F" else (0,):
                        with Client(address) as client:
                            payload = listing() if op == "L" else b"" if op == "T" else request(key)
                            client.send(frame(op, payload, flags=flags) * 10)

    def test_in_the_middle_of_a_body(self):
        _, addresses = self.addresses()
        for address in addresses:
            for op in "CS":
                for size in (1, 5000, 300 * KIB, 2 * MIB):
                    with Client(address, receive_buffer=16 * KIB) as client:
                        client.send(frame(op, request("1g")) * 3)
                        client.reply_head()
                        client.take(size)

    def test_with_bytes_in_a_pipe(self):
        daemon, addresses = self.addresses()
        for address in addresses:
            clients = [Client(address, receive_buffer=16 * KIB) for _ in range(20)]  # more than there are pipes
            for client in clients:
                client.send(frame("S", request("1g")))
                client.reply_head()
            daemon.wait_counter("objects", "transfers", 20)
            self.assertLess(daemon.counter("offload", "pipes_free"), 16)
            for client in clients:
                client.close()
            daemon.check_rest()  # the next ones find all pipes free

    def test_with_descriptors_on_the_way(self):
        daemon, _ = self.addresses()
        for count in (1, 64, 200):
            with Client(daemon.unix) as client:
                client.send(frame("F", request("hello")) * count)
                client.receive(1)

    def test_killed(self):
        daemon, addresses = self.addresses()
        program = f"""
            import sys
            sys.path.insert(0, {os.path.dirname(os.path.abspath(__file__))!r})
            from slc import Client, frame, request
            clients = []
            for address in sys.argv[1:]:
                for op, key in (("C", "1g"), ("S", "1g"), ("A", "size/262144"), ("F", "hello"), ("C", "hello")):
                    clients.append(Client(address))
                    clients[-1].send(frame(op, request(key)) * 20)
                    clients[-1].receive(1000)
            print("ready", flush=True)
            sys.stdin.read()
        """
        for _ in range(3):
            with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program), *addresses],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
                self.assertEqual(child.stdout.readline(), b"ready\n")
                child.send_signal(signal.SIGKILL)
        self.assertAlive(self.connect(daemon.tcp))

    def test_with_its_sending_side_only(self):
        _, addresses = self.addresses()
        for address in addresses:
            with Client(address) as client:
                client.send(frame("C", request("1g")))
                client.finish_sending()
                client.reply_head()
                client.take(MIB)


class Stalled(Case):
    """Clients that stop reading."""

    def test_one_that_reads_nothing_of_a_gibibyte_holds_up_nobody(self):
        daemon = self.daemon()
        stalled = [self.connect(address) for address in (daemon.unix, daemon.tcp) for _ in range(2)]
        for client, op in zip(stalled, "CSCS"):
            client.send(frame(op, request("1g")))
        daemon.wait_counter("objects", "transfers", 4)
        name = f"size/{5 * MIB + 3}"
        for address in (daemon.unix, daemon.tcp):
            client = self.connect(address)
            for op in "NCSAINCSA":
                if op == "N":
                    client.ping()
                elif op == "I":
                    self.assertStatus(client.get(op, name), "OK")
                else:
                    self.assertContent(client.get(op, name), self.tree.files[name])
        for client in stalled:  # and they can go on whenever they like
            self.assertEqual(client.reply_head().fields.count, GIB)
            client.discard(8 * MIB)

    def test_many_that_hold_all_the_memory_hold_up_nobody(self):
        daemon = self.daemon("--bytes-total", "1m", "--chunk", "256k", "--pipes", 2)
        stalled = [self.connect(daemon.tcp, receive_buffer=4096) for _ in range(20)]
        name = f"size/{5 * MIB + 3}"
        for n, client in enumerate(stalled):
            client.send(frame("CS"[n % 2], request(name)))
        daemon.wait_counter("objects", "transfers", 20)
        other = self.connect(daemon.unix)
        for _ in range(3):
            self.assertContent(other.get("C", name), self.tree.files[name])
        self.assertLessEqual(daemon.counter("objects", "buffer_bytes"), 2 * MIB)
        for client in stalled:
            self.assertContent(client.reply(), self.tree.files[name])
