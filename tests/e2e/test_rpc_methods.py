"""The methods of JSON-RPC that drive the other families: the gateway's servers, open files, and ingested metrics."""
from case import Case
from daemon import until
from gateway_case import GatewayCase
from ingest_case import IngestCase, wall_ms
from mcp import HttpSession, Stream
from mcp_case import everything
from rpc import Lines, Post, as_text, call
from slc import frame, request

BOTH = ("unix:{dir}/s.sock", "tcp:127.0.0.1:0")


class Methods:
    """For a Case: one call, by a client that goes away with the test."""

    def lines(self, daemon):
        client = Lines(daemon.unix)
        self.addCleanup(client.close)
        return client

    def result(self, client, method, **params):
        reply = client.ask(call(method, params))
        self.assertIn("result", reply, reply)
        return reply["result"]

    def error(self, client, method, **params):
        reply = client.ask(call(method, params))
        self.assertIn("error", reply, reply)
        return reply["error"]


class Upstreams(Methods, GatewayCase):
    def test_list(self):
        a, b = self.upstream(), self.upstream()
        daemon = self.gateway(a, f"{b.address} weight=2 backup", listen=BOTH)
        self.fetch(daemon, "/ok")
        client = self.lines(daemon)
        first, second = self.result(client, "upstream.list")["servers"]
        self.assertEqual((first["upstream"], first["server"], first["state"], first["requests"]),
                         ("api", a.address, "up", 1))
        self.assertEqual((second["server"], second["weight"], second["backup"]), (b.address, 2, True))
        self.assertEqual(len(self.result(client, "upstream.list", upstream="api")["servers"]), 2)
        self.assertEqual(self.error(client, "upstream.list", upstream="none")["code"], -32010)

    def test_set(self):
        a, b = self.upstream(name="a"), self.upstream(name="b")
        daemon = self.gateway(a, b, listen=BOTH)
        client = self.lines(daemon)
        row = self.result(client, "upstream.set", server=f"api/{a.address}", drained=True)
        self.assertEqual((row["server"], row["state"]), (a.address, "drained"))
        self.assertEqual({self.fetch(daemon, "/who").body for _ in range(5)}, {b"b"})
        row = self.result(client, "upstream.set", server=f"api/{a.address}", drained=False, weight=3)
        self.assertEqual((row["state"], row["weight"]), ("up", 3))
        self.assertEqual([self.fetch(daemon, "/who").body for _ in range(8)].count(b"a"), 6)

    def test_set_takes_the_server_as_the_list_shows_it(self):
        shared, own = "tcp:127.0.0.1:1", "unix:/none/such.sock"
        config = (f'upstream "one" {{ servers = {{"{shared}"}} }}\n'
                  f'upstream "two" {{ servers = {{"{shared}", "{own}"}} }}\n')
        client = self.lines(self.daemon(config=config, listen=BOTH))
        for row in self.result(client, "upstream.list")["servers"]:
            with self.subTest(row["server"]):
                if row["server"] == shared:
                    self.assertEqual(self.error(client, "upstream.set", server=shared, weight=7)["code"], -32010)
                else:
                    changed = self.result(client, "upstream.set", server=row["server"], weight=7)
                    self.assertEqual((changed["upstream"], changed["weight"]), ("two", 7))

    def test_bad_arguments_change_nothing(self):
        a = self.upstream()
        daemon = self.gateway(a, listen=BOTH)
        client = self.lines(daemon)
        server = f"api/{a.address}"
        for params, path in (({"server": server}, ""), ({"drained": True}, "/server"),
                             ({"server": server, "weight": 1001}, "/weight"),
                             ({"server": server, "weight": -1}, "/weight"),
                             ({"server": server, "drained": 1}, "/drained"),
                             ({"server": server, "state": "up"}, "/state")):
            error = self.error(client, "upstream.set", **params)
            self.assertEqual((error["code"], error["data"]["path"]), (-32602, path), params)
        for name in ("none/tcp:127.0.0.1:1", "api/tcp:127.0.0.1:1", "api", "", "/" * 5000):
            self.assertEqual(self.error(client, "upstream.set", server=name, weight=1)["code"], -32010)
        self.assertEqual(self.result(client, "upstream.list")["servers"][0]["weight"], 1)

    def test_only_where_administration_is(self):
        a = self.upstream()
        config = f'upstream "api" {{ servers = {{"{a.address}"}} }}\nlisten "unix:{{dir}}/s.sock" {{ admin = no }}\n'
        daemon = self.daemon(root=False, config=config, listen=())
        client = self.lines(daemon)
        self.assertEqual(self.error(client, "upstream.list")["code"], -32011)
        self.assertEqual(self.error(client, "upstream.set", server=f"api/{a.address}", drained=True)["code"], -32011)
        session = HttpSession(daemon.unix)
        self.addCleanup(session.close)
        tools = {tool["name"] for tool in session.ask(call("tools/list"))[-1]["result"]["tools"]}
        self.assertFalse(tools & {"upstream.list", "upstream.set", "stats.get", "config.get", "drain"})
        self.assertLessEqual({"object.list", "metrics.query", "metrics.push"}, tools)
        answer = session.ask(call("tools/call", {"name": "upstream.list"}))[-1]
        self.assertEqual(answer["error"]["code"], -32602)

    def test_without_a_gateway_the_list_is_empty(self):
        self.assertEqual(self.result(self.lines(self.daemon()), "upstream.list"), {"servers": []})


def metric(name, value, **more):
    return {"name": name, "value": value, **more}


class OpenFiles(Case):
    """What the object protocol may have open, JSON-RPC's reads have open too."""
    LIMIT = -32016

    def code(self, answer):
        return answer["error"]["code"] if "error" in answer else 0

    def test_none_beyond_the_limit(self):
        server = self.daemon("--open-files", 1, "--hot-max", 0)
        stalled, client = self.connect(server.tcp), Lines(server.unix)
        self.addCleanup(client.close)
        stalled.send(frame("C", request("1g")))
        stalled.reply_head()
        for method in ("object.read", "object.info", "object.open"):
            self.assertEqual(self.code(client.ask(call(method, {"key": "hello"}))), self.LIMIT, method)
        stalled.close()
        until(lambda: self.code(client.ask(call("object.info", {"key": "hello"}))) == 0, "a file may be opened again")

    def test_those_that_were_asked_for_together(self):
        server = self.daemon("--open-files", 3, "--hot-max", 0)
        client = Lines(server.unix)
        self.addCleanup(client.close)
        answers = client.ask([call("object.read", {"key": "size/65553"}, id=i) for i in range(20)])
        codes = [self.code(answer) for answer in answers]
        self.assertEqual(set(codes) - {0, self.LIMIT}, set())
        self.assertGreaterEqual(codes.count(0), 3)
        if self.mode == "auto":  # where all are open before the first is read
            self.assertEqual(codes.count(0), 3)


class Metrics(Methods, IngestCase):
    def push(self, client, *metrics):
        return self.result(client, "metrics.push", metrics=list(metrics))

    def query(self, client, **params):
        return self.result(client, "metrics.query", **params)["series"]

    def test_what_is_pushed_is_in_the_log_and_the_latest(self):
        for ack in ("fsync", "write", "memory"):
            daemon = self.ingest(f"ack = {ack}")
            client = self.lines(daemon)
            answer = self.push(client, metric("load", 0.1, tags={"host": "a"}), metric("load", 2, tags={"host": "b"}))
            self.assertEqual((answer["accepted"], answer["rejected"], answer["ack"]), (2, 0, ack))
            self.assertGreater(answer["sequence"], 0)
            self.finish_with(daemon, client)
            self.assertEqual([s["value"] for s in self.cat()][-2:], [0.1, 2])

    def finish_with(self, daemon, client):
        client.close()
        self.finish(daemon)

    def test_query_by_name_and_tags(self):
        daemon = self.ingest()
        client = self.lines(daemon)
        now = wall_ms()
        self.push(client, metric("a", 1, tags={"x": "1", "y": "1"}), metric("a", 0.1, tags={"x": "1", "y": "2"}),
                  metric("a", 3, tags={"x": "2"}), metric("b", 4, type="counter", timestamp=now))
        self.push(client, metric("b", 5, type="counter", timestamp=now + 1))
        values = lambda **params: sorted(s["value"] for s in self.query(client, **params))
        self.assertEqual(values(), [0.1, 1, 3, 9])
        self.assertEqual(values(name="a"), [0.1, 1, 3])
        self.assertEqual(values(tags={"x": "1"}), [0.1, 1])
        self.assertEqual(values(name="a", tags={"x": "1", "y": "2"}), [0.1])
        self.assertEqual(values(name="a", tags={"x": "1", "z": "2"}), [])
        self.assertEqual(values(name="none"), [])
        self.assertEqual(self.query(client, name="b"),
                         [{"name": "b", "type": "counter", "tags": {}, "value": 9, "timestamp": now + 1}])
        error = self.error(client, "metrics.query", tags={"x": 1})
        self.assertEqual((error["code"], error["data"]["path"]), (-32602, "/tags/x"))

    def test_query_says_that_there_are_more(self):
        client = self.lines(self.ingest())
        self.push(client, *[metric("m", i, tags={"i": str(i)}) for i in range(10)])
        for limit, more in ((9, True), (10, False), (11, False)):
            answer = self.result(client, "metrics.query", limit=limit)
            self.assertEqual((len(answer["series"]), answer["more"]), (min(limit, 10), more))

    def test_histograms_and_what_is_no_number(self):
        daemon = self.ingest()
        client = self.lines(daemon)
        value = {"sum": 7.5, "bounds": [1, 2.5], "counts": [1, 2, 3]}
        self.push(client, metric("h", value, type="histogram"))
        self.assertEqual(self.query(client, name="h")[0]["value"], value)
        link = self.http(daemon)
        answer = self.post(link, "up NaN\nlow -Inf\n", path="/api/v1/import/prometheus")
        if answer.status < 300:
            self.assertEqual([self.query(client, name=name)[0]["value"] for name in ("up", "low")], ["NaN", "-Inf"])

    def test_bad_samples_are_named(self):
        client = self.lines(self.ingest())
        answer = self.push(client, metric("good", 1), metric("bad name", 1), metric("worse", "x"))
        self.assertEqual((answer["accepted"], answer["rejected"]), (1, 2))
        self.assertEqual([e["pointer"] for e in answer["errors"]], ["/1/name", "/2/value"])
        error = self.error(client, "metrics.push", metrics=[metric("x", 1, tags={"a": 1})])
        self.assertEqual((error["code"], error["data"]["path"]), (-32602, "/metrics/0/tags/a"))
        for params, path in (({}, "/metrics"), ({"metrics": {}}, "/metrics"), ({"metrics": [], "x": 1}, "/x")):
            self.assertEqual(self.error(client, "metrics.push", **params)["data"]["path"], path)
        self.assertEqual(self.push(client), {"accepted": 0, "rejected": 0})

    def test_pushes_that_follow_others_of_their_batch(self):
        """Each answer lets the next member start, while the log still tells others of their group."""
        daemon = self.ingest("group_bytes = 4k", extra="rpc_parallel = 4\n")
        clients = [self.lines(daemon) for _ in range(3)]
        for n, client in enumerate(clients):
            client.say([call("metrics.push", {"metrics": [metric(f"m{n}", i)]}, id=i) for i in range(300)])
        answers = {(n, reply["id"]): reply["result"]["sequence"]
                   for n, client in enumerate(clients) for reply in client.hear()}
        self.assertEqual(len(answers), 900)
        for client in clients:
            client.close()
        self.finish(daemon)
        self.assertEqual({(int(s["name"][1:]), s["value"]): s["seq"] for s in self.cat()}, answers)
        self.sluice("verify", self.log)

    def test_a_long_push(self):
        client = self.lines(self.ingest())
        answer = self.push(client, *[metric("m", i, tags={"i": str(i)}) for i in range(5000)])
        self.assertEqual(answer["accepted"], 5000)
        self.assertEqual(len(self.query(client, limit=10000)), 5000)

    def test_the_rate_of_a_client(self):
        daemon = self.ingest("rate = 1", "rate_burst = 1")
        client = self.lines(daemon)
        self.push(client, *[metric("m", i) for i in range(1000)])
        error = self.error(client, "metrics.push", metrics=[metric("m", 1)])
        self.assertEqual((error["code"], error["data"]["status"]), (-32019, "RATE_LIMITED"))
        self.assertGreaterEqual(error["data"]["retry_after"], 1)

    def test_as_tools_and_over_http(self):
        daemon = self.ingest(listen=BOTH)
        with Post(daemon.tcp) as post:
            self.assertEqual(post.ask(call("metrics.push", {"metrics": [metric("m", 7)]}))["result"]["accepted"], 1)
        session = HttpSession(daemon.tcp)
        self.addCleanup(session.close)
        answer = session.ask(call("tools/call", {"name": "metrics.query", "arguments": {"name": "m"}}))[-1]["result"]
        self.assertEqual(answer["structuredContent"]["series"][0]["value"], 7)
        answer = session.ask(call("tools/call", {"name": "metrics.push", "arguments": {"metrics": [{"name": "x"}]}}))
        self.assertTrue(answer[-1]["result"]["isError"])

    def test_a_batch_whose_client_comes_back_for_the_answers(self):
        daemon = self.ingest(extra=f'rpc_parallel = 1\nmodules = {{ "{everything()}" }}\n', listen=BOTH)
        session = HttpSession(daemon.tcp, version="2025-03-26", capabilities={"sampling": {}})
        self.addCleanup(session.close)
        tools = [("test_sampling", {"prompt": "p"}), ("metrics.push", {"metrics": [metric("m", 1)]}),
                 ("metrics.push", {"metrics": [metric("m", 1)] * 300}), ("stats.get", {})]
        batch = [call("tools/call", {"name": name, "arguments": arguments}, id=id)
                 for id, (name, arguments) in enumerate(tools)]
        fields = [f"Mcp-Session-Id: {session.id}", "Content-Type: application/json"]
        stream = Stream(daemon.tcp, "POST", *fields, body=as_text(batch))
        asked = stream.message()
        stream.close()
        until(lambda: daemon.counter("mcp", "mcp_open_streams") == 0, "the stream has ended")
        word = {"role": "assistant", "model": "m", "content": {"type": "text", "text": "lo"}}
        self.assertEqual(session.post({"jsonrpc": "2.0", "id": asked["id"], "result": word}).status, 202)
        again = Stream(daemon.tcp, "GET", *fields, f"Last-Event-ID: {stream.ids[-1]}")
        self.addCleanup(again.close)
        failed = {answer["id"]: answer["result"].get("isError", False) for answer in again.message()}
        self.assertEqual(failed, {0: False, 1: True, 2: True, 3: False})

    def test_a_client_that_leaves_has_pushed_all_the_same(self):
        daemon = self.ingest()
        client = self.lines(daemon)
        client.say(call("metrics.push", {"metrics": [metric("gone", 1)]}, id=...), call("ping"))
        client.hear()
        client.close()
        other = self.lines(daemon)
        daemon.wait_counter("ingest", "acknowledged")
        self.assertEqual(len(self.query(other, name="gone")), 1)

    def test_a_push_that_is_cancelled_in_the_middle(self):
        client = self.lines(self.ingest())
        records = [metric("many", i) for i in range(20000)]  # usually still being read when it is cancelled
        for i in range(1, 4):
            client.say(call("metrics.push", {"metrics": records}, id="push"), call("ping", id=i))
            while (reply := client.hear())["id"] != i:
                self.assertIn("result", reply)
            client.say(call("notifications/cancelled", {"requestId": "push"}, id=...), call("ping", id=-i))
            while (reply := client.hear())["id"] != -i:
                self.assertIn("result", reply)

    def test_without_ingestion_they_are_unsupported(self):
        client = self.lines(self.daemon())
        self.assertEqual(self.error(client, "metrics.push", metrics=[])["code"], -32601)
        self.assertEqual(self.error(client, "metrics.query")["code"], -32601)
