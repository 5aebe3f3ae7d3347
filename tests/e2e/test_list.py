"""L: the keys, in order, page by page."""
import os
import subprocess
import sys

from case import MIB, Case
from daemon import BUILD
from slc import MORE, frame, listing


class List(Case):
    def list(self, client, prefix="", limit=0, after=None):
        reply = client.call("L", listing(prefix, limit, after), tag=3)
        self.assertStatus(reply, "OK")
        self.assertEqual((reply.op, reply.tag, reply.nfds), ("L", 3, 0))
        keys = reply.keys()
        self.assertEqual(reply.fields, (len(keys), 0, len(reply.body), 0, 0))
        self.assertLessEqual(len(keys), limit or 1000)
        return keys, reply.flags

    def all(self, client, prefix="", limit=0):
        """All pages put together."""
        keys, after = [], None
        while True:
            page, flags = self.list(client, prefix, limit, after)
            keys += page
            if flags != MORE:
                self.assertEqual(flags, 0)
                return keys
            self.assertTrue(page, "MORE with an empty page would never end")
            after = page[-1]

    def client(self, names, **options):
        root = self.directory({name: b"" for name in names})
        return self.connect(self.daemon(root=root, **options).unix)

    def test_all_keys_in_bytewise_order(self):
        names = ["a b", "a/b", "a/b c", "a.b/c", "a0", "aa", "B", "Z/z", "é", "~", "_", "a-/x", "日本/語"]
        client = self.client(names)
        self.assertEqual(self.all(client), sorted(names, key=str.encode))

    def test_lists_that_nobody_reads_are_bounded(self):
        names = [f"{i:05}" + "x" * 195 for i in range(5000)]  # one list: a million bytes
        root = self.directory({name: b"" for name in names}, many=True)
        daemon = self.daemon("--bytes-total", "3m", root=root)
        client = self.connect(daemon.unix)
        client.send(b"".join(frame("L", listing(limit=5000), tag=tag) for tag in range(10)))
        daemon.wait_counter("reactor", "replies_BUSY")
        self.assertLessEqual(daemon.counter("reactor", "memory_bytes"), 3 * MIB)
        replies = [client.reply() for _ in range(10)]
        whole = [reply for reply in replies if reply.ok]
        self.assertTrue(whole)
        self.assertTrue(all(reply.keys() == names for reply in whole))
        for reply in replies:
            self.assertIn(reply.status, ("OK", "BUSY"))
        self.assertEqual(client.call("L", listing(limit=5000)).keys(), names)

    def test_a_directory_sorts_as_its_keys_do(self):
        names = ["d/x", "d-x", "d0", "d!", "d/a/b", "d/a-b", "d/a0"]
        self.assertEqual(self.all(self.client(names)), sorted(names, key=str.encode))

    def test_every_page_size_gives_the_same_keys(self):
        names = sorted([f"{a}{b}{c}" for a in "xyz" for b in ("/", "-", "") for c in "12345"], key=str.encode)
        client = self.client(names)
        for limit in (1, 2, 7, len(names) - 1, len(names), len(names) + 1, 10000):
            self.assertEqual(self.all(client, limit=limit), names)
        self.assertEqual(self.list(client, limit=len(names))[1], 0)
        self.assertEqual(self.list(client, limit=len(names) - 1)[1], MORE)

    def test_prefixes(self):
        names = sorted(["a/b/c", "a/b/d", "a/bc", "a/c", "ab", "b"], key=str.encode)
        client = self.client(names)
        for prefix in ("", "a", "a/", "a/b", "a/b/", "a/b/c", "a/b/c/", "ab", "b", "c", "b/", "zzz/yyy"):
            with self.subTest(prefix):
                self.assertEqual(self.all(client, prefix, limit=2), [n for n in names if n.startswith(prefix)])

    def test_a_prefix_may_end_inside_a_character(self):
        client = self.client(["é", "è", "e"])
        self.assertEqual(self.list(client, b"\xc3")[0], sorted(["é", "è"], key=str.encode))

    def test_after(self):
        names = sorted(["a/b", "a/c", "a-", "b/c/d", "b/c/e", "c"], key=str.encode)
        client = self.client(names)
        for after in ["A", "a", "a-", "a/b", "a/bb", "a/c", "b/c", "b/c/d", "b/d", "c", "d", "zz/zz"]:
            with self.subTest(after):
                want = [name for name in names if name.encode() > after.encode()]
                self.assertEqual(self.list(client, after=after)[0], want)
        self.assertEqual(self.list(client, "b/", after="b/c/d")[0], ["b/c/e"])
        self.assertEqual(self.list(client, "a", after="b")[0], [])

    def test_names_that_are_no_keys_are_left_out_and_counted(self):
        root = self.directory({"good": b"", "dir/good": b""})
        for bad in (b"new\nline", b"\xff\xfe", b"tab\t", b"del\x7f"):
            (root / os.fsdecode(bad)).write_bytes(b"")
            (root / "dir" / os.fsdecode(bad)).write_bytes(b"")
        daemon = self.daemon(root=root)
        client = self.connect(daemon.unix)
        self.assertEqual(self.all(client), ["dir/good", "good"])
        self.assertEqual(daemon.counter("objects", "names_skipped"), 8)

    def test_keys_too_long_are_left_out(self):
        root = self.directory({"short": b""})
        long = "/".join(["d" * 200] * 5)
        (root / long).mkdir(parents=True)
        (root / long / "e").write_bytes(b"")
        (root / long / ("e" * 30)).write_bytes(b"")
        client = self.connect(self.daemon(root=root).unix)
        self.assertEqual(self.all(client), sorted([long + "/e", "short"]))

    def test_only_what_can_be_had_is_listed(self):
        root = self.directory({"file": b"", "inside/target": b""})
        outside = self.directory({"secret": b"", "dir/secret": b""})
        os.mkfifo(root / "fifo")
        os.symlink(root / "inside" / "target", root / "absolute")
        os.symlink("inside/target", root / "relative")
        os.symlink("inside", root / "linked-directory")
        os.symlink(outside / "secret", root / "out")
        os.symlink(outside / "dir", root / "out-directory")
        os.symlink("../" * 20 + "etc/hostname", root / "up")
        os.symlink("nowhere", root / "dangling")
        os.symlink("loop", root / "loop")
        client = self.connect(self.daemon(root=root).unix)
        keys = self.all(client)
        self.assertEqual(keys, ["file", "inside/target", "relative"])
        for key in keys:
            self.assertStatus(client.get("C", key), "OK")
        self.assertEqual(self.all(client, "linked-directory/"), [])

    def test_links_are_listed_whatever_is_renamed_meanwhile(self):
        """openat2(2) gives a ".." up while anything is renamed anywhere."""
        root = self.directory({"files/one": b"1"})
        (root / "links").mkdir()
        for n in range(1000):
            os.symlink("../files/one", root / "links" / f"{n:03}")
        program = "import os, sys\nwhile True:\n    os.rename('a', 'b')\n    os.rename('b', 'a')"
        elsewhere = self.directory({"a": b""})
        renaming = subprocess.Popen([sys.executable, "-c", program], cwd=elsewhere)
        self.addCleanup(renaming.wait)
        self.addCleanup(renaming.kill)
        client = self.connect(self.daemon(root=root).unix)
        for _ in range(40):
            self.assertEqual(len(client.call("L", listing("links/")).keys()), 1000)
        self.assertIsNone(renaming.poll())

    def test_more_than_one_reply_can_carry(self):
        root = self.directory(many=True)
        names = [f"{n:05}" for n in range(10500)]
        for name in names:
            os.close(os.open(root / name, os.O_CREAT | os.O_WRONLY, 0o644))
        client = self.connect(self.daemon(root=root).unix)
        self.assertEqual(self.list(client)[0], names[:1000])
        keys, flags = self.list(client, limit=10000)
        self.assertEqual((len(keys), flags), (10000, MORE))
        self.assertEqual(self.all(client, limit=10000), names)
        self.assertStatus(client.call("L", listing(limit=10001)), "BAD_REQUEST")

    def test_memory_does_not_grow_with_the_directory(self):
        root = self.directory(many=True)
        names = [f"{n:05}" + "x" * 235 for n in range(8000)]  # 2 MB of names
        os.close(os.open(root / names[0], os.O_CREAT | os.O_WRONLY, 0o644))
        for name in names[1:]:
            os.link(root / names[0], root / name)
        daemon = self.daemon(root=root)
        client = self.connect(daemon.unix)
        self.list(client, names[0], limit=1)
        before = daemon.memory_peak()
        self.assertEqual(self.list(client, limit=10), (names[:10], MORE))
        self.assertEqual(self.list(client, limit=10, after=names[-11]), (names[-10:], 0))
        self.assertEqual(self.list(client, "079", limit=1000), (names[7900:], 0))
        if not {"asan", "tsan", "ubsan"} & set(BUILD.parts):  # their allocators keep what is freed
            self.assertLess(daemon.memory_peak() - before, 3 * MIB)

    def test_directories_without_keys_are_passed_over(self):
        root = self.directory(many=True)
        for n in range(3000):  # more than are in memory at once
            (root / f"d{n:04}").mkdir()
        (root / "d1500" / "in").mkdir()
        (root / "d1500" / "in" / "x").write_bytes(b"")
        (root / "last").write_bytes(b"")
        client = self.connect(self.daemon(root=root).unix)
        self.assertEqual(self.list(client, limit=1), (["d1500/in/x"], MORE))
        self.assertEqual(self.all(client), ["d1500/in/x", "last"])

    def test_named_roots_are_merged_in_order(self):
        first, second, plain = (self.directory({"x": b"", "y/z": b""}) for _ in range(3))
        (plain / "models").mkdir()
        (plain / "models" / "hidden").write_bytes(b"")  # the named root has this key
        config = f'root "models" {{ path = "{first}" }}\nroot "data" {{ path = "{second}" }}\n'
        client = self.connect(self.daemon(config=config, root=plain).unix)
        want = ["data/x", "data/y/z", "models/x", "models/y/z", "x", "y/z"]
        for limit in (0, 1, 2):
            self.assertEqual(self.all(client, limit=limit), want)
        self.assertEqual(self.all(client, "models/"), ["models/x", "models/y/z"])
        self.assertEqual(self.all(client, "mod"), ["models/x", "models/y/z"])
        self.assertEqual(self.list(client, after="models")[0], want[2:])

    def test_an_empty_root(self):
        client = self.connect(self.daemon(root=self.directory()).unix)
        self.assertEqual(self.list(client), ([], 0))

    def test_without_a_root(self):
        client = self.connect(self.daemon(root=False).unix)
        self.assertEqual(self.list(client), ([], 0))

    def test_over_tcp(self):
        client = self.connect(self.daemon().tcp)
        self.assertEqual(self.all(client), sorted([*self.tree.files, "1g"], key=str.encode))
