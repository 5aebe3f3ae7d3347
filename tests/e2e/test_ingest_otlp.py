"""OpenTelemetry's exporters for Node, where `tools/setup.sh --conformance` has installed them."""
import os
import pathlib
import subprocess
import unittest

from ingest_case import IngestCase

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = pathlib.Path(os.environ.get("SLUICE_CONFORMANCE", ROOT / "build" / "conformance")) / "node_modules"
NODES = sorted(MODULES.glob("node-linux-*/bin/node"))
EXPORTER = pathlib.Path(__file__).resolve().parent / "otlp_exporter.js"


@unittest.skipUnless((MODULES / "@opentelemetry" / "sdk-metrics").exists() and NODES,
                     "OpenTelemetry's exporters are not installed: tools/setup.sh --conformance")
class Exporters(IngestCase):
    def assertExports(self, kind, compression):
        link = self.http(self.ingest())
        url = f"http://{link.host}:{link.port}/v1/metrics"
        done = subprocess.run([NODES[0], EXPORTER, MODULES, kind, url, compression], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)
        self.assertEqual((done.stdout, done.stderr), ("exported\n", ""))
        samples = {}
        for sample in self.cat():
            self.assertTrue(sample["tags"].pop("job").startswith("unknown_service"))
            samples[sample["name"], *sample["tags"].values()] = sample
        self.assertEqual({key: sample["value"] for key, sample in samples.items() if key[0] != "latency"},
                         {("http_requests", "GET"): 3, ("http_requests", "PUT"): 4, ("queue_length",): -2,
                          ("room_temperature", "a"): 21.5})
        self.assertEqual(samples["latency",]["value"], {"sum": 555.5, "bounds": [1, 10, 100], "counts": [1, 1, 1, 1]})
        self.assertEqual([samples[key]["type"] for key in (("http_requests", "GET"), ("queue_length",), ("latency",))],
                         ["counter", "gauge", "histogram"])
        self.assertRegex(self.get(link, "/metrics")[1], r'\nlatency_bucket\{job="unknown_service[^"]*",le="10"\} 2\n')

    def test_json(self):
        self.assertExports("http", "none")

    def test_json_gzip(self):
        self.assertExports("http", "gzip")

    def test_protobuf(self):
        self.assertExports("proto", "none")

    def test_protobuf_gzip(self):
        self.assertExports("proto", "gzip")
