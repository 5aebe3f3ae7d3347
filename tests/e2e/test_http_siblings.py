"""Compressed siblings: KEY.br and KEY.gz for clients that accept the coding."""
import gzip

from case import Case
from http1 import HttpClient

PLAIN = b"plain text of a page\n" * 300
PACKED = gzip.compress(PLAIN)


class Siblings(Case):
    def setUp(self):
        super().setUp()
        self.root = self.directory({"page.html": PLAIN, "page.html.gz": PACKED, "page.html.br": b"brotli",
                                    "only.txt": b"only this", "lone.txt.gz": PACKED})

    def fetch(self, daemon, key, *fields, method="GET"):
        with HttpClient(daemon.tcp) as client:
            return client.ask(method, f"/objects/{key}", *fields)

    def test_the_first_accepted_one_is_sent(self):
        daemon = self.daemon("--precompressed", "br,gz", root=self.root)
        for value, coding, body in (("gzip", "gzip", PACKED), ("gzip, br", "br", b"brotli"),
                                    ("br;q=0, *", "gzip", PACKED), ("gzip, br;q=0.9", "gzip", PACKED),
                                    ("gzip;q=0.1, br;q=0.2", "br", b"brotli"), ("br;q=0.5, *;q=0.6", "gzip", PACKED),
                                    ("gzip, br, identity", "br", b"brotli"), ("gzip;q=0.5, identity", None, PLAIN),
                                    ("identity;q=0.4, gzip;q=0.5", "gzip", PACKED), ("*;q=0", None, PLAIN),
                                    ("zstd", None, PLAIN), ("identity", None, PLAIN), ("gzip;q=0", None, PLAIN)):
            with self.subTest(value):
                response = self.fetch(daemon, "page.html", f"Accept-Encoding: {value}")
                self.assertEqual((response.status, response.get("Content-Encoding")), (200, coding))
                self.assertEqual((response.get("Content-Type"), response.get("Vary")), ("text/html", "Accept-Encoding"))
                self.assertTrue(response.body == body)

    def test_each_coding_has_its_own_tag(self):
        daemon = self.daemon("--precompressed", "gz", root=self.root)
        plain, packed = self.fetch(daemon, "page.html"), self.fetch(daemon, "page.html", "Accept-Encoding: gzip")
        self.assertNotEqual(plain.get("ETag"), packed.get("ETag"))
        again = self.fetch(daemon, "page.html", "Accept-Encoding: gzip", f"If-None-Match: {packed.get('ETag')}")
        self.assertEqual(again.status, 304)
        other = self.fetch(daemon, "page.html", f"If-None-Match: {packed.get('ETag')}")
        self.assertEqual(other.status, 200)

    def test_ranges_are_of_what_is_sent(self):
        daemon = self.daemon("--precompressed", "gz", root=self.root)
        part = self.fetch(daemon, "page.html", "Accept-Encoding: gzip", "Range: bytes=2-11")
        self.assertEqual((part.status, part.body), (206, PACKED[2:12]))

    def test_without_a_sibling_the_object_is_sent(self):
        daemon = self.daemon("--precompressed", "br,zst,gz", root=self.root)
        for _ in range(4):  # also when it has become hot
            response = self.fetch(daemon, "only.txt", "Accept-Encoding: gzip, br, zstd")
            self.assertEqual((response.status, response.get("Content-Encoding"), response.body),
                             (200, None, b"only this"))
        self.assertEqual(self.fetch(daemon, "missing", "Accept-Encoding: gzip").status, 404)
        head = self.fetch(daemon, "page.html", "Accept-Encoding: gzip", method="HEAD")
        self.assertEqual((head.status, head.get("Content-Encoding"), head.length), (200, "gzip", len(PACKED)))

    def test_unless_it_is_asked_for_there_is_none(self):
        response = self.fetch(self.daemon(root=self.root), "page.html", "Accept-Encoding: gzip")
        self.assertEqual((response.get("Content-Encoding"), response.get("Vary")), (None, None))
        self.assertTrue(response.body == PLAIN)
