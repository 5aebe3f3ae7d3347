"""GET /metrics: what was ingested, for Prometheus to scrape."""
import os
import re
import subprocess

from ingest_case import IngestCase, record, wall_ms


class Exposition(IngestCase):
    def exposed(self, link):
        status, text = self.get(link, "/metrics")
        self.assertEqual(status, 200)
        return text

    def test_values(self):
        link = self.http(self.ingest())
        self.post(link, [record("hits", 2, type="counter", tags={"app": "a"}), record("temp", 20.5),
                         record("hits", 3, type="counter", tags={"app": "a"}),
                         record("hits", 1, type="counter", tags={"app": 'b"\\\n'}),
                         record("temp", 7, timestamp=wall_ms() - 5000), record("lag", 0.3, type="histogram"),
                         record("lag", 20, type="histogram")])
        lines = self.exposed(link).splitlines()
        for line in ('hits{app="a"} 5', 'hits{app="b\\"\\\\\\n"} 1', "temp 20.5", "# TYPE hits counter",
                     "# TYPE temp gauge",
                     "# TYPE lag histogram", 'lag_bucket{le="0.25"} 0', 'lag_bucket{le="0.5"} 1',
                     'lag_bucket{le="+Inf"} 2',
                     "lag_sum 20.3", "lag_count 2"):
            self.assertIn(line, lines)

    def test_what_has_grown_beyond_all_numbers(self):
        link = self.http(self.ingest())
        self.post(link, [record("hits", 1e308, type="counter") for _ in range(2)])
        self.assertIn("\nhits +Inf\n", self.exposed(link))

    def test_histograms_are_merged(self):
        link = self.http(self.ingest())
        for counts in ([1, 0, 2], [0, 5, 0]):
            self.post(link, record("h", {"sum": 4, "bounds": [1, 2], "counts": counts}, type="histogram"))
        lines = self.exposed(link).splitlines()
        for line in 'h_bucket{le="1"} 1', 'h_bucket{le="2"} 6', 'h_bucket{le="+Inf"} 8', "h_sum 8", "h_count 8":
            self.assertIn(line, lines)

    def test_what_was_logged_is_shown_after_a_restart(self):
        daemon = self.ingest()
        self.post(self.http(daemon), record("hits", 2, type="counter"))
        self.finish(daemon)
        self.assertIn("\nhits 2\n", self.exposed(self.http(self.ingest())))

    def test_series_that_are_never_stale_are_shown_after_any_time(self):
        options = "stale = 0", "idempotency_window = 0"
        for name in "old", "new":
            daemon = self.ingest(*options)
            self.post(self.http(daemon), record(name, 3))
            self.finish(daemon)
        for file in self.log.glob("*.log"):
            os.utime(file, (1e9, 1e9))
        self.assertIn("\nold 3\n", self.exposed(self.http(self.ingest(*options))))

    def test_stale_series_are_dropped(self):
        daemon = self.ingest("stale = 0.2")
        link = self.http(daemon)
        for dropped in (1, 2):
            self.post(link, record("gone"))
            daemon.wait_counter("ingest", "series_dropped", dropped)
            self.assertNotIn("gone", self.exposed(link))

    def test_many_series_pass_in_pieces(self):
        link = self.http(self.ingest())
        self.post(link, [record(type="counter")])
        batch = [record(f"m_{i % 7}", tags={"i": str(i)}) if i % 3000 else record() for i in range(9000)]
        answer = self.post(link, batch)
        self.assertEqual((answer.json["accepted"], answer.json["rejected"]), (8997, 3))
        self.assertEqual([error["index"] for error in answer.json["errors"]], [0, 3000, 6000])
        text = self.exposed(link)
        self.assertEqual(len(re.findall(r'^m_\d\{i="\d+"\} 1$', text, re.M)), 8997)
        self.assertEqual(len(re.findall("^# TYPE m_", text, re.M)), 7)

    def test_head(self):
        link = self.http(self.ingest())
        self.post(link, record("a"))
        link.request("HEAD", "/metrics")
        response = link.getresponse()
        self.assertEqual((response.status, response.read()), (200, b""))
        self.assertEqual(int(response.getheader("Content-Length")), len(self.exposed(link)))

    def test_promtool(self):
        link = self.http(self.ingest())
        self.post(link,
                  [record("hits_total", 2, type="counter", tags={"a": "é"}),
                   record("lag_seconds", 0.3, type="histogram")])
        try:
            done = subprocess.run(["promtool", "check", "metrics"], input=self.exposed(link), capture_output=True,
                                  text=True)
        except FileNotFoundError:
            self.skipTest("promtool is not installed")
        self.assertEqual(done.returncode, 0, done.stderr)
