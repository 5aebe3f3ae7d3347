"""A thousand requests of all kinds at once: every reply, in order, whole."""
import json
import random

from case import MIB, Case
from daemon import until
from slc import SHARED, frame, listing, request


class Pipeline(Case):
    COUNT = 1000

    def some(self, seed, is_unix):
        """COUNT requests as (op, key, offset, count, flags)."""
        dice = random.Random(seed)
        small = [name for name, data in self.tree.files.items() if len(data) <= 300 * 1024]
        asked = []
        for _ in range(self.COUNT):
            op = dice.choice("FFFCCSSAAILNTX" if is_unix else "CCCSSAAILNTXF")
            key = dice.choice(small + ["missing", "size", "1g"])
            size = len(self.tree.files.get(key, b""))
            offset = dice.choice([0, 0, 0, size // 2, size, size + 1])
            count = dice.choice([0, 0, 1, 100, 20000])
            flags = SHARED if op == "F" and dice.random() < 0.3 else 0
            if key == "1g" and op in "CSA":
                count = dice.choice([1, 20000])
            asked.append((op, key, offset, count, flags))
        return asked

    def encode(self, tag, op, key, offset, count, flags):
        payload = {"L": listing("size/", 5), "N": key.encode(), "T": b""}.get(op)
        return frame(op, request(key, offset, count) if payload is None else payload, tag, flags)

    def check(self, reply, tag, op, key, offset, count, is_unix):
        self.assertEqual(reply.tag, tag)
        data = self.tree.files.get(key)
        if op == "X" or (op == "F" and not is_unix):
            self.assertStatus(reply, "UNSUPPORTED")
        elif op == "N":
            self.assertEqual(reply.payload, key.encode())
        elif op == "L":
            self.assertEqual(reply.keys(), sorted(k for k in self.tree.files if k.startswith("size/"))[:5])
        elif op == "T":
            self.assertIn("reactor", json.loads(reply.json_text()))
        elif key == "missing":
            self.assertStatus(reply, "NOT_FOUND")
        elif key == "size":
            self.assertStatus(reply, "NOT_REGULAR")
        elif op == "I":
            self.assertStatus(reply, "OK")
        elif key == "1g":
            self.assertStatus(reply, "OK")
        elif offset > len(data):
            self.assertStatus(reply, "BAD_RANGE")
        else:
            self.assertContent(reply, data, offset, count)
        reply.close()

    def run_one(self, daemon, address, seed):
        client = self.connect(address)
        asked = self.some(seed, client.is_unix)
        client.send_in_background(b"".join(self.encode(tag, *each) for tag, each in enumerate(asked)))
        for tag, (op, key, offset, count, _) in enumerate(asked):
            self.check(client.reply(), tag, op, key, offset, count, client.is_unix)
        self.assertAlive(client)

    def test_over_unix(self):
        daemon = self.daemon()
        for seed in range(2):
            self.run_one(daemon, daemon.unix, seed)

    def test_over_tcp(self):
        daemon = self.daemon()
        for seed in range(2):
            self.run_one(daemon, daemon.tcp, seed)

    def test_with_all_queues_short(self):
        daemon = self.daemon("--pipeline", 3, "--turn-bytes", "16k", "--chunk", "16k", "--pipes", 1, "--splice-min", 0,
                             "--fd-window", 2, "--accept-batch", 1, "--spot-budget", 0)
        self.run_one(daemon, daemon.unix, 7)
        self.run_one(daemon, daemon.tcp, 8)


class Unread(Case):
    """A client that sends and sends and reads nothing."""

    def test_the_server_stops_reading_and_loses_nothing(self):
        daemon = self.daemon("--connections", 20)
        for address in (daemon.unix, daemon.tcp):
            client = self.connect(address)
            count = 48 * MIB // 4096
            sender = client.send_in_background(b"".join(frame("N", bytes(4096), tag=tag) for tag in range(count)))
            taken = [-1]

            def settled():
                taken.append(max(row["bytes_in"] for row in daemon.connections()))
                return taken[-1] == taken[-2] > 4096
            until(settled, "the server reads no further")
            for tag in range(count):
                reply = client.reply()
                self.assertEqual((reply.tag, reply.status, reply.length), (tag, "OK", 4096))
            sender.join()
            client.close()
