"""Descriptors that the kernel refuses to pass (ETOOMANYREFS), in every protocol."""
import json
import os
import subprocess
import sys
import textwrap

from case import MIB, NOBODY, Case
from daemon import until
from http1 import HttpClient, head
from rpc import Frames, Lines, call
from slc import frame, request


class Refused(Case):
    """As a user without privileges, whom the kernel bounds, near RLIMIT_NOFILE."""

    def small_daemon(self, *arguments):
        return self.daemon("--shared-max", 0, "--hot-max", 0, "--pipes", 4, "--queue-depth", 1000, *arguments,
                           user=NOBODY, nofile=300)

    def hog_of_descriptors(self, count):
        """A process of the daemon's user that keeps count descriptors in flight."""
        program = f"""
            import array, os, socket, sys
            os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
            pairs, null = [], os.open("/dev/null", os.O_RDONLY)
            for _ in range({count} // 100):
                pairs.append(socket.socketpair())
                pairs[-1][0].sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null] * 100))])
            print("ready", flush=True)
            sys.stdin.read()
        """
        hog = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)

        def leave():
            hog.stdin.close()
            hog.stdout.close()
            hog.wait()
        self.addCleanup(leave)
        self.assertEqual(hog.stdout.readline(), "ready\n")
        return leave

    def test_refused_by_the_kernel(self):
        daemon = self.small_daemon()
        leave = self.hog_of_descriptors(400)
        first, second = self.connect(daemon.unix), self.connect(daemon.unix)
        # Those that find out, though their replies were put together already.
        first.send(frame("N", b"before") + b"".join(frame("F", request("hello"), tag=tag) for tag in (1, 2, 3))
                   + frame("C", request("hello"), tag=4))
        self.assertEqual(first.reply().payload, b"before")
        for tag in (1, 2, 3):
            refused = first.reply()
            self.assertEqual((refused.op, refused.tag, refused.nfds), ("F", tag, 0))
            self.assertStatus(refused, "FD_LIMIT")
        self.assertContent(first.reply(), b"hello, world\n")
        self.assertEqual([row["fds_in_flight"] for row in daemon.connections()], [0, 0, 0])
        self.assertEqual(daemon.counter("reactor", "fds_in_flight"), 0, "nothing stays booked")
        name = f"size/{MIB}"

        def copied():
            reply = second.get("A", name)
            self.assertContent(reply, self.tree.files[name])
            return reply.op == "C"
        self.assertTrue(copied())
        self.assertStatus(second.get("F", "hello"), "FD_LIMIT")
        self.assertAlive(second)
        leave()

        def passed():
            reply = second.get("F", "hello")
            reply.close()
            return reply.ok
        until(passed, "descriptors pass again")

    def test_refused_by_the_kernel_makes_auto_a_copy(self):
        daemon = self.small_daemon()
        self.hog_of_descriptors(400)
        client = self.connect(daemon.unix)
        name = f"size/{MIB}"
        client.send(frame("A", request(name), tag=1) + frame("F", request("hello"), tag=2)
                    + frame("A", request(name, 5, 100000), tag=3) + frame("N", b"behind", tag=4))
        copied = client.reply()
        self.assertEqual((copied.op, copied.tag, copied.nfds), ("C", 1, 0))
        self.assertContent(copied, self.tree.files[name])
        refused = client.reply()
        self.assertEqual((refused.op, refused.tag), ("F", 2))
        self.assertStatus(refused, "FD_LIMIT")
        part = client.reply()
        self.assertEqual((part.op, part.tag), ("C", 3))
        self.assertEqual(part.body, self.tree.files[name][5:100005])
        self.assertEqual(client.reply().payload, b"behind")
        self.assertEqual([daemon.counter("objects", name) for name in ("served_fd", "served_copy", "auto_without_fd")],
                         [0, 2, 2])
        stats = daemon.stats()["reactor"]
        self.assertEqual((stats["replies_FD_LIMIT"], stats["fds_passed"]), (1, 0))
        self.assertEqual(sum(count for name, count in stats.items() if name.startswith("replies_")),
                         stats["requests"] - 1, "one reply each, but for the one that asks")

    def test_refused_by_the_kernel_over_http(self):
        log = self.directory() / "access.log"
        log.parent.chmod(0o777)  # the daemon is nobody
        daemon = self.small_daemon("--access-log", "json", "--access-log-file", log)
        self.hog_of_descriptors(400)
        with HttpClient(daemon.unix) as client:
            want = head("GET", "/objects/hello", "Sluice-Delivery: fd")
            client.send(want + head("GET", "/objects/hello") +
                        want.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            for closes in (False, True):
                response = client.response()
                self.assertEqual((response.status, response.closes), (503, closes))
                self.assertFalse(response.get("Sluice-Fds"))
                self.assertEqual(response.get("Retry-After"), "1")
                self.assertEqual(json.loads(response.body)["error"], "FD_LIMIT")
                if not closes:
                    self.assertEqual(client.response().body, b"hello, world\n")
            self.assertTrue(client.ended())
            self.assertFalse(client.fds)
        self.assertEqual(daemon.counter("objects", "served_fd"), 0)
        self.assertEqual(daemon.counter("reactor", "replies_FD_LIMIT"), 2)
        until(lambda: len(log.read_text().splitlines()) == 3, "three lines in the access log")
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        self.assertEqual(sorted((line["status"], line["delivery"]) for line in lines),
                         [(200, "memory"), (503, "memory"), (503, "memory")])

    def test_refused_by_the_kernel_over_rpc(self):
        daemon = self.small_daemon()
        leave = self.hog_of_descriptors(400)
        wanted = call("object.open", {"key": "hello"}, id="a")
        batch = [call("ping", id=1), call("object.open", {"key": "hello"}, id="\u2713"), call("ping", id=3)]
        for kind in (Lines, Frames):
            with kind(daemon.unix) as client:
                client.say(call("ping", id=0), wanted, batch, wanted)
                told = [client.hear() for _ in range(4)]  # in any order
                told.remove({"jsonrpc": "2.0", "id": 0, "result": {}})
                of_batch = {one["id"]: one for answer in told if isinstance(answer, list) for one in answer}
                self.assertEqual(set(of_batch), {1, 3, "\u2713"})
                self.assertEqual([of_batch[id]["result"] for id in (1, 3)], [{}, {}])
                alone = [answer for answer in told if isinstance(answer, dict)]
                self.assertEqual([one["id"] for one in alone], ["a", "a"])
                for one in (*alone, of_batch["\u2713"]):
                    self.assertEqual((one["error"]["code"], one["error"]["data"]["status"]), (-32016, "FD_LIMIT"))
                self.assertEqual(client.ask(call("ping", id=4))["id"], 4)
                self.assertFalse(client.fds)
        self.assertEqual((daemon.counter("objects", "served_fd"), daemon.counter("reactor", "fds_passed")), (0, 0))
        leave()

        def passed():
            with Lines(daemon.unix) as client:
                reply = client.ask(wanted)
                if "fd" in reply:
                    os.close(reply["fd"])
                return "result" in reply
        until(passed, "descriptors pass again")
        self.assertEqual(daemon.counter("objects", "served_fd"), 1)

    def test_refused_by_the_kernel_a_long_reply_ends(self):
        daemon = self.small_daemon("--timeout-send", 0.2)
        self.hog_of_descriptors(400)
        with Lines(daemon.unix) as client:
            client.say([call("object.open", {"key": "hello"}, id=1), call("object.read", {"key": "size/4096"}, id=2)])
            self.assertTrue(client.ended_or_reset())
