"""JSON-RPC on the wire: detection, framing, limits, order, ends, administration, POST /rpc."""
import time

from case import MIB, Case
from daemon import until
from http1 import HttpClient, head
from mcp import SocketSession, meta
from rpc import TRANSPORTS, Frames, Lines, Post, as_text, call, parse
from slc import frame


class Sockets(Case):
    def lines(self, address, **options):
        client = Lines(address, **options)
        self.addCleanup(client.close)
        return client

    def frames(self, address):
        client = Frames(address)
        self.addCleanup(client.close)
        return client

    def test_detection_from_single_bytes(self):
        server = self.daemon("--timeout-detect", 60)
        for opening in (b"", b" \t", b"\r\n\n"):
            client = self.lines(server.tcp)
            client.send_bytewise(opening + as_text(call("ping")) + b"\n")
            self.assertEqual(client.hear()["result"], {})
        client = self.frames(server.tcp)
        client.send_bytewise(frame("J", as_text(call("ping")), tag=5, magic=b"MCP1"))
        self.assertEqual(client.hear(5)["result"], {})

    def test_frames_cut_at_every_byte(self):
        server = self.daemon()
        whole = frame("J", as_text(call("ping", id=1)), tag=3, magic=b"MCP1")
        client = self.frames(server.unix)
        for cut in range(len(whole)):
            client.send(whole[:cut])
            client.send(whole[cut:])
            self.assertEqual(client.hear(3)["id"], 1)

    def test_lines_end_with_or_without_a_carriage_return(self):
        client = self.lines(self.daemon().unix)
        client.send(as_text(call("ping", id=1)) + b"\r\n\n  \r\n" + as_text(call("ping", id=2)) + b"\n")
        self.assertEqual([client.hear()["id"], client.hear()["id"]], [1, 2])

    def test_the_last_line_may_lack_its_end(self):
        client = self.lines(self.daemon().unix)
        client.send(as_text(call("ping", id=1)) + b"\n" + as_text(call("object.info", {"key": "hello"}, id=2)))
        client.finish_sending()
        self.assertEqual([client.hear()["id"], client.hear()["id"]], [1, 2])
        self.assertTrue(client.ended())

    def test_a_message_of_the_limit_and_one_byte_more(self):
        server = self.daemon()
        for size, good in ((MIB, True), (MIB + 1, False)):
            message = as_text(call("ping"))
            message = message[:-1] + b" " * (size - len(message)) + b"}"
            self.assertEqual(len(message), size)
            for client in (self.lines(server.unix), self.lines(server.tcp)):
                sender = client.send_in_background(message + b"\r\n" + as_text(call("ping", id=2)) + b"\n")
                reply = client.hear()
                if good:
                    self.assertEqual([reply["id"], client.hear()["id"]], [1, 2])
                else:
                    self.assertEqual((reply["error"]["code"], reply["id"]), (-32014, None))
                    self.assertTrue(client.ended_or_reset())
                sender.join()

    def test_frames_of_the_limit_and_one_byte_more(self):
        server = self.daemon()
        message = as_text(call("ping"))
        client = self.frames(server.tcp)
        client.say(message[:-1] + b" " * (MIB - len(message)) + b"}", tag=4)
        self.assertEqual(client.hear(4)["result"], {})
        client.send(frame("J", b"", tag=6, magic=b"MCP1", length=MIB + 1))
        self.assertEqual(client.hear_frame()[:3], ("J", "TOO_LARGE", 6))
        self.assertTrue(client.ended_or_reset())

    def test_replies_that_nobody_takes_are_bounded(self):
        server = self.daemon("--bytes-total", "1m", root=self.directory({"big": bytes(MIB)}))
        slow, other = self.lines(server.unix), self.lines(server.unix)
        read = {"key": "big", "encoding": "base64"}
        slow.say(*[call("object.read", read, id=i) for i in range(8)])
        slow.receive()  # the first reply is on its way
        until(lambda: "error" in other.ask(call("object.read", read)), "no room for another one")
        self.assertEqual(other.ask(call("ping"))["result"], {})
        http = HttpClient(server.tcp)
        self.addCleanup(http.close)
        self.assertEqual([http.fetch(f"/_/{page}").status for page in ("health", "stats")], [200, 503])
        replies = [slow.hear() for _ in range(8)]
        self.assertEqual({reply["id"] for reply in replies}, set(range(8)))
        errors = [reply["error"] for reply in replies if "error" in reply]
        self.assertTrue(0 < len(errors) < 8)
        self.assertEqual({(error["code"], error["data"]["status"]) for error in errors}, {(-32015, "BUSY")})

    def test_framing_errors(self):
        server = self.daemon()
        client = self.frames(server.unix)
        for options, status in (({"op": "K"}, "UNSUPPORTED"), ({"flags": 1}, "UNSUPPORTED"),
                                ({"status": 1}, "BAD_REQUEST"), ({"nfds": 1}, "BAD_REQUEST")):
            op = options.pop("op", "J")
            client.send(frame(op, b"{}", tag=8, magic=b"MCP1", **options))
            self.assertEqual(client.hear_frame()[:3], (op, status, 8))
        self.assertEqual(client.ask(call("ping"))["result"], {})
        client.send(frame("J", b"{}", tag=8))
        self.assertEqual(client.hear_frame()[:3], ("J", "BAD_REQUEST", 0))
        self.assertTrue(client.ended_or_reset())

    def test_a_slow_call_does_not_hold_the_others_back(self):
        server = self.daemon("--demo-routes", "yes")
        for client, hear in ((self.lines(server.unix), lambda c: c.hear()),
                             (self.frames(server.unix), lambda c: parse(c.hear_frame()[4]))):
            client.say(call("fib", {"n": 32}, id="slow"), *[call("ping", id=i) for i in range(10)])
            order = [hear(client)["id"] for _ in range(11)]
            self.assertEqual(order, [*range(10), "slow"])

    def test_pipelining_beyond_every_budget(self):
        client = self.lines(self.daemon().tcp)
        count = 3000
        sender = client.send_in_background(b"".join(as_text(call("object.info", {"key": "hello"}, id=i)) + b"\n"
                                                    for i in range(count)))
        self.assertEqual(sorted(client.hear()["id"] for _ in range(count)), list(range(count)))
        sender.join()

    def test_a_client_that_leaves_in_mid_call(self):
        server = self.daemon("--demo-routes", "yes")
        for kind in (Lines, Frames):
            for message in (call("fib", {"n": 33}), [call("fib", {"n": 33}, id=i) for i in range(5)],
                            call("object.read", {"key": "size/1048576"}), call("object.open", {"key": "hello"})):
                client = kind(server.unix)
                client.say(message)
                client.close()
        client = HttpClient(server.tcp)
        body = as_text(call("fib", {"n": 33}))
        client.send(head("POST", "/rpc", f"Content-Length: {len(body)}") + body)
        client.close()
        until(lambda: server.counter("rpc", "rpc_open") == 0, "no call in hand")

    def test_no_memory_is_kept_by_idle_connections(self):
        server = self.daemon()
        clients = [self.lines(server.unix) for _ in range(200)]
        for client in clients:
            client.ask(call("ping"))
        self.assertEqual({row["state"] for row in server.connections() if row["protocol"] == "rpc"}, {"idle"})

    def test_a_line_that_does_not_end_in_time(self):
        client = self.lines(self.daemon("--timeout-request", 0.1).unix)
        client.send(b'{"jsonrpc"')
        self.assertTrue(client.ended_or_reset())

    def test_a_steady_pipeline_outlives_the_deadline_of_one_request(self):
        daemon = self.daemon("--timeout-request", 1)
        text = as_text(call("ping")) + b"\n"
        for _ in range(10):
            client = self.lines(daemon.unix)
            client.send(text[:5])
            start, longest = time.monotonic(), 0
            try:
                while time.monotonic() < start + 2:  # there is always the start of a next message
                    before = time.monotonic()
                    client.send(text[5:] + text[:5])
                    client.hear()
                    longest = max(longest, time.monotonic() - before)
                return
            except (EOFError, ConnectionError):
                self.assertGreater(max(longest, time.monotonic() - before), 0.5, "no message took long")
        self.skipTest("the machine stands still too often")

    def test_refusals_name_the_id(self):
        server = self.daemon("--rate-connection", 1, "--rate-burst", 1)
        client = self.lines(server.unix)
        client.say(*[call("ping", id=f"n{i}") for i in range(3)])
        replies = [client.hear() for _ in range(3)]
        self.assertEqual([reply["id"] for reply in replies], ["n0", "n1", "n2"])
        self.assertEqual(replies[2]["error"]["code"], -32019)

    def test_notifications_make_room_for_what_follows_them(self):
        """Their end is no reply that would wake the connection."""
        server = self.daemon("--demo-routes", "yes", "--pipeline", 2)
        client = self.lines(server.unix)
        client.say(*[call("fib", {"n": 20}, id=...)] * 10, call("ping", id="last"))
        self.assertEqual(client.hear()["id"], "last")

    def test_refused_notifications_get_no_reply(self):
        server = self.daemon("--rate-connection", 1, "--rate-burst", 1)
        client = self.lines(server.unix)
        client.say(call("ping", id="one"), call("ping", id=...), call("ping", id=...), call("ping", id="two"))
        self.assertEqual([client.hear()["id"] for _ in range(2)], ["one", "two"])

    def test_a_notification_during_a_drain_does_no_harm_to_what_is_in_hand(self):
        for kind in (Lines, Frames):
            server = self.daemon("--log", "info")
            session = SocketSession(kind, server.unix)
            self.addCleanup(session.close)
            session.client.say(call("subscriptions/listen", {"_meta": meta(), "notifications": {}}, id="long"))
            self.assertIn("acknowledged", session.hear()["method"])
            server.signal()
            server.wait_line("draining")
            session.client.say(call("notifications/progress", {}, id=...))
            answer = session.hear()
            self.assertEqual(answer["id"], "long", answer)
            session.close()
            self.assertEqual(server.wait_exit(), 0)

    def test_a_listener_may_not_offer_them(self):
        """As it says, or because it is for more than this host and does not say."""
        for listen in ('listen "tcp:127.0.0.1:0" { protocols = {"slc"} }', 'listen "tcp:0.0.0.0:0" { }'):
            server = self.daemon(config=listen, listen=())
            address = server.tcp.replace("0.0.0.0", "127.0.0.1")
            for opening in (b"{}\n", frame("J", b"{}", magic=b"MCP1")):
                client = self.connect(address)
                client.send(opening)
                self.assertTrue(client.ended_or_reset())
            self.assertEqual((server.counter("reactor", "detect_rpc"), server.counter("reactor", "detect_mcp")), (1, 1))
            self.connect(address).ping()


class Administration(Case):
    def test_stats_and_config(self):
        server = self.daemon()
        client = Lines(server.unix)
        self.addCleanup(client.close)
        self.assertEqual(client.ask(call("stats.get"))["result"]["rpc"]["rpc_open"], 1)
        self.assertIn("rpc_message", client.ask(call("config.get"))["result"]["text"])

    def test_messages_are_counted(self):
        server = self.daemon()
        client = Lines(server.unix)
        self.addCleanup(client.close)
        client.say(call("ping", id=...))
        for message in (call("ping"), call("nothing"), b"{", b"1", [call("ping", id=1), call("ping", id=...), 7]):
            client.ask(message)
        stats = server.stats()["rpc"]
        self.assertEqual({name: stats[f"rpc_{name}"]
                          for name in ("calls", "notifications", "batches", "errors", "malformed")},
                         {"calls": 3, "notifications": 2, "batches": 1, "errors": 4, "malformed": 3})

    def test_only_on_listeners_that_have_it(self):
        server = self.daemon(config='listen "tcp:127.0.0.1:0" { admin = no }', listen=())
        for kind in TRANSPORTS.values():
            client = kind(server.tcp)
            self.addCleanup(client.close)
            for method in ("stats.get", "config.get", "drain"):
                self.assertEqual(client.ask(call(method))["error"]["code"], -32011)

    def test_drain(self):
        for kind in TRANSPORTS.values():
            server = self.daemon("--demo-routes", "yes")
            other = Lines(server.unix)
            self.addCleanup(other.close)
            other.say(call("fib", {"n": 36}))
            server.wait_counter("rpc", "rpc_open")
            client = kind(server.unix)
            self.addCleanup(client.close)
            self.assertEqual(client.ask(call("drain"))["result"], {"draining": True, "already": False})
            self.assertIn("result", other.hear())
            self.assertEqual(server.wait_exit(), 0)


    def test_a_second_drain_changes_nothing(self):
        begun, again = {"draining": True, "already": False}, {"draining": True, "already": True}
        server = self.daemon("--drain-delay", 600)
        client = Lines(server.unix)
        self.addCleanup(client.close)
        self.assertEqual([client.ask(call("drain"))["result"] for _ in range(2)], [begun, again])
        with Lines(server.unix) as other:
            self.assertEqual(other.ask(call("ping"))["result"], {}, "the delay goes on")
        server = self.daemon("--demo-routes", "yes")
        client, other = Lines(server.unix), Lines(server.unix)
        self.addCleanup(client.close)
        self.addCleanup(other.close)
        other.say(call("fib", {"n": 36}))
        server.wait_counter("rpc", "rpc_open")
        self.assertEqual([answer["result"] for answer in client.ask([call("drain", id=1), call("drain", id=2)])],
                         [begun, again])
        self.assertIn("result", other.hear(), "what is in hand is not cut off")
        self.assertEqual(server.wait_exit(), 0)


class Http(Case):
    def setUp(self):
        self.server = self.daemon()
        self.client = Post(self.server.tcp)
        self.addCleanup(self.client.close)

    def ask(self, method, *fields, body=b"", **options):
        return HttpClient.ask(self.client, method, "/rpc", *fields, body=body, **options)

    def test_other_methods(self):
        for method in ("GET", "PUT", "DELETE", "HEAD"):
            response = self.ask(method)
            self.assertEqual((response.status, response.get("Allow")), (405, "POST, OPTIONS"))
        response = self.ask("OPTIONS")
        self.assertEqual((response.status, response.get("Allow")), (204, "POST, OPTIONS"))

    def test_content_types(self):
        body = as_text(call("ping"))
        for kind, status in (("application/json", 200), ("application/json; charset=utf-8", 200),
                             ("Application/JSON", 200), ("text/plain", 415),
                             ("application/x-www-form-urlencoded", 415)):
            self.assertEqual(self.ask("POST", f"Content-Type: {kind}", body=body).status, status)
        self.assertEqual(self.ask("POST", body=body).status, 200)

    def test_content_codings(self):
        body = as_text(call("ping"))
        for coding, status in (("identity", 200), ("Identity", 200), ("gzip", 415), ("br", 415)):
            self.assertEqual(self.ask("POST", f"Content-Encoding: {coding}", body=body).status, status)

    def test_foreign_names_are_refused(self):
        body = as_text(call("ping"))
        for origin in ("http://evil.example", "http://192.0.2.1"):
            self.assertEqual(self.ask("POST", f"Origin: {origin}", body=body).status, 403)
        self.assertEqual(self.ask("POST", "Origin: http://localhost:3000", body=body).status, 200)
        self.assertEqual(self.ask("POST", body=body, host="evil.example").status, 403)

    def test_too_long(self):
        client = HttpClient(self.server.tcp)
        self.addCleanup(client.close)
        client.send(head("POST", "/rpc", f"Content-Length: {MIB + 1}"))
        self.assertEqual(client.response().status, 413)
