"""What modules offer, on all its faces, and the commands rpc and mcp of the client."""
import base64
import json
import subprocess

import probe
from daemon import BUILD
from http1 import HttpClient
from mcp import initialize
from mcp_case import Mcp
from rpc import Post, as_text, call
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
        self.assertEqual(self.result(session, "tools/call", {"name": "greet", "arguments": want["params"]})["structuredContent"], want)
        response = HttpClient.ask(client, "GET", "/greet/x?n=3")
        self.assertEqual((response.status, json.loads(response.body)["params"]), (200, {"n": 3, "name": "x"}))
        self.assertEqual(HttpClient.ask(client, "GET", "/greet/x?n=y").status, 400)


class Command(Mcp):
    def run_sluice(self, server, *arguments, input=b""):
        return subprocess.run([BUILD / "sluice", "-s", server.unix, *arguments], input=input, capture_output=True, timeout=TIMEOUT)

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

    def test_bridge(self):
        server = self.server()
        lines = b"".join(as_text(one) + b"\n" for one in (initialize(), call("notifications/initialized", id=...),
                                                          call("tools/list", id=1), call("ping", id=2)))
        done = self.run_sluice(server, "mcp", input=lines)
        self.assertEqual([json.loads(line)["id"] for line in done.stdout.splitlines()], [0, 1, 2])
        self.assertEqual(done.returncode, 0)
