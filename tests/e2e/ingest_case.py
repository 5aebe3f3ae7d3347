"""What the tests of ingestion share: a daemon with a log, posts, and what `sluice log` says."""
import http.client
import json
import re
import subprocess
import time

from case import Case
from daemon import BUILD, environment

SLUICE = BUILD / "sluice"
ACK = re.compile(r"(fsync|write|memory); seq=(\d+)(?:-(\d+))?")


def record(name="requests", value=1, **more):
    return {"name": name, "value": value, **more}


def wall_ms():
    return int(time.time() * 1000)


class Answer:
    """Of a post: status, fields, json (None without), and seqs, the sequences that were acknowledged."""

    def __init__(self, response):
        self.status = response.status
        self.fields = response.headers
        self.body = response.read()
        self.json = json.loads(self.body) if "json" in (response.getheader("Content-Type") or "") else None
        self.ack = response.getheader("Sluice-Ack")
        self.seqs = range(0)
        if self.ack:
            match = ACK.fullmatch(self.ack)
            self.seqs = range(int(match[2]), int(match[3] or match[2]) + 1)

    def __repr__(self):
        return f"{self.status} {self.ack} {self.body!r}"


class IngestCase(Case):
    def setUp(self):
        self.log = self.directory() / "log"
        self.links = []

    def ingest(self, *options, extra="", **more):
        """A daemon with an ingest section of these options ("ack = write")."""
        config = f'ingest {{\n path = "{self.log}"\n ' + "\n ".join(options) + "\n}\n" + extra
        return self.daemon(root=False, config=config, **more)

    def http(self, daemon, source=None):
        host, port = daemon.tcp.removeprefix("tcp:").rsplit(":", 1)
        link = http.client.HTTPConnection(host, int(port), timeout=30, source_address=source and (source, 0))
        self.addCleanup(link.close)
        self.links.append((daemon, link))
        return link

    def finish(self, daemon):
        """Ends a daemon of this test before the test ends."""
        for of, link in self.links:
            if of is daemon:
                link.close()
        daemon.finish()

    def post(self, link, body, path="/metrics", **fields):
        data = body if isinstance(body, (bytes, str)) else json.dumps(body)
        link.request("POST", path, data, {name.replace("_", "-"): str(value) for name, value in fields.items()})
        return Answer(link.getresponse())

    def get(self, link, path):
        link.request("GET", path)
        response = link.getresponse()
        return response.status, response.read().decode()

    def sluice(self, *arguments, expect=0):
        done = subprocess.run([SLUICE, "log", *map(str, arguments)], capture_output=True, text=True, timeout=60,
                              env=environment())
        self.assertEqual(done.returncode, expect, done.stderr)
        return done.stdout

    def cat(self, *arguments):
        """Samples in the log, each a dict."""
        return [json.loads(line) for line in self.sluice("cat", *arguments, self.log).splitlines()]

    def names(self):
        return [sample["name"] for sample in self.cat()]

    def assertRefused(self, answer, status, code, where=None, pointer=None):
        """One error with this code, at an ("index", n) or ("line", n[, column])."""
        self.assertEqual(answer.status, status, answer)
        error = answer.json["errors"][0]
        self.assertEqual(error["code"], code, answer)
        self.assertTrue(error["message"])
        if where:
            self.assertEqual(error[where[0]], where[1], answer)
            if len(where) > 2:
                self.assertEqual(error["column"], where[2], answer)
        if pointer is not None:
            self.assertEqual(error["pointer"], pointer, answer)
        return error
