"""The official conformance suite, where `tools/setup.sh --conformance` has installed it: everything that the revisions
require, and what it runs besides (which its own reference server cannot pass), except the optional tasks extension."""
import subprocess
import tempfile
import unittest

from mcp_case import INSTALLED, NODES, Mcp

SUITE = INSTALLED / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"


@unittest.skipUnless(SUITE.exists() and NODES, "the conformance suite is not installed: tools/setup.sh --conformance")
class Conformance(Mcp):
    def run_suite(self, revision):
        server = self.server()
        url = "http://" + server.tcp.removeprefix("tcp:") + "/mcp"
        with tempfile.TemporaryDirectory() as directory:
            done = subprocess.run([NODES[0], SUITE, "server", "--url", url, "--requirements", revision], cwd=directory,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=170)
        summary = done.stdout[done.stdout.find("=== SUMMARY"):].split("Not scored")[0]
        failed = {line.split(":")[0].split()[1] for line in summary.splitlines() if line.startswith("✗")}
        self.assertIn("Total:", summary, done.stdout[-2000:] + done.stderr[-2000:])
        self.assertEqual({name for name in failed if not name.startswith("tasks-")}, set(), done.stdout[-4000:])

    def test_2025_11_25(self):
        self.run_suite("2025-11-25")

    def test_2026_07_28(self):
        self.run_suite("2026-07-28")
