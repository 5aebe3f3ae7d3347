"""What changes below the roots is told to MCP's clients."""
import json
import os
import pathlib
import shutil
import signal

from daemon import BUILD, until
from mcp import META, MODERN, meta
from mcp_case import LIST, UPDATED, Changing
from rpc import Frames, Lines, call


class Changes(Changing):
    def hear_all(self, server):
        """A way to hear for each kind of legacy client, subscribed to sluice:///a and sluice:///new."""
        uris = "sluice:///a", "sluice:///new%20one", "sluice:///sub/b"
        for kind in (Lines, Frames):
            session = self.socket(kind, server)
            for uri in uris:
                self.assertEqual(self.result(session, "resources/subscribe", {"uri": uri}), {})
            yield session.hear
        session = self.http(server)
        for uri in uris:
            self.result(session, "resources/subscribe", {"uri": uri})
        yield self.stream(server, "GET", f"Mcp-Session-Id: {session.id}").message

    def test_told_to_sessions(self):
        server = self.listening()
        hears = list(self.hear_all(server))
        server.wait_counter("mcp", "mcp_watched", 2)
        self.put("a", b"12")
        for hear in hears:
            self.assertEqual(set(self.told(hear, {(UPDATED, "sluice:///a")})), {(UPDATED, "sluice:///a")})
        self.put("new one")
        for hear in hears:
            self.told(hear, {(LIST, None), (UPDATED, "sluice:///new%20one")})
        (self.place / "sub" / "b").unlink()
        for hear in hears:
            self.told(hear, {(LIST, None), (UPDATED, "sluice:///sub/b")})

    def listen(self, server, filter, id):
        """The stream of a subscriptions/listen."""
        body = json.dumps(call("subscriptions/listen", {"_meta": meta(), "notifications": filter}, id=id)).encode()
        return self.stream(server, "POST", f"MCP-Protocol-Version: {MODERN}", "Mcp-Method: subscriptions/listen",
                           "Content-Type: application/json", body=body)

    def test_told_to_listeners_of_the_modern_era(self):
        server = self.listening()
        stream = self.listen(server, {"resourcesListChanged": True, "toolsListChanged": True,
                                      "resourceSubscriptions": ["sluice:///a"]}, "x")
        first = stream.message()
        self.assertEqual(first["method"], "notifications/subscriptions/acknowledged")
        self.assertEqual(first["params"]["notifications"],
                         {"resourcesListChanged": True, "resourceSubscriptions": ["sluice:///a"]})
        server.wait_counter("mcp", "mcp_watched", 2)
        self.put("a", b"12")
        message = stream.message()
        self.assertEqual((message["method"], message["params"]["uri"]), (UPDATED, "sluice:///a"))
        self.assertEqual(message["params"]["_meta"], {META + "subscriptionId": "x"})
        self.put("c")
        self.assertEqual(stream.message()["method"], LIST)
        self.assertEqual(stream.ids, [])

    def test_a_drain_is_the_result_of_listening(self):
        server = self.listening()
        stream = self.listen(server, {"resourcesListChanged": True}, "s")
        client = Lines(server.unix)
        self.addCleanup(client.close)
        client.say(call("subscriptions/listen", {"_meta": meta(), "notifications": {}}, id=7))
        for hear in (stream.message, client.hear_any):
            self.assertEqual(hear()["method"], "notifications/subscriptions/acknowledged")
        server.signal()
        for hear, id in ((stream.message, "s"), (client.hear_any, 7)):
            answer = hear()
            self.assertEqual((answer["id"], answer["result"]["resultType"]), (id, "complete"))
            self.assertEqual(answer["result"]["_meta"][META + "subscriptionId"], id)
            self.assertEqual(answer["result"]["_meta"][META + "serverInfo"]["name"], "sluice")
        with self.assertRaises(EOFError):
            stream.event()
        client.close()
        self.assertEqual(server.wait_exit(), 0)

    def test_directories_that_come_go_and_move(self):
        server = self.listening()
        session = self.socket(Lines, server)
        keys = "new/deep/er/x", "moved/deep/er/x", "sub/b", "elsewhere/b"
        for key in keys:
            self.result(session, "resources/subscribe", {"uri": f"sluice:///{key}"})
        server.wait_counter("mcp", "mcp_watched", 2)
        self.put("new/deep/er/x")
        self.told(session.hear, {(LIST, None), (UPDATED, "sluice:///new/deep/er/x")})
        server.wait_counter("mcp", "mcp_watched", 5)
        os.rename(self.place / "new", self.place / "moved")
        self.told(session.hear,
                  {(LIST, None), (UPDATED, "sluice:///new/deep/er/x"), (UPDATED, "sluice:///moved/deep/er/x")})
        until(lambda: server.counter("mcp", "mcp_watched") == 5, "the same directories are watched")
        self.put("moved/deep/er/x", b"more")
        came = self.told(session.hear, {(UPDATED, "sluice:///moved/deep/er/x")})
        self.assertNotIn((UPDATED, "sluice:///new/deep/er/x"), came)
        shutil.rmtree(self.place / "moved")
        self.told(session.hear, {(LIST, None), (UPDATED, "sluice:///moved/deep/er/x")})
        until(lambda: server.counter("mcp", "mcp_watched") == 2, "what is gone is not watched")
        away = self.directory() / "away"
        shutil.move(self.place / "sub", away)
        self.told(session.hear, {(LIST, None), (UPDATED, "sluice:///sub/b")})
        self.assertEqual(server.counter("mcp", "mcp_watched"), 1)

    def test_named_roots(self):
        other = self.directory({"m": b"1"})
        server = self.daemon(root=False,
                             config=f'root "models" {{ path = "{other}" }}\nroot "" {{ path = "{self.place}" }}\n')
        session = self.socket(Lines, server)
        self.result(session, "resources/subscribe", {"uri": "sluice:///models/m"})
        server.wait_counter("mcp", "mcp_watched", 3)
        (other / "m").write_bytes(b"12")
        self.told(session.hear, {(UPDATED, "sluice:///models/m")})

    def test_unsubscribed_is_not_told(self):
        server = self.listening()
        session = self.socket(Lines, server)
        for uri in ("sluice:///a", "sluice:///sub/b", "sluice:///a"):
            self.result(session, "resources/subscribe", {"uri": uri})
        self.result(session, "resources/unsubscribe", {"uri": "sluice:///a"})
        server.wait_counter("mcp", "mcp_watched", 2)
        self.put("a", b"12")
        self.put("sub/b", b"12")
        self.assertEqual(self.told(session.hear, {(UPDATED, "sluice:///sub/b")}), [(UPDATED, "sluice:///sub/b")])

    def pages(self, ask):
        """The keys of a list, page by page."""
        page = ask({})
        yield [one["name"] for one in page["resources"]]
        while "nextCursor" in page:
            page = ask({"cursor": page["nextCursor"]})
            yield [one["name"] for one in page["resources"]]

    def test_pages_are_walked_together_and_know_what_has_changed(self):
        for i in range(100):
            self.put(f"many/{i:02}")
        server = self.listening("--mcp-page", 5)
        before = server.counter("offload", "jobs_pool")
        modern = self.modern(server)
        names = sum(self.pages(lambda params: modern.ask("resources/list", params)["result"]), [])
        self.assertEqual(names, ["a", *[f"many/{i:02}" for i in range(100)], "sub/b"])
        self.assertLess(server.counter("offload", "jobs_pool") - before, 10)
        session = self.socket(Lines, server)
        self.result(session, "resources/subscribe", {"uri": "sluice:///a"})
        pages = self.pages(lambda params: self.result(session, "resources/list", params))
        names = next(pages) + next(pages)
        self.put("many/new")
        (self.place / "many/98").unlink()
        self.told(session.hear, {(LIST, None)})
        names += sum(pages, [])
        self.assertEqual(names, ["a", *[f"many/{i:02}" for i in range(98)], "many/99", "many/new", "sub/b"])

    def test_many_changes_are_told_once(self):
        server = self.listening()
        session = self.socket(Lines, server)
        self.result(session, "resources/subscribe", {"uri": "sluice:///last"})
        server.wait_counter("mcp", "mcp_watched", 2)
        for i in range(2000):
            self.put(f"many/{i}")
        self.put("last")
        came = self.told(session.hear, {(UPDATED, "sluice:///last")})
        self.assertLess(len(came), 100)

    def test_a_tree_with_more_directories_than_may_be_watched(self):
        for i in range(20):
            self.put(f"d{i:02}/x")
        server = self.listening("--mcp-watches", "8")
        session = self.socket(Lines, server)
        server.wait_counter("mcp", "mcp_watched", 6)
        server.wait_line("not all directories are watched")
        self.result(session, "resources/subscribe", {"uri": "sluice:///d19/x"})
        server.wait_counter("mcp", "mcp_watched", 7)
        self.put("d19/x", b"12")
        self.told(session.hear, {(UPDATED, "sluice:///d19/x")})

    def test_lost_events_are_made_up_for(self):
        server = self.listening()
        session = self.socket(Lines, server)
        self.result(session, "resources/subscribe", {"uri": "sluice:///new/deep/x"})
        server.signal(signal.SIGSTOP)
        most = int(pathlib.Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        files = [str(self.place / name) for name in ("a", "sub/b")]
        for i in range(most + 2):  # in turns, or the kernel takes them for one
            os.utime(files[i % 2])
        self.put("new/deep/x")
        server.signal(signal.SIGCONT)
        self.told(session.hear, {(LIST, None), (UPDATED, "sluice:///new/deep/x")})
        server.wait_counter("mcp", "mcp_watched", 4)

    def test_switched_off(self):
        server = self.listening("--mcp-watches", "0")
        session = self.socket(Lines, server)
        self.assertEqual(session.first["capabilities"]["resources"], {"subscribe": False, "listChanged": False})
        self.assertEqual(self.socket(Lines, self.listening()).first["capabilities"]["resources"],
                         {"subscribe": True, "listChanged": True})
        stream = self.listen(server, {"resourcesListChanged": True, "resourceSubscriptions": ["sluice:///a"]}, 1)
        self.assertEqual(stream.message()["params"]["notifications"], {})
        self.result(session, "resources/subscribe", {"uri": "sluice:///a"})
        self.put("a", b"12")
        self.assertEqual(self.result(session, "ping"), {})

    def test_subscriptions_are_bounded(self):
        server = self.listening()
        session = self.socket(Lines, server)
        for i in range(256):
            self.result(session, "resources/subscribe", {"uri": f"sluice:///k{i}"})
        self.assertEqual(self.error(session, "resources/subscribe", {"uri": "sluice:///more"})["code"], -32015)
        self.result(session, "resources/unsubscribe", {"uri": "sluice:///k7"})
        self.result(session, "resources/subscribe", {"uri": "sluice:///more"})

    def test_what_they_keep_is_bounded(self):
        server = self.listening()
        session = self.socket(Lines, server)
        self.assertEqual(self.result(session, "resources/subscribe", {"uri": "x" * 4096}), {})
        self.assertEqual(self.error(session, "resources/subscribe", {"uri": "x" * 4097})["code"], -32602)
        client = Lines(server.unix)
        self.addCleanup(client.close)
        filter = {"resourceSubscriptions": ["x" * 4097]}
        self.assertEqual(client.ask(call("subscriptions/listen",
                                         {"_meta": meta(), "notifications": filter}))["error"]["code"], -32602)
        self.assertEqual(client.ask(call("subscriptions/listen", {"_meta": meta(), "notifications": {}},
                                         id="x" * 1100))["error"]["code"],
                         -32600)
        before = None
        for id in range(20):  # each has 300,000 numbers, and each number is an object while they are there
            client.say(call("subscriptions/listen", {"_meta": meta(), "notifications": {}, "x": [1] * 300000}, id=id))
            self.assertEqual(client.hear_any()["method"], "notifications/subscriptions/acknowledged")
            before = before or server.memory_peak()
        if not {"asan", "tsan", "ubsan"} & set(BUILD.parts):  # their allocators keep what is freed
            self.assertLess(server.memory_peak() - before, 50 << 20)

    def test_they_expire_with_their_session(self):
        server = self.listening("--mcp-session-age", "2")
        session = self.http(server)
        self.result(session, "resources/subscribe", {"uri": "sluice:///a"})
        stream = self.stream(server, "GET", f"Mcp-Session-Id: {session.id}")
        self.assertEqual(server.counter("mcp", "mcp_states"), 1)
        with self.assertRaises(EOFError):
            stream.message()
        self.assertEqual(server.counter("mcp", "mcp_states"), 0)
