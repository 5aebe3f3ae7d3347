"""Objects over HTTP: names, types, ranges, conditionals, delivery as a descriptor (RFC 9110)."""
import email
import email.policy
import email.utils
import json
import os

from case import GIB, MIB, SIZES
from daemon import until
from http1 import HttpClient, head
from http_case import HttpCase, url

HELLO = b"hello, world\n"
DAY = 86400


def http_date(seconds):
    return email.utils.formatdate(seconds, usegmt=True)


class Whole(HttpCase):
    def test_every_size_comes_whole(self):
        for daemon in (self.server, self.daemon("--sendfile", "no")):
            for address in (daemon.tcp, daemon.unix):
                client = self.open(address)
                for size in SIZES:
                    response = client.fetch(f"/objects/size/{size}")
                    self.assertEqual((response.status, response.length), (200, size))
                    self.assertTrue(response.body == self.tree.files[f"size/{size}"], size)

    def test_is_described(self):
        path = self.tree.path / "hello"
        response = self.fetch(self.server.tcp, "/objects/hello")
        version = self.connect(self.server.tcp).get("I", "hello").fields.version
        self.assertEqual(response.get("ETag"), f'"{version:016x}"')
        self.assertEqual(response.get("Last-Modified"), http_date(int(path.stat().st_mtime)))
        self.assertEqual(response.get("Accept-Ranges"), "bytes")
        self.assertIsNone(response.get("Content-Range"))

    def test_the_etag_is_new_when_a_name_is_replaced_or_changed(self):
        root = self.directory({"a": b"1", "b": b"1"})
        client = self.open(self.daemon(root=root).tcp)
        tags = [client.fetch("/objects/a").get("ETag"), client.fetch("/objects/b").get("ETag")]
        os.rename(root / "b", root / "a")
        tags.append(client.fetch("/objects/a").get("ETag"))
        (root / "a").write_bytes(b"22")
        tags.append(client.fetch("/objects/a").get("ETag"))
        self.assertEqual(len(set(tags)), 4, tags)

    def test_last_modified_is_never_after_the_date(self):
        root = self.directory({"future": b"x"})
        os.utime(root / "future", (2e9, 2e9))
        client = self.open(self.daemon(root=root).tcp)
        for method in ("GET", "HEAD", "GET", "GET"):  # from the file, and from memory
            response = client.ask(method, "/objects/future")
            self.assertEqual(response.get("Last-Modified"), response.get("Date"))
        self.assertEqual(client.fetch("/objects/future", "If-Unmodified-Since: " + http_date(0)).status, 412)

    def test_content_types(self):
        types = {"page.html": "text/html", "style.css": "text/css", "data.json": "application/json",
                 "i.png": "image/png", "LOUD.PNG": "image/png", "i.svg": "image/svg+xml", "note.txt": "text/plain",
                 "m.wasm": "application/wasm",
                 "paper.pdf": "application/pdf", "no ending": "application/octet-stream", ".html": "text/html",
                 "model.safetensors": "application/octet-stream", "dir.html/file": "application/octet-stream",
                 "ends.": "application/octet-stream", "a.tar.zst": "application/zstd", "%.txt": "text/plain"}
        if os.path.exists("/etc/mime.types"):
            types.update({"a.c++": "text/x-c++src", "a.vfk": "text/vnd.exchangeable"})
        client = self.open(self.daemon(root=self.directory({name: b"x" for name in types})).tcp)
        for name, kind in types.items():
            for method in ("GET", "HEAD"):
                with self.subTest(name=name, method=method):
                    response = client.ask(method, url(name))
                    self.assertEqual((response.status, response.get("Content-Type")), (200, kind))

    def test_other_methods_are_refused(self):
        client = self.open()
        for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE"):
            response = client.ask(method, "/objects/hello")
            self.assertEqual((response.status, response.get("Allow")), (405, "GET, HEAD, OPTIONS"))
            self.assertEqual(json.loads(response.body)["error"], "METHOD_NOT_ALLOWED")
        response = client.ask("PROPFIND", "/objects/hello")
        self.assertEqual((response.status, json.loads(response.body)["error"]), (501, "UNSUPPORTED"))
        response = client.ask("OPTIONS", "/objects/hello")
        self.assertEqual((response.status, response.get("Allow")), (204, "GET, HEAD, OPTIONS"))

    def test_may_be_switched_off(self):
        self.assertEqual(self.fetch(self.daemon("--http-objects", "no").tcp, "/objects/hello").status, 404)

    def test_without_a_root_there_are_none(self):
        self.assertEqual(self.fetch(self.daemon(root=False).tcp, "/objects/hello").status, 404)


class Names(HttpCase):
    def test_any_key_may_be_encoded(self):
        for name, data in self.tree.files.items():
            if not name.startswith("size/"):
                fully = "/objects/" + "".join(f"%{byte:02x}" for byte in name.encode())
                for target in (url(name), fully, fully.upper().replace("/OBJECTS", "/objects"), url(name) + "?v=1"):
                    with self.subTest(target):
                        response = self.fetch(self.server.tcp, target)
                        self.assertEqual((response.status, response.body), (200, data))

    def test_characters_that_mean_something_elsewhere(self):
        names = ["a+b", "a b", "a&b=c", "a;b", "a%b", "a%20b", "a?b", "a#b", 'a"b', "a\\b", "a:b", "a,b", "~a", "..a",
                 "a..", "a.", ".a", "...", "'", "*", "{a}", "a|b"]
        client = self.open(self.daemon(root=self.directory({name: name.encode() for name in names})).tcp)
        for name in names:
            with self.subTest(name):
                self.assertEqual(client.fetch(url(name)).body, name.encode())
        self.assertEqual(client.fetch("/objects/a+b").body, b"a+b")

    def test_what_is_no_key(self):
        client = self.open()
        for target in ("//hello", "/size//1", "/%2fhello", "/a/%2e%2e%2fhello", "/..%2f..%2fetc/passwd",
                       "/..%2Fhello", "/%2e%2f", "/size%2f",
                       "/a%2f%2fb", "/%ff", "/%c3", "/%c0%af", "/%ed%a0%80", "/a%0ab", "/%1f", "/%7f",
                       "/" + "k" * 1025, "/" + "%41" * 1025, "/" + "k/" * 600 + "k"):
            with self.subTest(target):
                self.assertEqual(client.fetch(f"/objects{target}").status, 400)
        self.assertGoesOn(client)

    def test_what_is_not_there(self):
        client = self.open()
        for target in ("/objects", "/objects/", "/objects/none", "/objects/hello/", "/objects/hello/x",
                       "/objects/size",
                       "/objects/size/", "/objects/deep/d", "/Objects/hello", "/objects/Hello", "/objectshello",
                       "/objects/" + "k" * 1024):
            with self.subTest(target):
                self.assertEqual(client.fetch(target).status, 404)
        self.assertGoesOn(client)

    def test_dot_segments_are_taken_out_before_the_path_is_looked_at(self):
        client = self.open()
        for target in ("/objects/./hello", "/objects/size/../hello", "/objects/x/y/../../hello",
                       "/objects/size/%2e%2E/hello", "/objects/../objects/hello", "/_/../objects/hello"):
            with self.subTest(target):
                self.assertEqual(client.fetch(target).body, HELLO)
        self.assertEqual(client.fetch("/objects/../_/health").body, b'{"status":"ok"}\n')

    def test_a_named_root(self):
        root = self.directory({"m.bin": b"model"})
        daemon = self.daemon(config=f'root "models" {{ path = "{root}" }}')
        self.assertEqual(self.fetch(daemon.tcp, "/objects/models/m.bin").body, b"model")
        self.assertEqual(self.fetch(daemon.tcp, "/objects/hello").body, HELLO)

    def test_directories_may_have_an_index(self):
        files = {"index.html": b"top", "dir/index.html": b"below", "empty/x": b"", "dir/page.txt": b"page",
                 "a b/x": b"", "x/index.html/y": b""}
        root = self.directory(files)
        os.mkfifo(root / "fifo")
        client = self.open(self.daemon("--index", "index.html", root=root).tcp)
        for target, want in (("/objects/", b"top"), ("/objects/dir/", b"below"), ("/objects/./", b"top"),
                             ("/objects/dir/index.html", b"below"), ("/objects/dir%2F", b"below")):
            with self.subTest(target):
                response = client.fetch(target)
                self.assertEqual((response.body, response.get("Content-Type")), (want, "text/html"))
        for target in ("/objects/empty/", "/objects/none/", "/objects/none", "/objects/dir/page.txt/", "/objects/fifo",
                       "/objects/x/", "/objects/dir?" + 3000 * "q"):
            with self.subTest(target):
                self.assertEqual(client.fetch(target).status, 404)
        for target, place in (("/objects/dir", "/objects/dir/"), ("/objects/%64ir?a=b", "/objects/dir/?a=b"),
                              ("/objects/a%20b?", "/objects/a%20b/?"), ("/x/..//objects/dir", None)):
            with self.subTest(target):
                for method in ("GET", "HEAD"):
                    response = client.ask(method, target)
                    self.assertEqual((response.status, response.get("Location")), (301 if place else 404, place))
        self.assertGoesOn(client)


class Ranges(HttpCase):
    """RFC 9110, 14."""
    SIZE = 4096
    # value: (offset, count), None for everything, "none" for 416
    VALUES = {
        "bytes=0-0": (0, 1), "bytes=0-99": (0, 100), "bytes=1-1": (1, 1), "bytes=100-": (100, 3996),
        "bytes=4095-": (4095, 1),
        "bytes=4095-4095": (4095, 1), "bytes=4095-9999": (4095, 1), "bytes=0-": (0, 4096), "bytes=0-4095": (0, 4096),
        "bytes=0-99999999999999999999999999": (0, 4096), "bytes=-1": (4095, 1), "bytes=-100": (3996, 100),
        "bytes=-4096": (0, 4096), "bytes=-4097": (0, 4096), "bytes=-99999999999999999999999999": (0, 4096),
        "bytes=007-0008": (7, 2), "Bytes=0-9": (0, 10), "bytes= 0-9": (0, 10), "bytes=,0-9,": (0, 10),
        "bytes=0-9, ,": (0, 10),
        "bytes=4096-": "none", "bytes=4096-4096": "none", "bytes=9999-10000": "none", "bytes=-0": "none",
        "bytes=99999999999999999999999999-": "none", "bytes=5000-,6000-": "none",
        "bytes=5000-,0-9": (0, 10), "bytes=0-9,5000-": (0, 10),  # only one of them is within the object
        "bytes=0-0,2-3": [(0, 1), (2, 2)], "bytes=-1,-2,-3": [(4095, 1), (4094, 2), (4093, 3)],
        "bytes=0-1999,5000-,3000-3000": [(0, 2000), (3000, 1)],
        "bytes=0-,0-": None, ",".join(["bytes=0-0"] + ["1-1"] * 16): None,  # more than there is, too many: everything
        "bytes=": None, "bytes=,": None, "bytes=-": None, "bytes=a-b": None, "bytes=5-1": None, "bytes=1": None,
        "bytes=0-1x": None, "bytes=--1": None, "bytes=1-2-3": None, "bytes=0 - 9": None, "bytes=+1-2": None,
        "bytes=0x0-1": None,
        "bytes 0-1": None, "bytes": None, "chars=0-1": None, "0-1": None, "": None, "bytes=0-9,x": None,
    }

    def check(self, client, key, data, value, want, method="GET"):
        response = client.ask(method, url(key), f"Range: {value}")
        self.assertEqual(response.get("Accept-Ranges"), None if want == "none" else "bytes")
        if want == "none":
            self.assertEqual((response.status, response.get("Content-Range"), response.body),
                             (416, f"bytes */{len(data)}", b""))
        elif want is None:
            self.assertEqual((response.status, response.get("Content-Range")), (200, None))
            self.assertTrue(response.body == data)
        elif isinstance(want, list):
            self.check_parts(response, data, want)
        else:
            offset, count = want
            self.assertEqual((response.status, response.get("Content-Range"), response.length),
                             (206, f"bytes {offset}-{offset + count - 1}/{len(data)}", count))
            self.assertTrue(response.body == data[offset:offset + count])
        return response

    def check_parts(self, response, data, want):
        kind = response.get("Content-Type")
        self.assertEqual((response.status, response.get("Content-Range")), (206, None))
        self.assertTrue(kind.startswith("multipart/byteranges; boundary="), kind)
        message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + response.body,
                                           policy=email.policy.HTTP)
        parts = message.get_payload()
        self.assertEqual([part["Content-Range"] for part in parts],
                         [f"bytes {offset}-{offset + count - 1}/{len(data)}" for offset, count in want])
        boundary = b"--" + kind.partition("boundary=")[2].encode()
        bodies = [part.partition(b"\r\n\r\n")[2][:-2] for part in response.body.split(boundary)[1:-1]]
        self.assertTrue(bodies == [data[offset:offset + count] for offset, count in want])

    def test_of_parts_larger_than_a_chunk(self):
        key = f"size/{max(SIZES)}"
        data = self.tree.files[key]
        third = len(data) // 3
        want = [(0, third), (len(data) - third, third)]
        value = ",".join(f"{offset}-{offset + count - 1}" for offset, count in want)
        for daemon in (self.server, self.daemon("--sendfile", "no", "--chunk", "64k")):
            for address in (daemon.tcp, daemon.unix):
                client = self.open(address)
                self.check(client, key, data, f"bytes={value}", want)
                self.assertGoesOn(client)

    def test_parts_have_a_boundary_that_no_object_can_hold(self):
        client = self.open()
        kinds = {client.fetch("/objects/hello", "Range: bytes=0-0,2-2").get("Content-Type") for _ in range(3)}
        self.assertEqual(len(kinds), 3, kinds)

    def test_values(self):
        data = self.tree.files[f"size/{self.SIZE}"]
        for address in (self.server.tcp, self.server.unix):
            client = self.open(address)
            for value, want in self.VALUES.items():
                with self.subTest(value=value, address=address):
                    self.check(client, f"size/{self.SIZE}", data, value, want)

    def test_of_objects_of_every_size(self):
        for daemon in (self.server, self.daemon("--sendfile", "no", "--chunk", "64k")):
            for address in (daemon.tcp, daemon.unix):
                client = self.open(address)
                for size in [size for size in SIZES if size > 2]:
                    data = self.tree.files[f"size/{size}"]
                    for offset, count in ((0, 1), (1, size - 2), (size // 2, size - size // 2), (size - 1, 1)):
                        self.check(client, f"size/{size}", data, f"bytes={offset}-{offset + count - 1}",
                                   (offset, count))

    def test_of_an_empty_object(self):
        client = self.open()
        for value, want in (("bytes=0-", "none"), ("bytes=0-0", "none"), ("bytes=-0", "none"), ("bytes=-1", None)):
            with self.subTest(value):
                self.check(client, "size/0", b"", value, want)

    def test_two_fields_are_ignored(self):
        response = self.open().fetch("/objects/hello", "Range: bytes=0-1", "Range: bytes=2-3")
        self.assertEqual((response.status, response.body), (200, HELLO))

    def test_mean_nothing_to_head(self):
        response = self.open().ask("HEAD", "/objects/hello", "Range: bytes=0-1")
        self.assertEqual((response.status, response.length, response.get("Content-Range")), (200, 13, None))

    def test_have_validators(self):
        client = self.open()
        whole, part = client.fetch("/objects/hello"), client.fetch("/objects/hello", "Range: bytes=0-1")
        for name in ("ETag", "Last-Modified", "Content-Type", "Accept-Ranges"):
            self.assertEqual(part.get(name), whole.get(name))

    def test_beyond_4_gib(self):
        size = 5 * GIB
        root = self.directory()
        with open(root / "large", "wb") as file:
            file.truncate(size)
            for offset in (4 * GIB - 8, size - 16):
                file.seek(offset)
                file.write(b"sixteen bytes it")
        daemon = self.daemon(root=root)
        for address in (daemon.tcp, daemon.unix):
            client = self.open(address)
            self.assertEqual(client.ask("HEAD", "/objects/large").length, size)
            for value, offset in ((f"bytes={4 * GIB - 8}-{4 * GIB + 7}", 4 * GIB - 8), ("bytes=-16", size - 16),
                                  (f"bytes={size - 16}-", size - 16)):
                response = client.fetch("/objects/large", f"Range: {value}")
                self.assertEqual((response.status, response.get("Content-Range"), response.body),
                                 (206, f"bytes {offset}-{offset + 15}/{size}", b"sixteen bytes it"))
            self.assertEqual(client.fetch("/objects/large", f"Range: bytes={size}-").status, 416)
            client.send(head("GET", "/objects/large", f"Range: bytes={4 * GIB - 64 * MIB}-"))
            response = client.response_head()
            self.assertEqual((response.status, response.length), (206, GIB + 64 * MIB))
            client.discard(64 * MIB - 8)
            self.assertEqual(client.take(20), b"sixteen bytes it" + bytes(4))
            client.close()


class Conditionals(HttpCase):
    """RFC 9110, 13, in the order of 13.2.2."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with HttpClient(cls.server.tcp) as client:
            response = client.fetch("/objects/size/4096")
        cls.tag = response.get("ETag")
        cls.date = response.get("Last-Modified")
        cls.seconds = email.utils.parsedate_to_datetime(cls.date).timestamp()

    def fields(self, text):
        """E: the entity tag, D: the date, B: a day before, A: a day after."""
        words = {"E": self.tag, "D": self.date, "B": http_date(self.seconds - DAY), "A": http_date(self.seconds + DAY)}
        lines = []
        for line in text.split(" & "):
            name, _, value = line.partition(": ")
            for word, meaning in words.items():
                value = value.replace(f"<{word}>", meaning)
            lines.append(f"{name}: {value}")
        return lines

    CASES = [
        # 13.1.1: strong comparison
        ("If-Match: <E>", 200), ('If-Match: "x"', 412), ("If-Match: *", 200), ('If-Match: "x", <E> , "y"', 200),
        ("If-Match: W/<E>", 412), ('If-Match: "x" & If-Match: <E>', 200), ("If-Match: unquoted", 412),
        ("If-Match: ", 412),
        # 13.1.4, and 13.2.2: only without If-Match
        ("If-Unmodified-Since: <D>", 200), ("If-Unmodified-Since: <A>", 200), ("If-Unmodified-Since: <B>", 412),
        ("If-Unmodified-Since: yesterday", 200), ("If-Match: <E> & If-Unmodified-Since: <B>", 200),
        ('If-Match: "x" & If-Unmodified-Since: <A>', 412),
        # 13.1.2: weak comparison
        ("If-None-Match: <E>", 304), ("If-None-Match: W/<E>", 304), ("If-None-Match: *", 304),
        ('If-None-Match: "x"', 200),
        ('If-None-Match: "x", W/"y", <E>', 304), ('If-None-Match: "x" & If-None-Match: <E>', 304),
        ('If-None-Match: "a,b", <E>', 304), ("If-None-Match: unquoted", 200),
        # 13.1.3, and 13.2.2: only without If-None-Match
        ("If-Modified-Since: <D>", 304), ("If-Modified-Since: <A>", 304), ("If-Modified-Since: <B>", 200),
        ("If-Modified-Since: 0", 200), ("If-Modified-Since: <D> & If-Modified-Since: <D>", 200),
        ('If-None-Match: "x" & If-Modified-Since: <D>', 200), ("If-None-Match: <E> & If-Modified-Since: <B>", 304),
        # 13.2.2: one after the other
        ('If-Match: "x" & If-None-Match: <E>', 412), ("If-Match: <E> & If-None-Match: <E>", 304),
        ("If-Unmodified-Since: <B> & If-None-Match: <E>", 412),
        ("If-Unmodified-Since: <D> & If-Modified-Since: <D>", 304),
        ("If-Match: <E> & Range: bytes=0-9", 206), ('If-Match: "x" & Range: bytes=0-9', 412),
        ("If-None-Match: <E> & Range: bytes=0-9", 304), ('If-Match: "x" & Range: bytes=9999-', 412),
        # 13.1.5
        ("If-Range: <E> & Range: bytes=0-9", 206), ('If-Range: "x" & Range: bytes=0-9', 200),
        ("If-Range: W/<E> & Range: bytes=0-9", 200), ("If-Range: <D> & Range: bytes=0-9", 206),
        ("If-Range: <A> & Range: bytes=0-9", 200), ("If-Range: <B> & Range: bytes=0-9", 200),
        ("If-Range: <E>", 200), ("If-Range: * & Range: bytes=0-9", 200),
        ('If-Range: <E>, "x" & Range: bytes=0-9', 200),
        ("If-Range: <E> & Range: bytes=9999-", 416), ('If-Range: "x" & Range: bytes=9999-', 200),
        ("If-Range: <E> & If-Range: <E> & Range: bytes=0-9", 200),
    ]

    def test_in_order(self):
        client = self.open()
        for text, status in self.CASES:
            with self.subTest(text):
                response = client.fetch("/objects/size/4096", *self.fields(text))
                self.assertEqual(response.status, status)
                if status in (304, 412):
                    self.assertEqual((response.get("ETag"), response.get("Last-Modified"), response.body),
                                     (self.tag, self.date, b""))

    def test_with_head(self):
        client = self.open(self.server.unix)
        for text, status in self.CASES:
            if "Range" not in text:
                with self.subTest(text):
                    self.assertEqual(client.ask("HEAD", "/objects/size/4096", *self.fields(text)).status, status)

    def test_the_two_obsolete_forms_of_dates(self):
        moment = email.utils.parsedate_to_datetime(self.date)
        client = self.open()
        for form in ("%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"):
            self.assertEqual(client.fetch("/objects/size/4096", "If-Modified-Since: " + moment.strftime(form)).status,
                             304)

    def test_of_what_is_not_there(self):
        client = self.open()
        for field in ("If-Match: *", "If-None-Match: *", 'If-None-Match: "x"', "Range: bytes=0-1"):
            self.assertEqual(client.fetch("/objects/none", field).status, 404)

    def test_an_old_tag_does_not_fit_a_new_object(self):
        root = self.directory({"a": b"one"})
        client = self.open(self.daemon(root=root).tcp)
        tag = client.fetch("/objects/a").get("ETag")
        (root / "new").write_bytes(b"two")
        os.rename(root / "new", root / "a")
        self.assertEqual(client.fetch("/objects/a", f"If-None-Match: {tag}").body, b"two")
        self.assertEqual(client.fetch("/objects/a", f"If-Match: {tag}").status, 412)
        response = client.fetch("/objects/a", f"If-Range: {tag}", "Range: bytes=0-0")
        self.assertEqual((response.status, response.body), (200, b"two"))


class Descriptor(HttpCase):
    """Sluice-Delivery: fd (docs/protocol.md, "HTTP")."""
    WANT = "Sluice-Delivery: fd"

    def take(self, response, data):
        """Judges the descriptor and closes it."""
        self.assertEqual((response.status, response.length, response.get("Sluice-Fds")), (200, 0, "1"))
        self.assertEqual(response.get("Sluice-Size"), str(len(data)))
        with open(response.fd, "rb") as file:
            self.assertEqual(file.tell(), 0)
            self.assertTrue(file.read() == data)

    def test_comes_with_the_head(self):
        client = self.open(self.server.unix)
        for key in ("hello", "size/0", "size/5242883"):
            self.take(client.fetch(url(key), self.WANT), self.tree.files[key])
        self.assertGoesOn(client)

    def test_has_the_fields_of_the_object(self):
        client = self.open(self.server.unix)
        plain, response = client.fetch("/objects/hello"), client.fetch("/objects/hello", self.WANT)
        for name in ("ETag", "Last-Modified", "Content-Type"):
            self.assertEqual(response.get(name), plain.get(name))
        self.take(response, HELLO)

    def test_a_thousand_pipelined_among_others(self):
        client = self.open(self.server.unix)
        sender = client.send_in_background((head("GET", "/objects/hello", self.WANT) + head("GET", "/objects/size/1")
                                            + head("GET", "/objects/none", self.WANT)) * 1000)
        for _ in range(1000):
            self.take(client.response(), HELLO)
            self.assertEqual(client.response().body, self.tree.files["size/1"])
            self.assertEqual(client.response().status, 404)
        sender.join()
        self.assertGoesOn(client)

    def test_only_where_there_is_something_to_pass(self):
        client = self.open(self.server.unix)
        for target, field, status in (("/objects/none", "X: y", 404), ("/objects/hello", "If-None-Match: *", 304),
                                      ("/objects/hello", 'If-Match: "x"', 412), ("/objects/size", "X: y", 404),
                                      ("/objects/hello", "Range: bytes=99-", 416), ("/_/health", "X: y", 200)):
            with self.subTest(target=target, field=field):
                response = client.fetch(target, field, self.WANT)
                self.assertEqual((response.status, response.fd), (status, -1))

    def test_the_range_is_the_clients_to_apply(self):
        self.take(self.open(self.server.unix).fetch("/objects/hello", self.WANT, "Range: bytes=1-2"), HELLO)

    def test_head_gets_none(self):
        client = self.open(self.server.unix)
        response = client.ask("HEAD", "/objects/hello", self.WANT)
        self.assertEqual((response.status, response.fd, response.length), (200, -1, 13))
        self.assertGoesOn(client)

    def test_over_tcp_it_is_unsupported(self):
        client = self.open(self.server.tcp)
        self.assertEqual(client.fetch("/objects/hello", self.WANT).status, 501)
        self.assertGoesOn(client)

    def test_another_delivery_is_the_usual_one(self):
        client = self.open(self.server.unix)
        self.assertEqual(client.fetch("/objects/hello", "Sluice-Delivery: carrier-pigeon").body, HELLO)

    def test_whoever_does_not_take_them_waits_alone(self):
        daemon = self.daemon("--fd-window", 4)
        greedy, other = self.open(daemon.unix), self.open(daemon.unix)
        greedy.send(head("GET", "/objects/hello", self.WANT) * 50)
        until(lambda: daemon.counter("reactor", "fd_pauses") or daemon.counter("http", "http_requests") >= 4,
              "as many have left as may")
        self.take(other.fetch("/objects/hello", self.WANT), HELLO)
        for _ in range(50):
            self.take(greedy.response(), HELLO)
        self.assertGoesOn(greedy)

    def test_503_where_too_many_are_in_flight(self):
        daemon = self.daemon("--fds-per-uid", 4)
        client = self.open(daemon.unix)
        client.send(head("GET", "/objects/hello", self.WANT) * 50)
        daemon.wait_counter("reactor", "fd_refusals")
        responses = [client.response() for _ in range(50)]
        for response in responses:
            response.close()
            self.assertEqual(response.status == 503, response.get("Retry-After") is not None)
        self.assertEqual({response.status for response in responses}, {200, 503})
        self.take(client.fetch("/objects/hello", self.WANT), HELLO)
