"""Streams of MCP that break are resumed with Last-Event-ID."""
import json

import probe
from daemon import until
from http1 import HttpClient, head
from mcp import Modern
from mcp_case import LIST, UPDATED, Changing
from rpc import Lines, call
from upstream import Upstream

PROGRESS = call("tools/call", {"name": "test_tool_with_progress", "arguments": {}, "_meta": {"progressToken": 1}}, id=7)
SAMPLING = call("tools/call", {"name": "test_sampling", "arguments": {"prompt": "p"}}, id=9)


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
