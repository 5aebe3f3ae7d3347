"""HTTP as curl speaks it: a client that others wrote."""
import os
import shutil
import subprocess
import unittest

from case import content
from http_case import HttpCase, url

HELLO = b"hello, world\n"


@unittest.skipUnless(shutil.which("curl"), "needs curl")
class Curl(HttpCase):
    """A client that others wrote."""

    def curl(self, target, *arguments, address=None, status=0):
        address = address or self.server.tcp
        way = ["--unix-socket", address[len("unix:"):]] if address.startswith("unix:") else []
        host = "localhost" if way else address[len("tcp:"):]
        done = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "60", *way, *map(str, arguments),
                               f"http://{host}{target}"], capture_output=True, timeout=90, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout

    def test_gets(self):
        for address in (self.server.tcp, self.server.unix):
            for key in ("hello", "size/5242883", "with space/ünï ✓ code"):
                self.assertTrue(self.curl(url(key), address=address) == self.tree.files[key])

    def test_heads(self):
        text = self.curl("/objects/size/1048576", "--head").decode()
        self.assertIn("HTTP/1.1 200 OK\r\n", text)
        self.assertIn("Content-Length: 1048576\r\n", text)

    def test_ranges(self):
        data = self.tree.files["size/1048576"]
        for address in (self.server.tcp, self.server.unix):
            for text, want in (("0-0", data[:1]), ("1000-99999", data[1000:100000]), ("-7", data[-7:]),
                               ("1048575-", data[-1:])):
                self.assertTrue(self.curl("/objects/size/1048576", "--range", text, address=address) == want)
        self.curl("/objects/size/1048576", "--range", "1048576-", "--fail", status=22)

    def test_conditionals(self):
        code = ("--write-out", "%{http_code}")
        tags = self.directory() / "tags"
        late = self.directory({"late": b""}) / "late"
        os.utime(late, (2e9, 2e9))
        self.assertEqual(self.curl("/objects/hello", "--etag-save", tags, *code), HELLO + b"200")
        self.assertEqual(self.curl("/objects/hello", "--etag-compare", tags, *code), b"304")
        self.assertEqual(self.curl("/objects/hello", "--time-cond", late, *code), b"304")
        self.assertEqual(self.curl("/objects/hello", "--time-cond", f"-{late}", *code), HELLO + b"200")

    def test_resumes(self):
        data = self.tree.files["size/5242883"]
        part = self.directory({"part": data[:1000003]}) / "part"
        self.curl("/objects/size/5242883", "--continue-at", "-", "--output", part)
        self.assertTrue(part.read_bytes() == data)

    def test_posts(self):
        body = self.directory({"body": content(300000)}) / "body"
        for arguments in ((), ("--header", "Transfer-Encoding: chunked"), ("--header", "Expect: 100-continue"),
                          ("--http1.0",)):
            with self.subTest(arguments):
                got = self.curl("/echo", "--data-binary", f"@{body}", *arguments)
                self.assertTrue(got == body.read_bytes())

    def test_reuses_a_connection(self):
        target = self.server.tcp[len("tcp:"):]
        done = subprocess.run(["curl", "--silent", "--max-time", "60", "--write-out", "%{num_connects} ",
                               "--remote-name-all",
                               *(f"http://{target}/{name}" for name in ("hello", "objects/hello", "none"))],
                              stdout=subprocess.PIPE, timeout=90, check=True, cwd=self.directory())
        self.assertEqual(done.stdout.split(), [b"1", b"0", b"0"])

    def test_a_proxys_request(self):
        target = self.server.tcp[len("tcp:"):]
        done = subprocess.run(["curl", "--silent", "--max-time", "60", "--proxy", f"http://{target}", "--noproxy", "",
                               "http://localhost/objects/hello"], stdout=subprocess.PIPE, timeout=90, check=True)
        self.assertEqual(done.stdout, HELLO)
