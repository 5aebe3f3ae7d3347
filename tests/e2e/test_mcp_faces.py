"""What modules offer, on all its faces, and the commands rpc and mcp of the client."""
import base64
import json
import socket
import subprocess
import threading

import probe
from daemon import BUILD, run_sluiced, until
from http1 import HttpClient, head
from mcp import MODERN, SocketSession, Stream, initialize, meta
from mcp_case import Mcp
from rpc import Lines, Post, as_text, call
from slc import TIMEOUT


class Faces(Mcp):
    """One declaration, several faces."""

    SOURCE = r'''
        #include <sluice/rpc.h>
        #include <stdio.h>
        SLUICE_MODULE;
        static void greet(struct sluice_call *call, const char *params, void *user) {
            char text[256];
            (void)user;
            snprintf(text, sizeof(text), "{\"params\":%.200s}", params);
            sluice_call_result(call, text);
        }
        int sluice_module_init(struct sluice_module *module) {
            struct sluice_offer offer = {.name = "greet", .help = "Greets.", .route = "GET /greet/:name",
                .schema = "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},"
                          "\"n\":{\"type\":\"integer\"}},\"required\":[\"name\"]}",
                .kinds = SLUICE_METHOD | SLUICE_TOOL | SLUICE_READ_ONLY, .handler = greet};
            return sluice_module_offer(module, &offer);
        }'''

    def test_method_tool_and_route(self):
        module = probe.build(self.SOURCE, self.directory() / "greet.so")
        server = self.daemon("--modules", module)
        client = Post(server.tcp)
        self.addCleanup(client.close)
        want = {"params": {"name": "x", "n": 3}}
        self.assertEqual(client.ask(call("greet", want["params"]))["result"], want)
        self.assertEqual(client.ask(call("greet", {"name": 1}))["error"]["data"]["path"], "/name")
        session = self.http(server)
        self.assertEqual(self.result(session, "tools/call",
                                     {"name": "greet", "arguments": want["params"]})["structuredContent"], want)
        response = HttpClient.ask(client, "GET", "/greet/x?n=3")
        self.assertEqual((response.status, json.loads(response.body)["params"]), (200, {"n": 3, "name": "x"}))
        self.assertEqual(HttpClient.ask(client, "GET", "/greet/x?n=y").status, 400)


class Offers(Mcp):
    """What handlers say and get, when it is not what one writes first."""

    SOURCE = r'''
        #include <sluice/rpc.h>
        #include <math.h>
        #include <stdio.h>
        #include <unistd.h>
        SLUICE_MODULE;
        static void pretty(struct sluice_call *call, const char *params, void *user) {
            (void)params;
            sluice_call_log(call, "info", "{\n  \"a\": [1,\r\n  2]\n}\n");
            sluice_call_log(call, "info", "plain words");
            sluice_call_progress(call, NAN, 1, NULL);
            sluice_call_progress(call, 1, INFINITY, "on\nits way");
            sluice_call_result(call, user);
        }
        static void echo(struct sluice_call *call, const char *params, void *user) {
            char text[512];
            (void)user;
            snprintf(text, sizeof(text), "{\"params\":%.400s}", params);
            sluice_call_result(call, text);
        }
        static void slow(struct sluice_call *call, const char *params, void *user) {
            (void)params, (void)user;
            sluice_call_progress(call, 1, 2, NULL);
            usleep(1500000);
            sluice_call_result(call, "{\"done\":true}");
        }
        static void fails(struct sluice_call *call, const char *params, void *user) {
            (void)params, (void)user;
            sluice_call_result(call, "{}");
            sluice_call_error(call, -32050, "not after all");
        }
        static void asks(struct sluice_call *call, const char *params, void *user) {
            char key[16];
            (void)params;
            for (int i = 0; i < 20; i++) {
                snprintf(key, sizeof(key), "%d", i);
                sluice_call_ask(call, key, "elicitation/create", user);
            }
            if (sluice_call_ask(call, "19", "elicitation/create", user))
                sluice_call_result(call, "{\"told\":20}");
        }
        static void shouts(struct sluice_call *call, const char *params, void *user) {
            (void)params, (void)user;
            sluice_call_log(call, "lo\"ud", "1");
            sluice_call_result(call, "[1,\n2]");
        }
        static void floods(struct sluice_call *call, const char *params, void *user) {
            static char note[4096];
            (void)params, (void)user;
            snprintf(note, sizeof(note), "\"%04000d\"", 0);
            for (int i = 0; i < 1000; i++)
                sluice_call_log(call, "info", note);
            sluice_call_result(call, "{\"done\":true}");
        }
        static void endless(struct sluice_call *call, const char *params, void *user) {
            (void)params, (void)user;
            while (!sluice_call_cancelled(call))
                usleep(1000);
            sluice_call_result(call, "{}");
        }
        #define OBJECT(properties) "{\"type\":\"object\",\"properties\":{" properties "}}"
        #define OF(name, type) "\"" name "\":{\"type\":\"" type "\"}"
        #define BOTH (SLUICE_METHOD | SLUICE_TOOL)
        static const struct sluice_offer offers[] = {
            {.name = "pretty", .kinds = BOTH, .handler = pretty,
             .user = "\n{\n  \"text\": \"a\\nb\",\r\n  \"x\": 0.10\n}\n"},
            {.name = "content", .kinds = SLUICE_TOOL | SLUICE_CONTENT, .handler = pretty,
             .user = " {\n\"content\": [\n{\"type\": \"text\", \"text\": \"x\"}]\n}"},
            {.name = "nonsense", .kinds = SLUICE_TOOL | SLUICE_CONTENT, .handler = pretty, .user = "7"},
            {.name = "broken", .kinds = BOTH, .handler = pretty, .user = "{"},
            {.name = "slow", .kinds = BOTH, .handler = slow},
            {.name = "fails", .kinds = BOTH, .handler = fails, .route = "GET /fails"},
            {.name = "typed", .kinds = BOTH, .handler = echo, .route = "GET /typed/:n/:word",
             .schema = OBJECT(OF("n", "integer") "," OF("word", "string") "," OF("on", "boolean") ","
                              OF("x", "number") ",\"any\":{}")},
            {.name = "closed", .kinds = BOTH, .handler = echo,
             .schema = "{\"properties\":{\"n\":{}},\"additionalProperties\":false}"},
            {.name = "secret", .kinds = BOTH | SLUICE_ADMIN, .handler = echo, .route = "GET /secret"},
            {.name = "test://{a}/of/{b}", .kinds = SLUICE_TEMPLATE, .handler = echo},
            {.name = "asks", .kinds = SLUICE_TOOL, .handler = asks, .user = "{\"message\":\"?\"}"},
            {.name = "mumbles", .kinds = SLUICE_TOOL, .handler = asks, .user = "{\"message\":"},
            {.name = "floods", .kinds = SLUICE_TOOL, .handler = floods},
            {.name = "endless", .kinds = BOTH, .handler = endless},
            {.name = "shouts", .kinds = SLUICE_TOOL, .handler = shouts, .result = "{\n\"type\":\"array\"}"},
            {.name = "prompt", .kinds = SLUICE_PROMPT, .handler = echo, .schema = "[\n {\"name\":\n \"x\"}\n]\n"},
            {.name = "hidden", .kinds = SLUICE_PROMPT | SLUICE_ADMIN, .handler = echo},
            {.name = "test://hidden", .kinds = SLUICE_RESOURCE | SLUICE_ADMIN, .handler = echo},
        };
        int sluice_module_init(struct sluice_module *module) {
            for (unsigned i = 0; i < sizeof(offers) / sizeof(offers[0]); i++)
                if (sluice_module_offer(module, &offers[i]) != 0)
                    return -1;
            return 0;
        }'''

    def serve(self, *arguments, **options):
        module = probe.build(self.SOURCE, self.directory() / "offers.so")
        return self.daemon("--modules", module, *arguments, **options)

    def get(self, server, path, *fields):
        client = HttpClient(server.tcp)
        self.addCleanup(client.close)
        response = client.ask("GET", path, *fields)
        return response.status, json.loads(response.body)

    def test_whatever_its_layout_json_is_one_line(self):
        server = self.serve()
        told = {"text": "a\nb", "x": 0.1}
        for session in self.each(server):
            *heard, answer = session.ask(call("tools/call", {"name": "pretty", "_meta": {"progressToken": 1}}))
            self.assertEqual(answer["result"]["structuredContent"], told)
            self.assertEqual([one["params"]["data"] for one in heard if one["method"] == "notifications/message"],
                             [{"a": [1, 2]}, "plain words"])
            self.assertEqual([one["params"] for one in heard if one["method"] == "notifications/progress"],
                             [{"progressToken": 1, "progress": 1, "message": "on\nits way"}])
            self.assertEqual(session.ask(call("tools/call", {"name": "content"}))[-1]["result"],
                             {"content": [{"type": "text", "text": "x"}]})
        modern = self.modern(server)
        self.assertEqual(modern.ask("tools/call", {"name": "pretty"})["result"]["structuredContent"], told)
        self.assertEqual(modern.ask("tools/call", {"name": "content"})["result"]["content"],
                         [{"type": "text", "text": "x"}])

    def test_lists_are_lines_of_what_clients_take(self):
        server = self.serve()
        for session in self.each(server):
            prompts = {one["name"]: one for one in self.result(session, "prompts/list")["prompts"]}
            self.assertEqual(prompts["prompt"]["arguments"], [{"name": "x"}])
            tools = {tool["name"]: tool for tool in self.result(session, "tools/list")["tools"]}
            self.assertEqual({tool["inputSchema"]["type"] for tool in tools.values()}, {"object"})
            self.assertEqual({tool["outputSchema"]["type"] for tool in tools.values() if "outputSchema" in tool},
                             {"object"})
            *heard, answer = session.ask(call("tools/call", {"name": "shouts"}))
            self.assertEqual([one["params"]["level"] for one in heard], ["info"])
            self.assertNotIn("structuredContent", answer["result"])
        modern = self.modern(server)
        tools = {tool["name"]: tool for tool in modern.ask("tools/list")["result"]["tools"]}
        self.assertEqual(tools["shouts"]["outputSchema"], {"type": "array"})
        self.assertEqual(modern.ask("tools/call", {"name": "shouts"})["result"]["structuredContent"], [1, 2])

    WRONG = r'''
        #include <sluice/rpc.h>
        SLUICE_MODULE;
        static void none(struct sluice_call *call, const char *params, void *user) {
            (void)call, (void)params, (void)user;
        }
        int sluice_module_init(struct sluice_module *module) {
            struct sluice_offer offer = {.handler = none, FIELDS};
            return sluice_module_offer(module, &offer);
        }'''

    def test_what_is_wrong_with_an_offer(self):
        tool = '.name = "x", .kinds = SLUICE_TOOL, '
        nested = r'{\"properties\":{\"a\":{\"properties\":{\"b\":{\"x-mcp-header\":\"B\"}}}}}'
        for fields, words in ((tool + '.schema = "[]"', "its schema is no JSON object"),
                              (tool + '.schema = "{"', "its schema is no JSON object"),
                              (tool + '.result = "[]"', "the schema of its result is no JSON object"),
                              (tool + f'.schema = "{nested}"',
                               "x-mcp-header is only taken of the schema's own properties"),
                              ('.name = "x", .kinds = SLUICE_PROMPT, .schema = "{}"',
                               "the JSON array of its arguments"),
                              ('.name = "ping", .kinds = SLUICE_METHOD', "the name is taken")):
            module = probe.build(self.WRONG.replace("FIELDS", fields), self.directory() / "wrong.so")
            done = run_sluiced("--modules", module, "--listen", "tcp:127.0.0.1:0")
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(words, done.stderr)

    def test_many_questions(self):
        session = SocketSession(Lines, self.serve().unix, capabilities={"elicitation": {}})
        self.addCleanup(session.close)
        session.client.say(call("tools/call", {"name": "asks"}, id="all"))
        for _ in range(20):
            session.client.say({"jsonrpc": "2.0", "id": session.hear()["id"],
                                "result": {"action": "accept", "content": {}}})
        self.assertEqual(session.hear()["result"]["structuredContent"], {"told": 20})
        result = self.result(session, "tools/call", {"name": "mumbles"})
        self.assertEqual((result["isError"], result["content"][0]["text"]),
                         (True, "what the handler asks is no JSON object"))

    def test_events_beyond_what_may_wait_are_lost_but_not_the_answer(self):
        server = self.serve("--mcp-stream-bytes", "64k")
        session = self.http(server)
        stream = Stream(server.tcp, "POST", "Content-Type: application/json", f"Mcp-Session-Id: {session.id}",
                        body=as_text(call("tools/call", {"name": "floods"})))
        self.addCleanup(stream.close)
        told = 0
        while "result" not in (message := stream.message()):
            self.assertEqual(message["method"], "notifications/message")
            told += 1
        self.assertEqual(message["result"]["structuredContent"], {"done": True})
        lost = server.counter("mcp", "mcp_lost")
        self.assertGreater(lost, 0)
        self.assertEqual(told + lost, 1000)

    def test_a_handler_is_told_that_nobody_waits_any_more(self):
        server = self.serve()

        def await_busy(count):
            until(lambda: server.stats()["offload"]["handlers_busy"] == count, f"{count} handlers at work")
        session = SocketSession(Lines, server.unix)
        self.addCleanup(session.close)
        session.client.say(call("tools/call", {"name": "endless"}, id="c"))
        await_busy(1)
        session.client.say(call("notifications/cancelled", {"requestId": "c"}, id=...))
        await_busy(0)
        for leaver in (Lines(server.unix), Post(server.unix)):
            body = as_text(call("endless"))
            if isinstance(leaver, Post):
                leaver.send(head("POST", "/rpc", "Content-Type: application/json", f"Content-Length: {len(body)}") +
                            body)
            else:
                leaver.say(body)
            await_busy(1)
            leaver.close()
            await_busy(0)
        self.assertEqual(server.counter("rpc", "rpc_cancelled"), 3)

    def test_what_is_no_result_is_an_error(self):
        server = self.serve()
        modern = self.modern(server)
        for name in ("nonsense", "broken", "fails"):
            result = modern.ask("tools/call", {"name": name})["result"]
            self.assertEqual((result["resultType"], result["isError"]), ("complete", True), name)
        self.assertEqual(self.get(server, "/fails")[0], 500)

    def test_a_drain_waits_for_answers_on_streams(self):
        for modern in (False, True):
            server = self.serve()
            params = {"name": "slow", "_meta": {"progressToken": 1, **(meta() if modern else {})}}
            fields = [f"MCP-Protocol-Version: {MODERN}", "Mcp-Method: tools/call", "Mcp-Name: slow"]
            if not modern:
                session = self.http(server)
                fields = [f"Mcp-Session-Id: {session.id}"]
                session.close()
            stream = Stream(server.tcp, "POST", "Content-Type: application/json", *fields,
                            body=as_text(call("tools/call", params)))
            self.assertEqual(stream.message()["method"], "notifications/progress")
            server.signal()
            self.assertEqual(stream.message()["result"]["structuredContent"], {"done": True})
            stream.close()
            self.assertEqual(server.wait_exit(), 0)

    def test_arguments_of_a_route_have_the_types_of_the_schema(self):
        server = self.serve()
        for path, params in {"/typed/5/7": {"n": 5, "word": "7"},
                             "/typed/-1/true?on=true&x=1e2": {"n": -1, "word": "true", "on": True, "x": 100.0},
                             "/typed/1/a%20b?any=3": {"n": 1, "word": "a b", "any": 3},
                             "/typed/1/%C3%A9?any=true": {"n": 1, "word": "é", "any": "true"}}.items():
            self.assertEqual(self.get(server, path), (200, {"params": params}))
        for path in ("/typed/five/x", "/typed/1/x?on=1", "/typed/1/x?x=much", "/typed/1/x?any=%FF", "/typed/1/%FF",
                     "/typed/1/x?any=%"):
            self.assertEqual(self.get(server, path)[0], 400, path)

    def test_other_arguments_as_the_schema_says(self):
        client = Post(self.serve().tcp)
        self.addCleanup(client.close)
        self.assertEqual(client.ask(call("typed", {"n": 1, "more": [2]}))["result"], {"params": {"n": 1, "more": [2]}})
        self.assertEqual(client.ask(call("closed", {"n": 1, "more": [2]}))["error"]["data"]["path"], "/more")
        self.assertEqual(client.ask(call("pretty", {"more": 2}))["error"]["data"]["path"], "/more")

    def test_administration_on_every_face(self):
        server = self.serve(listen=("unix:{dir}/s.sock", "tcp:127.0.0.1:0"),
                            config='listen "tcp:127.0.0.1:0" { admin = no protocols = {"slc", "http", "rpc", "mcp"} }')
        self.assertEqual(self.get(server, "/secret"), (200, {"params": {}}))
        self.assertEqual(self.get(server, "/secret", "Origin: http://example.com")[0], 403)
        server.tcp = server.addresses[-1]
        status, told = self.get(server, "/secret")
        self.assertEqual((status, told["error"]), (403, "DENIED"))
        client = Post(server.tcp)
        self.addCleanup(client.close)
        self.assertEqual(client.ask(call("secret"))["error"]["data"]["status"], "DENIED")
        names = {address: self.offered(address) for address in server.addresses}
        self.assertLessEqual({"hidden", "test://hidden"}, names.pop(server.addresses[0]))
        self.assertFalse({"hidden", "test://hidden"} & names[server.tcp])

    def offered(self, address):
        session = SocketSession(Lines, address)
        self.addCleanup(session.close)
        return {one["name"] for kind in ("prompts", "resources") for one in self.result(session, f"{kind}/list")[kind]}

    def test_a_templates_values_are_decoded(self):
        modern = self.modern(self.serve())
        self.assertEqual(modern.ask("resources/read", {"uri": "test://a%20%C3%A9/of/b"})["result"]["params"],
                         {"uri": "test://a%20%C3%A9/of/b", "a": "a é", "b": "b"})
        self.assertEqual(modern.ask("resources/read", {"uri": "test://%FF/of/b"})["error"]["code"], -32602)


class Listener:
    """A server that says one thing."""

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.unix = f"tcp:127.0.0.1:{self.socket.getsockname()[1]}"
        return self

    def answer(self, text):
        peer, _ = self.socket.accept()
        with peer:
            peer.recv(65536)
            peer.sendall(text.encode() + b"\n")

    def __exit__(self, *_):
        self.socket.close()


class Command(Mcp):
    def run_sluice(self, server, *arguments, input=b""):
        return subprocess.run([BUILD / "sluice", "-s", server.unix, *arguments], input=input, capture_output=True,
                              timeout=TIMEOUT)

    def test_rpc(self):
        server = self.server()
        done = self.run_sluice(server, "rpc", "object.info", '{"key":"hello"}')
        self.assertEqual((done.returncode, json.loads(done.stdout)["size"]), (0, 13))
        done = self.run_sluice(server, "rpc", "object.info", '{"key":5}')
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"/key", done.stderr)
        self.assertEqual(self.run_sluice(server, "rpc", "ping", "{").returncode, 2)
        big = self.run_sluice(server, "rpc", "object.read", '{"key":"size/1048576","encoding":"base64"}')
        self.assertEqual(base64.b64decode(json.loads(big.stdout)["data"]), self.tree.files["size/1048576"])

    def test_rpc_prints_what_was_said(self):
        server = self.server()
        numbers = '[0.1,1E400,-0,18446744073709551616,0.30000000000000004,"\\u00e9\\/",[],{}]'
        done = self.run_sluice(server, "rpc", "tools/call",
                               '{"name":"test_tool_with_progress","_meta":{"progressToken":1}}')
        self.assertEqual((done.returncode, json.loads(done.stdout)["content"][0]["type"]), (0, "text"), done.stderr)
        with Listener() as listener:
            thread = threading.Thread(target=listener.answer,
                                      args=(f'{{"jsonrpc":"2.0","id":1,"result":{{"n": {numbers}}}}}',))
            thread.start()
            done = self.run_sluice(listener, "rpc", "any")
            thread.join()
        self.assertEqual(done.stdout.decode(),
                         '{\n  "n": [\n    ' + numbers[1:-1].replace(",", ",\n    ") + "\n  ]\n}\n")

    def test_bridge(self):
        server = self.server()
        lines = b"".join(as_text(one) + b"\n" for one in (initialize(), call("notifications/initialized", id=...),
                                                          call("tools/list", id=1), call("ping", id=2)))
        done = self.run_sluice(server, "mcp", input=lines)
        self.assertEqual([json.loads(line)["id"] for line in done.stdout.splitlines()], [0, 1, 2])
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_bridge_without_a_daemon(self):
        server = self.server()
        bridge = subprocess.Popen([BUILD / "sluice", "-s", server.unix, "mcp"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        bridge.stdin.write(as_text(initialize()) + b"\n")
        bridge.stdin.flush()
        self.assertEqual(json.loads(bridge.stdout.readline())["id"], 0)
        server.signal()
        self.assertEqual(bridge.wait(TIMEOUT), 3)
        self.assertEqual((bridge.stdout.read(), bridge.stderr.read()),
                         (b"", b"sluice mcp: the server has ended the connection\n"))
        bridge.communicate()
        self.assertEqual(server.wait_exit(), 0)
        done = self.run_sluice(server, "mcp", input=as_text(initialize()))
        self.assertEqual((done.returncode, done.stdout), (3, b""))
        self.assertIn(b"No such file or directory", done.stderr)
