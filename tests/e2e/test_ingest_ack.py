"""The promise of an acknowledgement: the section's, or that of the route that matches."""
from daemon import run_sluiced
from ingest_case import IngestCase


class Routes(IngestCase):
    def promise(self, link, path, body=b"m x=1", **fields):
        answer = self.post(link, body, path, **fields)
        self.assertIn(answer.status, (200, 204), answer)
        return answer.ack.split(";")[0]

    def test_a_route_promises_for_its_paths(self):
        daemon = self.ingest("ack = write", extra='route "POST /write" { ack = memory }\n'
                                                  'route "/api/*" { ack = fsync }\n'
                                                  'route "POST slow.example/metrics" { ack = fsync }\n')
        link = self.http(daemon)
        one = {"name": "a", "value": 1}
        self.assertEqual(self.promise(link, "/write"), "memory")
        self.assertEqual(self.promise(link, "/api/v2/write"), "fsync")
        self.assertEqual(self.promise(link, "/api/v1/import/prometheus", b"up 1\n"), "fsync")
        self.assertEqual(self.promise(link, "/metrics", one), "write")
        self.assertEqual(self.promise(link, "/metrics", one, Host="slow.example"), "fsync")
        self.assertEqual(self.get(link, "/metrics")[0], 200)
        self.assertEqual(self.get(link, "/api/v2/write")[0], 405)
        self.assertEqual(self.post(link, b"x", "/api/other").status, 404)
        self.finish(daemon)
        self.assertEqual(self.names(), ["m_x", "m_x", "up", "a", "a"])

    def test_a_route_may_take_longer_bodies_than_the_section(self):
        daemon = self.ingest("body_limit = 1k", extra='route "POST /write" { ack = fsync body_limit = 64k }\n')
        link = self.http(daemon)
        body = b"".join(b"m,n=%d x=1\n" % i for i in range(200))
        self.assertEqual(self.post(link, body, "/write").status, 204)
        self.assertEqual(self.post(link, body, "/api/v2/write").status, 413)

    def test_a_repeat_gets_the_first_answer_on_a_route_too(self):
        daemon = self.ingest(extra='route "POST /metrics" { ack = write }\n')
        link = self.http(daemon)
        first, second = (self.post(link, {"name": "a", "value": 1}, Idempotency_Key="k") for _ in range(2))
        self.assertEqual((first.status, first.body, first.ack), (second.status, second.body, second.ack))
        self.assertEqual(first.ack, "write; seq=1")

    def test_a_repeat_by_another_route_is_promised_no_more(self):
        for start in range(2):  # also after a restart
            daemon = self.ingest(extra='route "POST /write" { ack = write }\n')
            link = self.http(daemon)
            first = self.post(link, b"m x=1", "/write", Idempotency_Key="k")
            again = self.post(link, b"m x=1", "/api/v2/write", Idempotency_Key="k")
            self.assertEqual((first.ack, again.status, again.ack), ("write; seq=1", 204, "write; seq=1"), start)
            self.finish(daemon)

    def test_what_is_ingested_is_shown_beside_a_route_for_posts(self):
        daemon = self.ingest(extra='route "POST /metrics" { ack = write }\n')
        link = self.http(daemon)
        self.assertEqual(self.promise(link, "/metrics", {"name": "a", "value": 1}), "write")
        status, text = self.get(link, "/metrics")
        self.assertEqual((status, "\na 1\n" in text), (200, True))

    def test_problems(self):
        file = self.directory() / "sluice.conf"
        for text, complaint in (('route "/write" { ack = fsync }', "ack: there is no ingest section"),
                                ('ingest { path = "/x" }\nroute "/write" { ack = fsync handler = "echo" }',
                                 "a handler and something else cannot both answer"),
                                ('ingest { path = "/x" }\nroute "/write" { ack = never }',
                                 "ack: 'never' is not one of")):
            file.write_text(text)
            done = run_sluiced("-c", file, "--listen", "unix:@none", "--check")
            self.assertEqual(done.returncode, 2)
            self.assertIn(complaint, done.stderr)
