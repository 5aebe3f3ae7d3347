"""MCP over Streamable HTTP: sessions, streams, statuses; and the modern era, with its headers and rounds."""
import base64
import functools
import json

from daemon import until
from http1 import HttpClient, head
from mcp import META, MODERN, Modern, events, initialize, meta
from mcp_case import Mcp, first_event
from rpc import Frames, Lines, Post, as_text, call


class Http(Mcp):
    def test_sessions(self):
        server = self.server()
        session = self.http(server)
        self.assertRegex(session.id, "^[!-~]+$")
        self.assertEqual(session.post(call("notifications/initialized", id=...)).status, 202)
        client = Post(server.tcp)
        self.addCleanup(client.close)
        refused = client.post(call("tools/list", id="mine"), path="/mcp")
        self.assertEqual((refused.status, json.loads(refused.body)["id"]), (400, "mine"))
        self.assertIsNone(json.loads(client.post(call("notifications/initialized", id=...), path="/mcp").body)["id"])
        for id in ("x", session.id[:-1] + ("A" if session.id[-1] != "A" else "B"), "A" * 40):
            self.assertEqual(client.post(call("tools/list"), f"Mcp-Session-Id: {id}", path="/mcp").status, 404)
        self.assertEqual(session.post(call("ping"), "MCP-Protocol-Version: 2025-11-25").status, 200)
        self.assertEqual(session.post(call("ping"), "MCP-Protocol-Version: 1999-01-01").status, 400)
        self.assertIn(session.request("DELETE").status, (200, 204))
        self.assertEqual(session.post(call("ping")).status, 404)
        self.assertEqual(session.request("GET").status, 404)

    def test_ids_are_good_on_every_node_with_the_key(self):
        key = self.directory({"key": b"0123456789abcdef"}) / "key"
        one, two = self.server("--mcp-key-file", key), self.server("--mcp-key-file", key)
        session = self.http(one)
        client = Post(two.tcp)
        self.addCleanup(client.close)
        self.assertEqual(client.post(call("ping"), f"Mcp-Session-Id: {session.id}", path="/mcp").status, 200)
        stranger = Post(self.server().tcp)
        self.addCleanup(stranger.close)
        self.assertEqual(stranger.post(call("ping"), f"Mcp-Session-Id: {session.id}", path="/mcp").status, 404)

    def test_ended_sessions_keep_no_others_out(self):
        server = self.server("--mcp-sessions", 3)
        ended = [self.http(server) for _ in range(5)]
        for session in ended:
            self.assertEqual(session.request("DELETE").status, 204)
        self.assertEqual([session.post(call("ping")).status for session in ended[2:]], [404] * 3)
        session = self.http(server)
        self.assertEqual(self.result(session, "logging/setLevel", {"level": "error"}), {})
        self.assertEqual(ended[-1].post(call("ping")).status, 404)

    def test_ids_expire(self):
        server = self.server("--mcp-session-age", 1)
        session = self.http(server)
        until(lambda: session.post(call("ping")).status == 404, "the session's end")

    def test_other_methods(self):
        server = self.server()
        session = self.http(server)
        for method, status in (("OPTIONS", 204), ("PUT", 405)):
            response = session.request(method)
            self.assertEqual((response.status, response.get("Allow")), (status, "GET, POST, DELETE, OPTIONS"))
        client = HttpClient(server.tcp)
        self.addCleanup(client.close)
        self.assertEqual(client.fetch("/mcp", "Accept: text/event-stream").status, 405)
        self.assertEqual(client.fetch("/mcp").status, 405)
        self.assertEqual(client.fetch("/mcp", "Accept: application/json", f"Mcp-Session-Id: {session.id}").status, 405)
        for method in ("GET", "DELETE"):
            response = session.request(method, f"MCP-Protocol-Version: {MODERN}")
            self.assertEqual((response.status, response.get("Allow")), (405, "POST, OPTIONS"))
        client.send(head("GET", "/mcp", "Accept: text/event-stream", f"Mcp-Session-Id: {session.id}"))
        response = client.response_head()
        self.assertEqual((response.status, response.get("Content-Type")), (200, "text/event-stream"))

    def test_foreign_names_are_refused(self):
        server = self.server()
        client = Post(server.tcp)
        self.addCleanup(client.close)
        self.assertEqual(client.post(initialize(), "Origin: http://evil.example", path="/mcp").status, 403)
        response = HttpClient.ask(client, "POST", "/mcp", "Content-Type: application/json", body=as_text(initialize()),
                                  host="evil.example")
        self.assertEqual(response.status, 403)

    def test_malformed_bodies(self):
        session = self.http(self.server())
        for body, code in ((b"{", -32700), (b"[]", -32600), (b"1", -32600), (b'{"jsonrpc":"2.0"}', -32600),
                           (b'{"jsonrpc":"2.0","method":"ping","id":null,"params":{}}', -32600)):
            response = session.post(body)
            self.assertEqual((response.status, json.loads(response.body)["error"]["code"]), (400, code), body)

    def test_what_is_sent_and_accepted(self):
        client = Post(self.server().tcp)
        self.addCleanup(client.close)
        for accept, status in (("application/json, text/event-stream", 200), ("*/*", 200), ("application/json", 200),
                               ("text/event-stream;q=0.5", 200), ("application/*", 200), ("text/html", 406),
                               ("application/json;q=0", 406)):
            self.assertEqual(client.post(initialize(), f"Accept: {accept}", path="/mcp").status, status, accept)
        self.assertEqual(client.post(initialize(), path="/mcp").status, 200)
        self.assertEqual(client.post(initialize(), "Content-Encoding: gzip", path="/mcp").status, 415)

    def test_who_takes_no_events_is_not_asked(self):
        session = self.http(self.server(), capabilities={"sampling": {}, "elicitation": {}})
        session.ACCEPT = "Accept: application/json"
        for name, arguments in (("test_sampling", {"prompt": "hi"}), ("test_elicitation", {"message": "hi"})):
            result = self.result(session, "tools/call", {"name": name, "arguments": arguments})
            self.assertTrue(result["isError"])
            self.assertIn("events", result["content"][0]["text"])

    def asked(self, server, session):
        """A call "c" that asks its client something: its stream, and the question."""
        client = HttpClient(server.tcp)
        self.addCleanup(client.close)
        body = as_text(call("tools/call", {"name": "test_sampling", "arguments": {"prompt": "hi"}}, id="c"))
        client.send(head("POST", "/mcp", "Content-Type: application/json", *session.fields,
                         f"Content-Length: {len(body)}") + body)
        self.assertEqual(client.response_head().get("Content-Type"), "text/event-stream")
        return client, first_event(client)

    def test_questions_travel_on_the_stream(self):
        server = self.server()
        session = self.http(server, capabilities={"sampling": {}})
        client, asked = self.asked(server, session)
        self.assertEqual(asked["method"], "sampling/createMessage")
        answer = {"jsonrpc": "2.0", "id": asked["id"],
                  "result": {"role": "assistant", "model": "m", "content": {"type": "text", "text": "lo"}}}
        self.assertEqual(session.post(answer).status, 202)
        self.assertIn("LLM response: lo", first_event(client)["result"]["content"][0]["text"])

    def test_only_its_own_session_cancels_a_call(self):
        server = self.server()
        session, other = self.http(server, capabilities={"sampling": {}}), self.http(server)
        cancelled = call("notifications/cancelled", {"requestId": "c"}, id=...)
        client, _ = self.asked(server, session)
        self.assertEqual(other.post(cancelled).status, 202)
        self.assertEqual(server.counter("rpc", "rpc_cancelled"), 0)
        self.assertEqual(session.post(cancelled).status, 202)
        self.assertEqual(client.take(5), b"0\r\n\r\n")
        self.assertEqual(server.counter("rpc", "rpc_cancelled"), 1)

    def test_without_the_ability_the_tool_fails(self):
        session = self.http(self.server())
        self.assertTrue(self.result(session, "tools/call",
                                    {"name": "test_sampling", "arguments": {"prompt": "hi"}})["isError"])

    def test_administration_only_where_the_listener_has_it(self):
        server = self.server(config='listen "tcp:127.0.0.1:0" { admin = no }', listen=())
        session = self.http(server)
        names = {tool["name"] for tool in self.result(session, "tools/list")["tools"]}
        self.assertFalse({"stats.get", "config.get", "drain"} & names)
        self.assertEqual(self.error(session, "tools/call", {"name": "drain"})["code"], -32602)

    def test_streams_end_with_a_drain(self):
        server = self.server()
        session = self.http(server)
        client = HttpClient(server.tcp)
        self.addCleanup(client.close)
        client.send(head("GET", "/mcp", "Accept: text/event-stream", f"Mcp-Session-Id: {session.id}"))
        client.response_head()
        session.close()
        server.signal()
        self.assertEqual(client.rest(), b"0\r\n\r\n")
        client.close()
        self.assertEqual(server.wait_exit(), 0)


class ModernEra(Mcp):
    def test_discovery(self):
        client = self.modern(self.server())
        result = client.ask("server/discover")["result"]
        self.assertEqual((result["resultType"], result["supportedVersions"]), ("complete", [MODERN]))
        self.assertIn("ttlMs", result)
        self.assertIn("logging", result["capabilities"])

    def test_on_sockets(self):
        server = self.server()
        for kind in (Lines, Frames):
            client = kind(server.unix)
            self.addCleanup(client.close)
            result = client.ask(call("tools/call",
                                     {"_meta": meta(), "name": "object.info", "arguments": {"key": "hello"}}))["result"]
            self.assertEqual((result["resultType"], result["structuredContent"]["size"]), ("complete", 13))
            self.assertEqual(result["_meta"][META + "serverInfo"]["name"], "sluice")
            error = client.ask(call("tools/list", {"_meta": meta(version="2999-01-01")}))["error"]
            self.assertEqual((error["code"], error["data"]["supported"]), (-32022, [MODERN]))

    def test_results_say_what_they_are_and_how_long_they_are_good(self):
        client = self.modern(self.server())
        for method, params in (("tools/list", {}), ("resources/list", {}), ("resources/templates/list", {}),
                               ("prompts/list", {}), ("resources/read", {"uri": "sluice:///hello"}),
                               ("resources/read", {"uri": "test://static-text"})):
            result = client.ask(method, params)["result"]
            self.assertEqual(result["resultType"], "complete")
            self.assertLessEqual({"ttlMs", "cacheScope"}, set(result))

    def assertRefused(self, response, code, status=400):
        self.assertEqual((response.status, json.loads(response.body)["error"]["code"]), (status, code))

    def test_headers_must_match_the_body(self):
        client = self.modern(self.server())
        ask = functools.partial(client.post, "tools/call", {"name": "object.info", "arguments": {"key": "hello"}},
                                headers=False)
        version, method, name = f"MCP-Protocol-Version: {MODERN}", "Mcp-Method: tools/call", "Mcp-Name: object.info"
        self.assertEqual(ask(version, method, name).status, 200)
        encoded = "Mcp-Name: =?base64?" + base64.b64encode(b"object.info").decode() + "?="
        self.assertEqual(ask(version, method, encoded).status, 200)
        for fields in ((method, name), (version, name), (version, method), (version, "Mcp-Method: tools/list", name),
                       (version, method, "Mcp-Name: drain"), (version, method, "Mcp-Name: =?base64?!!?="),
                       ("MCP-Protocol-Version: 2025-11-25", method, name), (version, method, name, "Mcp-Name: drain"),
                       (version, method, name, "Mcp-Method: tools/list"), (version, method, name, name)):
            self.assertRefused(ask(*fields), -32020)

    def test_argument_headers(self):
        client = self.modern(self.server())
        ask = functools.partial(client.post, "tools/call")
        params = {"name": "test_custom_headers", "arguments": {"region": "eu", "priority": 42, "verbose": True}}
        good = ("Mcp-Param-Region: eu", "Mcp-Param-Priority: 42.0", "Mcp-Param-Verbose: true")
        self.assertEqual(ask(params, *good).status, 200)
        self.assertEqual(ask(params, *good[:2], "Mcp-Param-Verbose: =?base64?dHJ1ZQ==?=").status, 200)
        self.assertEqual(ask({"name": "test_custom_headers", "arguments": {"region": None}}).status, 200)
        self.assertRefused(ask(params, *good[:2]), -32020)
        self.assertRefused(ask(params, "Mcp-Param-Region: us", *good[1:]), -32020)
        self.assertRefused(ask({"name": "test_custom_headers", "arguments": {}}, good[0]), -32020)
        self.assertRefused(ask(params, good[0], "Mcp-Param-Priority: 0x2A", good[2]), -32020)
        self.assertRefused(ask(params, "Mcp-Param-Region: us", *good), -32020)
        self.assertRefused(ask({"name": "test_custom_headers", "arguments": {}}, good[0], good[0]), -32020)

    def test_versions_and_missing_fields(self):
        client = self.modern(self.server())
        self.assertRefused(client.post("tools/list", {"_meta": {META + "protocolVersion": MODERN}}), -32602)
        self.assertRefused(client.post("tools/list", {"_meta": {}}), -32602)
        self.assertRefused(client.client.post(call("tools/list", {"_meta": meta(version="2999-01-01")}),
                                              "MCP-Protocol-Version: 2999-01-01", "Mcp-Method: tools/list",
                                              path="/mcp"), -32022)
        response = client.client.post(call("tools/list", {}), "MCP-Protocol-Version: 2999-01-01", path="/mcp")
        self.assertRefused(response, -32022)
        self.assertEqual(json.loads(response.body)["error"]["data"], {"supported": [MODERN], "requested": "2999-01-01"})
        for method in ("ping", "initialize", "logging/setLevel", "resources/subscribe", "no/such"):
            self.assertRefused(client.post(method), -32601, 404)
        self.assertRefused(client.post("resources/read", {"uri": "sluice:///none"}), -32602, 200)

    def test_questions_are_results(self):
        client = self.modern(self.server())
        params = {"name": "test_input_required_result_multi_round", "arguments": {}}
        ask = functools.partial(client.ask, "tools/call", capabilities={"elicitation": {}})
        one = ask(params)["result"]
        self.assertEqual((one["resultType"], list(one["inputRequests"])), ("input_required", ["step1"]))
        answer = {"action": "accept", "content": {"name": "x"}}
        two = ask({**params, "inputResponses": {"step1": answer}, "requestState": one["requestState"]})["result"]
        self.assertEqual(list(two["inputRequests"]), ["step2"])
        done = ask({**params, "inputResponses": {"step2": answer}, "requestState": two["requestState"]})["result"]
        self.assertEqual(done["content"][0]["text"], "both steps are done")
        state = two["requestState"]
        for bad in (state[:-2] + "AA", "", "x", base64.b64encode(b"{}" * 50).decode(), 5):
            self.assertEqual(ask({**params, "inputResponses": {}, "requestState": bad})["error"]["code"], -32602)
        other = {"name": "test_input_required_result_tampered_state", "arguments": {}}
        self.assertEqual(ask({**other, "requestState": state})["error"]["code"], -32602)

    def test_abilities_must_be_declared(self):
        client = self.modern(self.server())
        response = client.post("tools/call", {"name": "test_missing_capability", "arguments": {}})
        self.assertRefused(response, -32021)
        self.assertEqual(json.loads(response.body)["error"]["data"]["requiredCapabilities"], {"sampling": {}})

    def test_logs_only_where_asked_for(self):
        client = self.modern(self.server())
        params = {"name": "test_tool_with_logging", "arguments": {}}
        self.assertEqual(client.post("tools/call", params).get("Content-Type"), "application/json")
        response = client.post("tools/call", params, **{META + "logLevel": "info"})
        self.assertEqual(len(events(response.body)), 4)
        for level in ("loud", 5, None):
            self.assertRefused(client.post("tools/call", params, **{META + "logLevel": level}), -32602)

    def test_listening_takes_events_and_a_filter(self):
        client = self.modern(self.server())
        for filter, accept, code in (({}, "application/json", -32600), (None, "*/*", -32602), ([], "*/*", -32602),
                                     ({"resourceSubscriptions": "sluice:///a"}, "*/*", -32602),
                                     ({"resourceSubscriptions": [5]}, "*/*", -32602)):
            params = {"_meta": meta()} if filter is None else {"_meta": meta(), "notifications": filter}
            response = client.client.post(call("subscriptions/listen", params), f"Accept: {accept}",
                                          f"MCP-Protocol-Version: {MODERN}",
                                          "Mcp-Method: subscriptions/listen", path="/mcp")
            self.assertEqual(json.loads(response.body)["error"]["code"], code, filter)

    def test_closing_the_stream_cancels(self):
        server = self.server()
        client = Modern(server.tcp)
        body = as_text(call("subscriptions/listen",
                            {"_meta": meta(), "notifications": {"resourceSubscriptions": ["a"]}}, id=7))
        client.client.send(head("POST", "/mcp", "Content-Type: application/json", "Accept: text/event-stream",
                                f"MCP-Protocol-Version: {MODERN}", "Mcp-Method: subscriptions/listen",
                                f"Content-Length: {len(body)}") + body)
        self.assertEqual(client.client.response_head().status, 200)
        first = first_event(client.client)
        self.assertEqual(first["method"], "notifications/subscriptions/acknowledged")
        self.assertEqual(first["params"]["_meta"][META + "subscriptionId"], 7)
        self.assertEqual(server.counter("rpc", "rpc_open"), 1)
        client.close()
        until(lambda: server.counter("rpc", "rpc_open") == 0, "the subscription's end")

    def test_both_eras_on_one_connection(self):
        server = self.server()
        client = Lines(server.unix)
        self.addCleanup(client.close)
        client.ask(initialize())
        self.assertNotIn("resultType", client.ask(call("tools/list"))["result"])
        self.assertIn("resultType", client.ask(call("tools/list", {"_meta": meta()}))["result"])
        self.assertEqual(client.ask(call("object.info", {"key": "hello"}))["result"]["size"], 13)
