"""The official conformance suite, where `tools/setup.sh --conformance` has installed it: all that the revisions require."""
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
        summary = done.stdout[done.stdout.find("=== SUMMARY"):]
        scored = summary.split("Not scored")[0]
        unscored = {line.split()[1] for line in summary.split("Not scored")[-1].splitlines() if " ✗ " in line}
        failed = {line.split(":")[0].split()[1] for line in scored.splitlines() if line.startswith("✗")}
        self.assertIn("Total:", scored, done.stdout[-2000:] + done.stderr[-2000:])
        self.assertEqual(failed - unscored, set(), done.stdout[-4000:])

    def test_2025_11_25(self):
        self.run_suite("2025-11-25")

    def test_2026_07_28(self):
        self.run_suite("2026-07-28")
