"""The official TypeScript SDK's client, where `tools/setup.sh --conformance` has installed it: over Streamable HTTP,
and through the bridge `sluice mcp`."""
import json
import pathlib
import subprocess
import unittest
import urllib.parse

from daemon import BUILD
from mcp_case import INSTALLED, NODES, Mcp

SDK = INSTALLED / "node_modules" / "@modelcontextprotocol" / "sdk"
SDK2 = SDK.with_name("client")
SCRIPT = pathlib.Path(__file__).with_name("mcp_sdk.js")
# The SDK drops the last one if the answer comes in one piece with it.
PROGRESS = [0, 50, 100], [0, 50]


@unittest.skipUnless(SDK.exists() and NODES, "the TypeScript SDK is not installed: tools/setup.sh --conformance")
class Sdk(Mcp):
    def talk(self, *how):
        done = subprocess.run([NODES[0], SCRIPT, INSTALLED.resolve(), *map(str, how)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def check(self, got):
        self.assertEqual(got["server"]["name"], "sluice")
        self.assertTrue(got["capabilities"]["resources"]["subscribe"])
        self.assertLessEqual({"object.list", "metrics.query", "echo", "fib"}, set(got["tools"]))
        self.assertEqual((got["echo"], got["bad"], got["unknown"]), ({"text": "hi"}, True, -32602))
        self.assertIn(got["progress"], PROGRESS)
        self.assertEqual(len(got["logs"]), 3)
        self.assertEqual(got["sampling"], "LLM response: sampled")
        self.assertIn('"response":"elicited"', got["elicitation"])
        self.assertEqual(got["reconnection"], "Reconnection test completed successfully")
        names = [urllib.parse.unquote(uri.removeprefix("sluice:///")) for uri in got["resources"]
                 if uri.startswith("sluice:")]
        self.assertEqual(set(names), {*self.tree.files, "1g"})
        self.assertIn("sluice:///{+key}", got["templates"])
        self.assertEqual((got["read"], got["absent"]), ("hello, world\n", -32002))
        self.assertIn("server-health", got["prompts"])
        self.assertEqual((got["prompt"], got["completion"], got["quiet"]), (2, ["hello"], True))

    def test_over_streamable_http(self):
        server = self.server("--mcp-page", "5")
        self.check(self.talk("http", "http://" + server.tcp.removeprefix("tcp:") + "/mcp"))

    def test_through_the_bridge(self):
        server = self.server("--mcp-page", "5")
        self.check(self.talk("stdio", BUILD / "sluice", "-s", server.unix, "mcp"))


@unittest.skipUnless(SDK2.exists() and NODES,
                     "the TypeScript SDK's client is not installed: tools/setup.sh --conformance")
class Sdk2(Mcp):
    """Its second version, which speaks both eras."""

    def check(self, got, modern):
        self.assertEqual((got["version"], got["server"]), ("2026-07-28" if modern else "2025-11-25", "sluice"))
        dropped = [error for error in got["errors"] if "progress notification for an unknown token" in error]
        self.assertEqual((got["errors"], len(got["progress"])), (dropped, 3 - len(dropped)))
        self.assertLessEqual({"object.list", "metrics.query", "echo"}, set(got["tools"]))
        self.assertEqual((got["echo"], got["bad"], got["unknown"]), ({"text": "hi"}, True, -32602))
        self.assertEqual(got["headers"], "headers match")
        self.assertIn(got["progress"], PROGRESS)
        self.assertEqual(got["sampling"], "LLM response: sampled")
        self.assertIn('"response":"elicited"', got["elicitation"])
        self.assertEqual((got["rounds"], got["inputs"]), ("both steps are done", "all inputs are there"))
        self.assertIn("sluice:///hello", got["resources"])
        self.assertEqual((got["read"], got["absent"]), ("names are UTF-8", -32602 if modern else -32002))
        self.assertEqual((got["prompt"], got["completion"]), (2, ["hello"]))

    def talk(self, era, server, *how):
        program = subprocess.Popen([NODES[0], SCRIPT.with_name("mcp_sdk2.js"), INSTALLED.resolve(), era,
                                    *map(str, how)],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = program.stdout.readline()
        if era == "auto":
            server.signal()
        out, err = program.communicate(timeout=120)
        self.assertEqual(program.returncode, 0, err)
        got = json.loads(line)
        self.check(got, era == "auto")
        if era == "auto":
            self.assertEqual(got["honored"],
                             {"resourcesListChanged": True, "resourceSubscriptions": ["sluice:///hello"]})
            self.assertEqual((out, server.wait_exit()), ("graceful\n", 0))

    def test_over_streamable_http(self):
        for era in ("legacy", "auto"):
            server = self.server()
            self.talk(era, server, "http", "http://" + server.tcp.removeprefix("tcp:") + "/mcp")

    def test_through_the_bridge(self):
        for era in ("legacy", "auto"):
            server = self.server()
            self.talk(era, server, "stdio", BUILD / "sluice", "-s", server.unix, "mcp")
