"""MCP's legacy era on every transport: versions, tools, resources, prompts, progress, questions, cancellation."""
import base64
import json

from daemon import until
from mcp import LEGACY, HttpSession, SocketSession, initialize, meta, sessions
from mcp_case import Mcp
from rpc import Frames, Lines, call


class Legacy(Mcp):
    def test_versions_are_agreed_upon(self):
        server = self.server()
        for version in LEGACY:
            for session in self.each(server, version=version):
                self.assertEqual(session.first["protocolVersion"], version)
        for session in self.each(server, version="1999-01-01"):
            self.assertEqual(session.first["protocolVersion"], LEGACY[-1])
            self.assertEqual(session.first["serverInfo"]["name"], "sluice")
            self.assertLessEqual({"tools", "resources", "prompts", "logging", "completions"},
                                 set(session.first["capabilities"]))

    def test_a_client_says_its_version(self):
        server = self.server()
        lines, http = Lines(server.unix), self.http(server)
        self.addCleanup(lines.close)
        for params in (None, {}, {"protocolVersion": 5}, {"protocolVersion": None}):
            response = http.client.post(call("initialize", params), http.ACCEPT, path="/mcp")
            self.assertIsNone(response.get("Mcp-Session-Id"))
            for answer in (lines.ask(call("initialize", params)), json.loads(response.body)):
                error = answer["error"]
                self.assertEqual((error["code"], error["data"]["path"]), (-32602, "/protocolVersion"), params)

    def test_begun_anew_on_the_same_socket(self):
        server = self.server()
        session = SocketSession(Lines, server.unix)
        self.addCleanup(session.close)
        self.assertEqual(self.result(session, "logging/setLevel", {"level": "error"}), {})
        noisy = call("tools/call", {"name": "test_tool_with_logging", "arguments": {}})
        self.assertEqual(len(session.ask(noisy)), 1)
        session.ask(initialize())
        self.assertEqual(len(session.ask(noisy)), 4)

    def test_messages_are_counted(self):
        server = self.server()
        session, modern = SocketSession(Lines, server.unix), self.modern(server)
        self.addCleanup(session.close)
        self.result(session, "tools/call", {"name": "object.info", "arguments": {"key": "hello"}})
        self.result(session, "tools/list")
        self.assertIn("result", modern.ask("tools/list"))
        self.assertIn("error", modern.ask("tools/list", version="1999-01-01"))
        stats = server.stats()["mcp"]
        self.assertEqual({name: stats[f"mcp_{name}"]
                          for name in ("initialized", "calls", "tools", "modern", "refused")},
                         {"initialized": 1, "calls": 5, "tools": 1, "modern": 1, "refused": 1})

    def test_ping_and_unknown_methods(self):
        for session in self.each(self.server()):
            self.assertEqual(self.result(session, "ping"), {})
            self.assertEqual(self.error(session, "no/such")["code"], -32601)

    def test_tools(self):
        for session in self.each(self.server()):
            tools = {tool["name"]: tool for tool in self.result(session, "tools/list")["tools"]}
            self.assertLessEqual({"object.list", "object.info", "object.read", "stats.get", "config.get", "drain"},
                                 set(tools))
            self.assertNotIn("object.open", tools)
            self.assertTrue(tools["object.read"]["annotations"]["readOnlyHint"])
            self.assertTrue(tools["drain"]["annotations"]["destructiveHint"])
            self.assertEqual(tools["object.info"]["inputSchema"]["required"], ["key"])
            for tool in tools.values():
                self.assertEqual(tool["inputSchema"]["type"], "object")
            result = self.result(session, "tools/call", {"name": "object.info", "arguments": {"key": "hello"}})
            self.assertEqual((result["isError"], result["structuredContent"]["size"]), (False, 13))
            self.assertEqual(json.loads(result["content"][0]["text"]), result["structuredContent"])

    def test_bad_arguments_are_results_and_unknown_tools_errors(self):
        for session in self.each(self.server()):
            for name, arguments, words in (("object.info", {"key": 5}, "/key"), ("object.info", {}, "/key"),
                                           ("object.read", {"key": "none"}, "no such object")):
                result = self.result(session, "tools/call", {"name": name, "arguments": arguments})
                self.assertTrue(result["isError"])
                self.assertIn(words, result["content"][0]["text"])
            self.assertEqual(self.error(session, "tools/call", {"name": "nothing"})["code"], -32602)
            self.assertEqual(self.error(session, "tools/call", {})["code"], -32602)
            self.assertEqual(self.error(session, "tools/call",
                                        {"name": "object.open", "arguments": {"key": "hello"}})["code"], -32602)

    def test_resources_in_pages(self):
        server = self.server("--mcp-page", 7)
        for session in self.each(server):
            found, cursor = [], {}
            while True:
                page = self.result(session, "resources/list", cursor)
                found += page["resources"]
                if "nextCursor" not in page:
                    break
                cursor = {"cursor": page["nextCursor"]}
            uris = [one["uri"] for one in found]
            self.assertEqual(len(uris), len(set(uris)))
            self.assertEqual(len(uris), len(self.tree.files) + 1 + 3)
            self.assertIn("test://static-text", uris)
            for key, data in self.tree.files.items():
                if len(data) <= 65536 + 17:
                    uri = next(one["uri"] for one in found if one["name"] == key)
                    self.assertContents(self.result(session, "resources/read", {"uri": uri}), uri, data)
            for bad in ("x", "", base64.b64encode(b"../x").decode(), 5):
                self.assertEqual(self.error(session, "resources/list", {"cursor": bad})["code"], -32602)

    def assertContents(self, result, uri, data):
        content, = result["contents"]
        self.assertEqual(content["uri"], uri)
        got = content["text"].encode() if "text" in content else base64.b64decode(content["blob"])
        self.assertEqual(got, data)

    def test_missing_resources(self):
        for session in self.each(self.server()):
            for uri in ("sluice:///none", "sluice:///../x", "sluice:///", "file:///etc/passwd", "sluice:///%00", "x"):
                self.assertEqual(self.error(session, "resources/read", {"uri": uri})["code"], -32002, uri)

    def test_templates_prompts_completion(self):
        for session in self.each(self.server()):
            templates = self.result(session, "resources/templates/list")["resourceTemplates"]
            self.assertEqual({one["uriTemplate"] for one in templates},
                             {"sluice:///{+key}", "test://template/{id}/data"})
            self.assertIn("123",
                          self.result(session, "resources/read",
                                      {"uri": "test://template/123/data"})["contents"][0]["text"])
            names = {one["name"] for one in self.result(session, "prompts/list")["prompts"]}
            self.assertLessEqual({"explain-object", "server-health", "test_simple_prompt"}, names)
            prompt = self.result(session, "prompts/get", {"name": "explain-object", "arguments": {"key": "hello"}})
            self.assertEqual(prompt["messages"][0]["content"]["resource"]["text"], "hello, world\n")
            self.assertTrue(self.result(session, "prompts/get", {"name": "server-health"})["messages"])
            for params in ({"name": "explain-object"}, {"name": "none"}, {"name": "test_prompt_with_arguments"}, {},
                           {"name": 5}):
                self.assertEqual(self.error(session, "prompts/get", params)["code"], -32602)
            for arguments, path in (({"a/b": 5}, "/arguments/a~1b"), (["hello"], "/arguments")):
                error = self.error(session, "prompts/get", {"name": "explain-object", "arguments": arguments})
                self.assertEqual((error["code"], error["data"]["path"]), (-32602, path))
            for method in ("tools/list", "prompts/list", "resources/list", "resources/templates/list"):
                self.assertEqual(self.error(session, method, {"cursor": "beyond"})["code"], -32602)
            done = self.result(session, "completion/complete",
                               {"ref": {"type": "ref/resource", "uri": "sluice:///{+key}"},
                                                                "argument": {"name": "key", "value": "size/10"}})
            self.assertEqual(done["completion"]["values"], ["size/1048576"])

    def test_progress_and_logs_come_before_the_answer(self):
        for session in self.each(self.server()):
            heard = session.ask(call("tools/call", {"name": "test_tool_with_progress", "arguments": {},
                                                    "_meta": {"progressToken": "p1"}}))
            told = [one["params"] for one in heard[:-1]]
            self.assertEqual([(one["progressToken"], one["progress"], one["total"]) for one in told],
                             [("p1", 0, 100), ("p1", 50, 100), ("p1", 100, 100)])
            self.assertEqual(len(session.ask(call("tools/call", {"name": "test_tool_with_progress", "arguments": {}}))),
                             1)
            heard = session.ask(call("tools/call", {"name": "test_tool_with_logging", "arguments": {}}))
            self.assertEqual([one["params"]["level"] for one in heard[:-1]], ["info"] * 3)
            self.assertEqual(self.result(session, "logging/setLevel", {"level": "error"}), {})
            self.assertEqual(len(session.ask(call("tools/call", {"name": "test_tool_with_logging", "arguments": {}}))),
                             1)
            self.assertEqual(self.error(session, "logging/setLevel", {"level": "loud"})["code"], -32602)

    def test_no_batches_but_in_2025_03_26(self):
        server = self.server()
        for version in LEGACY[1:]:
            for name, session in sessions(server, version=version):
                self.addCleanup(session.close)
                batch = [call("ping", id=1), call("ping", id=2)]
                with self.subTest(name, version=version):
                    if name.startswith("http"):
                        response = session.post(batch)
                        self.assertEqual(response.status, 200 if version == "2025-03-26" else 400)
                        answer = json.loads(response.body)
                    else:
                        session.client.say(batch)
                        answer = session.hear()
                    if version == "2025-03-26":
                        self.assertEqual(sorted(one["id"] for one in answer), [1, 2])
                    else:
                        self.assertEqual(answer["error"]["code"], -32600)

    def test_initialize_is_no_part_of_a_batch(self):
        """2025-03-26, lifecycle: the session would be another one in its middle."""
        server = self.server()
        for session in self.each(server, version="2025-03-26"):
            batch = [initialize("2024-11-05", id=1), call("ping", id=2)]
            if isinstance(session, HttpSession):
                response = session.post(batch)
                self.assertEqual(response.get("Mcp-Session-Id"), None)
                answers = json.loads(response.body)
            else:
                session.client.say(batch)
                answers = session.hear()
            by_id = {answer["id"]: answer for answer in answers}
            self.assertEqual((by_id[1]["error"]["code"], by_id[2]["result"]), (-32600, {}))

    def test_an_answer_that_cannot_be_held(self):
        client = SocketSession(Lines, self.server().unix, capabilities={"sampling": {}})
        self.addCleanup(client.close)
        for number, failed in (("1", False), ("1e30", False), (str(2 ** 70), False), ("1e400", True)):
            client.client.say(call("tools/call", {"name": "test_sampling", "arguments": {"prompt": "p"}}))
            word = '{"role":"assistant","model":"m","content":{"type":"text","text":"lo"},"more":%s}' % number
            asked = client.hear()["id"]
            client.client.say(b'{"jsonrpc":"2.0","id":"%s","result":%s}' % (asked.encode(), word.encode()))
            answer = client.hear()["result"]
            self.assertEqual(answer.get("isError", False), failed, number)
            self.assertEqual("lo" in answer["content"][0]["text"], not failed)

    def test_the_client_is_asked(self):
        for name, session in sessions(self.server(), capabilities={"elicitation": {}, "sampling": {}}):
            self.addCleanup(session.close)
            if name.startswith("http"):
                continue
            with self.subTest(name):
                session.client.say(call("tools/call", {"name": "test_elicitation", "arguments": {"message": "who?"}},
                                        id="c"))
                asked = session.hear()
                self.assertEqual((asked["method"], asked["params"]["message"]), ("elicitation/create", "who?"))
                self.assertEqual(session.ask(call("ping", id="p"))[-1]["id"], "p")
                session.client.say({"jsonrpc": "2.0", "id": asked["id"],
                                    "result": {"action": "accept", "content": {"response": "me"}}})
                answer = session.hear()
                self.assertEqual(answer["id"], "c")
                self.assertIn("me", answer["result"]["content"][0]["text"])

    def test_nobody_else_may_answer_for_the_client(self):
        server = self.server()
        one = SocketSession(Lines, server.unix, capabilities={"elicitation": {}})
        other = SocketSession(Lines, server.unix, capabilities={"elicitation": {}})
        self.addCleanup(one.close)
        self.addCleanup(other.close)
        one.client.say(call("tools/call", {"name": "test_elicitation", "arguments": {"message": "who?"}}, id="c"))
        asked = one.hear()
        other.client.say({"jsonrpc": "2.0", "id": asked["id"],
                          "result": {"action": "accept", "content": {"response": "fake"}}})
        self.assertEqual(self.result(other, "ping"), {})
        one.client.say({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "decline"}})
        self.assertIn("decline", one.hear()["result"]["content"][0]["text"])

    def test_answers_are_read_however_many_questions_are_open(self):
        server = self.server("--pipeline", 1)
        session = SocketSession(Lines, server.unix, capabilities={"elicitation": {}})
        self.addCleanup(session.close)
        session.client.say(*[call("tools/call", {"name": "test_elicitation", "arguments": {"message": "who?"}}, id=i)
                             for i in range(3)])
        for asked in [session.hear() for _ in range(3)]:
            session.client.say({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "decline"}})
        self.assertEqual({session.hear()["id"] for _ in range(3)}, {0, 1, 2})
        session.client.say(call("subscriptions/listen", {"_meta": meta(), "notifications": {}}, id="s"))
        self.assertEqual(session.hear()["method"], "notifications/subscriptions/acknowledged")
        self.assertEqual(self.result(session, "ping"), {})

    def test_a_client_may_answer_with_an_error(self):
        for name, session in sessions(self.server(), capabilities={"elicitation": {}}):
            self.addCleanup(session.close)
            if name.startswith("http"):
                continue
            session.client.say(call("tools/call", {"name": "test_elicitation", "arguments": {"message": "who?"}},
                                    id="c"))
            session.client.say({"jsonrpc": "2.0", "id": session.hear()["id"],
                                "error": {"code": -1, "message": "not now"}})
            text = session.hear()["result"]["content"][0]["text"]
            self.assertRegex(text, r'"error": *\{.*not now', "the handler can tell it from a result")

    def test_a_client_that_leaves_unasked_questions(self):
        server = self.server()
        one = SocketSession(Lines, server.unix, capabilities={"elicitation": {}})
        one.client.say(call("tools/call", {"name": "test_elicitation", "arguments": {"message": "who?"}}, id="c"))
        one.hear()
        one.close()
        until(lambda: server.counter("rpc", "rpc_open") == 0, "no call in hand")

    def test_cancellation(self):
        server = self.server()
        for name, session in sessions(server):
            self.addCleanup(session.close)
            if name.startswith("http"):
                continue
            with self.subTest(name):
                session.client.say(call("tools/call", {"name": "fib", "arguments": {"n": 36}}, id="slow"),
                                   call("notifications/cancelled", {"requestId": "slow"}, id=...),
                                   call("ping", id="next"))
                self.assertEqual(session.hear()["id"], "next")
        until(lambda: server.counter("rpc", "rpc_open") == 0, "no call in hand")
        self.assertEqual(server.counter("rpc", "rpc_cancelled"), 2)

    def test_a_cancellation_that_lets_another_one_go(self):
        """Members of a batch that wait for a cancelled one come to their turn, and cancel in their turn."""
        server = self.server("--rpc-parallel", "1")
        client = Lines(server.unix)
        self.addCleanup(client.close)

        def listen(id):
            return call("subscriptions/listen", {"_meta": meta(), "notifications": {}}, id=id)

        def cancel(id):
            return call("notifications/cancelled", {"requestId": id}, id=...)
        client.say(listen("older"))
        self.assertIn("acknowledged", client.hear_any()["method"])
        client.say([listen("first"), cancel("older"), call("ping", id="third")])
        self.assertIn("acknowledged", client.hear_any()["method"])
        client.say(cancel("first"))
        self.assertEqual(client.hear(), [{"jsonrpc": "2.0", "result": {}, "id": "third"}])
        self.assertEqual(client.ask(call("ping", id="last"))["id"], "last")
        self.assertEqual(server.counter("rpc", "rpc_open"), 0)

    def test_calls_without_an_id_tell_and_ask_nobody_anything(self):
        server = self.server()
        listen = call("subscriptions/listen", {"_meta": meta(), "notifications": {"resourcesListChanged": True}},
                      id=...)
        tools = [call("tools/call", {"name": name, "arguments": {"prompt": "p"}, "_meta": {"progressToken": 1}}, id=...)
                 for name in ("test_tool_with_logging", "test_tool_with_progress", "test_sampling",
                              "test_reconnection")]
        for session in self.each(server, capabilities={"sampling": {}}):
            if isinstance(session, HttpSession):
                self.assertEqual([session.post(tool).status for tool in tools], [202] * 4)
            else:
                session.client.say(listen, *tools)
            self.assertEqual(session.ask(call("ping", id="all are begun"))[0]["id"], "all are begun")
            until(lambda: server.counter("rpc", "rpc_open") == 0, "none of them is left")
            self.assertEqual(session.ask(call("ping", id="first"))[0]["id"], "first")

    def test_a_client_that_ends_its_side_ends_what_waits_for_it(self):
        """All of a batch at once, also what starts in place of others, or ends others."""
        server = self.server("--rpc-parallel", "1")
        client = Lines(server.tcp)
        self.addCleanup(client.close)
        listen = {"_meta": meta(), "notifications": {}}
        client.say(call("subscriptions/listen", listen, id="older"))
        self.assertIn("acknowledged", client.hear_any()["method"])
        client.say([call("subscriptions/listen", listen, id="first"),
                    call("notifications/cancelled", {"requestId": "older"}, id=...),
                    *[call("subscriptions/listen", listen, id=i) for i in range(300)]])
        self.assertIn("acknowledged", client.hear_any()["method"])
        client.finish_sending()
        with self.assertRaises(EOFError):
            while client.hear_any():
                pass
        self.assertEqual(server.counter("rpc", "rpc_open"), 0)

    def test_what_waits_for_a_client_who_cannot_be_understood_any_more_ends(self):
        server = self.server()
        client = Frames(server.tcp)
        self.addCleanup(client.close)
        client.say(call("subscriptions/listen", {"_meta": meta(), "notifications": {}}))
        self.assertIn(b"acknowledged", client.hear_frame()[4])
        client.send(b"this is no frame")
        self.assertEqual(client.hear_frame()[1], "BAD_REQUEST")
        with self.assertRaises(EOFError):
            client.hear_frame()
