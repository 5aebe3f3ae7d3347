"""What changes below the roots is told to MCP's clients; and streams that break are resumed."""
import json
import os
import pathlib
import shutil
import signal

import probe
from daemon import BUILD, until
from http1 import HttpClient, head
from mcp import META, MODERN, Modern, SocketSession, Stream, meta
from mcp_case import Mcp
from rpc import Frames, Lines, call
from upstream import Upstream

LIST = "notifications/resources/list_changed"
UPDATED = "notifications/resources/updated"
PROGRESS = call("tools/call", {"name": "test_tool_with_progress", "arguments": {}, "_meta": {"progressToken": 1}}, id=7)
SAMPLING = call("tools/call", {"name": "test_sampling", "arguments": {"prompt": "p"}}, id=9)


class Changing(Mcp):
    """A daemon on a tree of the test's own, without the conformance module."""

    def setUp(self):
        self.place = self.directory({"a": b"1", "sub/b": b"2"})

    def put(self, key, data=b"x"):
        path = self.place / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def listening(self, *arguments, **options):
        return self.daemon(*arguments, root=self.place, **options)

    def socket(self, kind, server):
        session = SocketSession(kind, server.unix)
        self.addCleanup(session.close)
        return session

    def stream(self, server, method, *fields, **options):
        stream = Stream(server.tcp, method, *fields, **options)
        self.addCleanup(stream.close)
        return stream

    def told(self, hear, wanted):
        """Hears until every one of the wanted (method, uri) was told; all that came."""
        came, missing = [], set(wanted)
        while missing:
            message = hear()
            one = message["method"], message.get("params", {}).get("uri")
            came.append(one)
            missing.discard(one)
        return came


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


class Resumption(Changing):
    def test_what_a_broken_stream_missed(self):
        server = self.listening()
        session = self.http(server)
        fields = [f"Mcp-Session-Id: {session.id}"]
        stream = self.stream(server, "GET", *fields)
        server.wait_counter("mcp", "mcp_watched", 2)
        self.put("one")
        self.assertEqual(stream.message()["method"], LIST)
        self.result(session, "resources/subscribe", {"uri": "sluice:///a"})
        stream.close()
        until(lambda: server.counter("mcp", "mcp_open_streams") == 0, "the stream has ended")
        self.put("a", b"12")
        other = self.socket(Lines, server)
        self.result(other, "resources/subscribe", {"uri": "sluice:///a"})
        self.put("a", b"123")
        self.told(other.hear, {(UPDATED, "sluice:///a")})
        again = self.stream(server, "GET", *fields, f"Last-Event-ID: {stream.ids[-1]}")
        self.assertEqual(again.message()["params"], {"uri": "sluice:///a"})
        self.assertNotIn(again.ids[0], stream.ids)
        twice = self.stream(server, "GET", *fields, f"Last-Event-ID: {stream.ids[-1]}")
        self.assertEqual(twice.message()["params"], {"uri": "sluice:///a"})
        self.assertEqual(twice.ids[:1], again.ids[:1])

    def post(self, server, session, message, *fields):
        return self.stream(server, "POST", f"Mcp-Session-Id: {session.id}", "Content-Type: application/json", *fields,
                           body=json.dumps(message).encode())

    def test_an_answer_that_its_client_did_not_wait_for(self):
        server = self.server()
        session = self.http(server)
        fields = [f"Mcp-Session-Id: {session.id}"]
        stream = self.post(server, session, PROGRESS)
        self.assertIsNone(stream.event())
        self.assertEqual(stream.event()["method"], "notifications/progress")
        stream.close()
        again = self.stream(server, "GET", *fields, f"Last-Event-ID: {stream.ids[0]}")
        heard = [again.message() for _ in range(4)]
        self.assertEqual([one.get("method") for one in heard[:3]], ["notifications/progress"] * 3)
        self.assertEqual((heard[3]["id"], heard[3]["result"]["content"][0]["text"]), (7, "Tool with progress executed"))
        with self.assertRaises(EOFError):
            again.event()
        late = self.stream(server, "GET", *fields, f"Last-Event-ID: {again.ids[-2]}")
        self.assertEqual(late.message()["id"], 7)
        with self.assertRaises(EOFError):
            late.event()

    def test_a_method_that_ends_the_stream_itself(self):
        server = self.server()
        session = self.http(server)
        stream = self.post(server, session, call("tools/call", {"name": "test_reconnection", "arguments": {}}, id=8))
        self.assertIsNone(stream.event())
        with self.assertRaises(EOFError):
            stream.event()
        again = self.stream(server, "GET", f"Mcp-Session-Id: {session.id}", f"Last-Event-ID: {stream.ids[0]}")
        self.assertEqual(again.message()["id"], 8)
        for other in (self.socket(Lines, server), self.modern(server)):  # where nothing can be resumed it just answers
            if isinstance(other, Modern):
                answer = other.ask("tools/call", {"name": "test_reconnection", "arguments": {}})
            else:
                answer = other.ask(call("tools/call", {"name": "test_reconnection", "arguments": {}}))[-1]
            self.assertEqual(answer["result"]["content"][0]["text"], "Reconnection test completed successfully")

    ASKS_AND_PAUSES = r'''
        #include <sluice/rpc.h>
        SLUICE_MODULE;
        static void run(struct sluice_call *call, const char *params, void *user) {
            (void)params, (void)user;
            if (!sluice_call_ask(call, "it", "elicitation/create", "{\"message\":\"?\"}"))
                return;
            sluice_call_pause(call);
            sluice_call_result(call, "{}");
        }
        int sluice_module_init(struct sluice_module *module) {
            struct sluice_offer offer = {.name = "asks", .kinds = SLUICE_TOOL, .handler = run};
            return sluice_module_offer(module, &offer);
        }'''

    def test_a_method_that_ends_a_stream_that_was_resumed(self):
        server = self.daemon("--modules", probe.build(self.ASKS_AND_PAUSES, self.directory() / "asks.so"))
        session = self.http(server, capabilities={"elicitation": {}})
        stream = self.post(server, session, call("tools/call", {"name": "asks"}, id=8))
        asked = stream.message()
        stream.close()
        fields = f"Mcp-Session-Id: {session.id}", f"Last-Event-ID: {stream.ids[-1]}"
        until(lambda: server.counter("mcp", "mcp_open_streams") == 0, "the stream has ended")
        again = self.stream(server, "GET", *fields)
        self.assertEqual(session.post({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "accept"}}).status,
                         202)
        with self.assertRaises(EOFError):
            again.message()
        self.assertEqual(self.stream(server, "GET", *fields).message()["id"], 8)

    def test_a_question_asked_on_a_broken_stream(self):
        server = self.server()
        session = self.http(server, capabilities={"sampling": {}})
        stream = self.post(server, session, SAMPLING)
        asked = stream.message()
        stream.close()
        until(lambda: server.counter("mcp", "mcp_open_streams") == 0, "the stream has ended")
        answer = {"jsonrpc": "2.0", "id": asked["id"], "result": {"role": "assistant", "model": "m",
                                                                  "content": {"type": "text", "text": "lo"}}}
        self.assertEqual(session.post(answer).status, 202)
        again = self.stream(server, "GET", f"Mcp-Session-Id: {session.id}", f"Last-Event-ID: {stream.ids[-1]}")
        self.assertIn("LLM response: lo", again.message()["result"]["content"][0]["text"])

    def test_a_stream_that_is_taken_over_while_it_is_open(self):
        """Its request is over then: the answer disturbs none that came since."""
        upstream = Upstream()
        self.addCleanup(upstream.close)
        server = self.server(config=f'upstream "api" {{ servers = {{"{upstream.address}"}} }}\n'
                             'route "/hold" { upstream = "api" }\n')
        session = self.http(server, capabilities={"sampling": {}})
        stream = self.post(server, session, SAMPLING)
        asked = stream.message()
        again = self.stream(server, "GET", f"Mcp-Session-Id: {session.id}", f"Last-Event-ID: {stream.ids[-1]}")
        with self.assertRaises(EOFError):
            stream.event()
        held = HttpClient(server.unix)
        held.send(head("GET", "/hold"))
        upstream.wait_seen(1)
        answer = {"jsonrpc": "2.0", "id": asked["id"], "result": {"role": "assistant", "model": "m",
                                                                  "content": {"type": "text", "text": "lo"}}}
        self.assertEqual(session.post(answer).status, 202)
        self.assertIn("LLM response: lo", again.message()["result"]["content"][0]["text"])
        held.close()
        until(lambda: server.stats()["route"]["/hold"]["left"] == 1, "the gateway hears that its client left")

    def test_a_question_that_the_servers_end_leaves_open(self):
        server = self.server()
        session = self.http(server, capabilities={"sampling": {}})
        stream = self.post(server, session, SAMPLING)
        stream.message()
        stream.close()
        session.close()
        until(lambda: server.counter("mcp", "mcp_open_streams") == 0, "the stream has ended")
        self.assertEqual(server.counter("rpc", "rpc_open"), 1)
        server.stop()

    def test_events_that_are_not_known_any_more(self):
        server = self.server("--mcp-replay", "300")
        session = self.http(server)
        fields = [f"Mcp-Session-Id: {session.id}"]
        stream = self.post(server, session, PROGRESS)
        while "result" not in stream.message():
            pass
        for last in (stream.ids[0], "77-1", "1-99"):
            self.assertEqual(self.stream(server, "GET", *fields, f"Last-Event-ID: {last}").head.status, 400)
        other = self.http(server)
        self.assertEqual(self.stream(server, "GET", f"Mcp-Session-Id: {other.id}",
                                     f"Last-Event-ID: {stream.ids[-1]}").head.status,
                         400, "another session's events")
        for last in ("nonsense", "-", "1-", "0-5", "1-2-3", "99999999999-1"):
            stream = self.stream(server, "GET", *fields, f"Last-Event-ID: {last}")
            self.assertEqual(stream.head.status, 200)

    def test_a_resumption_that_finds_no_stream_free(self):
        server = self.server("--mcp-streams", "1")
        session = self.http(server)
        fields = [f"Mcp-Session-Id: {session.id}"]
        broken = self.post(server, session, PROGRESS)
        while "result" not in broken.message():
            pass
        until(lambda: server.counter("mcp", "mcp_open_streams") == 0, "the stream has ended")
        other = self.stream(server, "GET", *fields)
        last = f"Last-Event-ID: {broken.ids[0]}"
        self.assertEqual(self.stream(server, "GET", *fields, last).head.status, 503)
        other.close()
        until(lambda: server.counter("mcp", "mcp_open_streams") == 0, "the other stream has ended")
        self.assertEqual(self.stream(server, "GET", *fields, last).message()["method"], "notifications/progress")

    def test_events_of_another_time_are_not_taken_for_these(self):
        key = self.directory({"key": b"0123456789abcdef"}) / "key"
        one = self.server("--mcp-key-file", key)
        session = self.http(one)
        stream = self.post(one, session, PROGRESS)
        self.assertIsNone(stream.event())
        session.close()
        one.stop()
        two = self.server("--mcp-key-file", key)
        again = self.post(two, session, PROGRESS)
        while "result" not in again.message():
            pass
        self.assertEqual(again.ids[0].split("-")[0], stream.ids[0].split("-")[0])
        for last in (stream.ids[0], "1-1"):
            resumed = self.stream(two, "GET", f"Mcp-Session-Id: {session.id}", f"Last-Event-ID: {last}")
            self.assertEqual(resumed.head.status, 400, last)

    def test_past_events_and_levels_make_room_for_state(self):
        """Of clients that may never end their sessions; what others wait for stays."""
        server = self.server("--mcp-sessions", "2")
        for _ in range(4):
            session = self.http(server)
            stream = self.post(server, session, PROGRESS)
            while "result" not in stream.message():
                pass
        others = [self.http(server) for _ in range(2)]
        for other in others + [session]:
            self.assertEqual(self.result(other, "logging/setLevel", {"level": "error"}), {})
        for other in others:
            self.assertEqual(self.result(other, "resources/subscribe", {"uri": "sluice:///k"}), {})
        self.assertEqual(self.error(session, "logging/setLevel", {"level": "error"})["code"], -32015)

    def test_a_session_that_ends_takes_its_events_along(self):
        server = self.server()
        session = self.http(server)
        stream = self.post(server, session, PROGRESS)
        stream.message()
        self.assertEqual(session.request("DELETE").status, 204)
        while "result" not in stream.message():
            pass
        self.assertEqual(self.stream(server, "GET", f"Mcp-Session-Id: {session.id}", "Last-Event-ID: 1-0").head.status,
                         404)
