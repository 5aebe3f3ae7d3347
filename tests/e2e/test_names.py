"""Keys, roots, and what a name may lead to: inside the root, regular files, nothing else."""
import os
import socket
import threading

from case import NOBODY, Case, as_root
from daemon import run_sluiced


class Names(Case):
    def test_spaces_utf8_and_depth(self):
        client = self.connect(self.daemon().unix)
        for name in ("with space/ünï ✓ code", "deep/" + "d/" * 40 + "file"):
            self.assertContent(client.get("C", name), self.tree.files[name])

    def test_special_characters_are_taken_as_they_are(self):
        names = ["a%20b", "*", "?", "~", "-rf", "$HOME", "a\\b", "...", "..a", "a..", "'", '"', "a:b", " ", "é/è"]
        root = self.directory({name: name.encode() for name in names})
        client = self.connect(self.daemon(root=root).unix)
        for name in names:
            with self.subTest(name):
                self.assertContent(client.get("C", name), name.encode())

    def test_case_and_normal_forms_differ(self):
        root = self.directory({"é": b"composed"})
        client = self.connect(self.daemon(root=root).unix)
        self.assertStatus(client.get("C", "e\u0301"), "NOT_FOUND")
        self.assertStatus(client.get("C", "É"), "NOT_FOUND")


class Escapes(Case):
    def setUp(self):
        self.outside = self.directory({"secret": b"secret", "directory/secret": b"secret"})
        self.root = self.directory({"inside": b"inside", "directory/file": b"below"})
        self.links = {
            "link/absolute": self.outside / "secret",
            "link/absolute-inside": self.root / "inside",
            "link/up": "../../" + self.outside.name + "/secret",
            "link/way-up": "../" * 30 + "etc/passwd",
            "link/root": "/",
            "link/directory": self.outside / "directory",
            "link/proc": "/proc/self/root/etc/passwd",
            "link/loop": "loop",
        }
        (self.root / "link").mkdir()
        for name, target in self.links.items():
            os.symlink(target, self.root / name)
        for name, target in {"relative": "inside", "link/relative": "../inside", "walk": "directory",
                             "link/chain": "relative"}.items():
            os.symlink(target, self.root / name)

    def test_no_link_leads_out(self):
        client = self.connect(self.daemon(root=self.root).unix)
        names = [*self.links, "link/root/etc/passwd", "link/directory/secret", "link/absolute/x"]
        for op in "FCSAI":
            for name in names:
                with self.subTest(op=op, name=name):
                    self.assertStatus(client.get(op, name), "NOT_FOUND")

    def test_links_inside_work(self):
        client = self.connect(self.daemon(root=self.root).unix)
        for op in "FCSA":
            for name in ("relative", "link/relative", "link/chain"):
                self.assertContent(client.get(op, name), b"inside")
            self.assertContent(client.get(op, "walk/file"), b"below")

    def test_a_file_is_no_directory(self):
        client = self.connect(self.daemon(root=self.root).unix)
        self.assertStatus(client.get("C", "inside/x"), "NOT_FOUND")

    def test_racing_renames_never_lead_out(self):
        daemon = self.daemon(root=self.root)
        stop = threading.Event()
        (self.root / "race").mkdir()
        (self.root / "race" / "secret").write_bytes(b"inside")
        os.symlink(self.outside, self.root / "other")

        def swap():
            while not stop.is_set():
                for a, b in (("race", "spare"), ("other", "race"), ("race", "other"), ("spare", "race")):
                    os.rename(self.root / a, self.root / b)
        racer = threading.Thread(target=swap)
        racer.start()
        try:
            client = self.connect(daemon.unix)
            for n in range(1500):
                reply = client.get("FCA"[n % 3], "race/secret")
                if reply.ok:
                    self.assertContent(reply, b"inside")
                else:
                    self.assertIn(reply.status, ("NOT_FOUND", "BUSY"))
        finally:
            stop.set()
            racer.join()


class Kinds(Case):
    def test_only_regular_files_are_objects(self):
        root = self.directory({"file": b"x", "directory/file": b"x"})
        os.mkfifo(root / "fifo")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(root / "socket"))
        os.symlink("fifo", root / "link-to-fifo")
        client = self.connect(self.daemon(root=root).unix)
        for op in "FCSAI":
            for name in ("fifo", "socket", "directory", "link-to-fifo"):
                with self.subTest(op=op, name=name):
                    self.assertStatus(client.get(op, name), "NOT_REGULAR")  # at once: nobody opens the fifo
        self.assertAlive(client)

    @as_root
    def test_devices_are_not_objects(self):
        root = self.directory()
        try:
            os.mknod(root / "zero", 0o020666, os.makedev(1, 5))
            os.mknod(root / "nothing", 0o060666, os.makedev(240, 77))
        except PermissionError:
            self.skipTest("may not create devices")
        client = self.connect(self.daemon(root=root).unix)
        for op in "FCSAI":
            for name in ("zero", "nothing"):
                self.assertStatus(client.get(op, name), "NOT_REGULAR")


@as_root
class Permissions(Case):
    def test_what_the_daemon_may_not_read_is_denied(self):
        root = self.directory({"open": b"open", "closed": b"closed", "dir/file": b"x", "mine": b"mine"})
        (root / "closed").chmod(0o600)
        (root / "dir").chmod(0o700)
        os.chown(root / "mine", NOBODY, NOBODY)
        (root / "mine").chmod(0o400)
        client = self.connect(self.daemon(root=root, user=NOBODY).unix)
        for op in "FCSA":
            self.assertStatus(client.get(op, "closed"), "DENIED")
            self.assertStatus(client.get(op, "dir/file"), "DENIED")
            self.assertContent(client.get(op, "open"), b"open")
            self.assertContent(client.get(op, "mine"), b"mine")
        reply = client.call("L", bytes(16))
        self.assertEqual(reply.keys(), ["closed", "mine", "open"])


class Roots(Case):
    def test_named_and_plain_roots_side_by_side(self):
        first, second, plain = (self.directory({"x": name}) for name in (b"first", b"second", b"plain"))
        (plain / "models").mkdir()
        (plain / "models" / "x").write_bytes(b"hidden by the named root")
        (plain / "modelsx").write_bytes(b"no prefix of a part")
        config = f'root "models" {{ path = "{first}" }}\nroot "data" {{ path = "{second}" }}\n'
        client = self.connect(self.daemon(config=config, root=plain).unix)
        for key, content in {"models/x": b"first", "data/x": b"second", "x": b"plain",
                             "modelsx": b"no prefix of a part"}.items():
            self.assertContent(client.get("C", key), content)
        for key in ("models", "data"):
            self.assertStatus(client.get("C", key), "NOT_REGULAR")
        self.assertStatus(client.get("C", "data/y"), "NOT_FOUND")

    def test_named_roots_alone(self):
        config = f'root "a b" {{ path = "{self.directory({"x": b"1"})}" }}'
        client = self.connect(self.daemon(config=config, root=False).unix)
        self.assertContent(client.get("C", "a b/x"), b"1")
        self.assertStatus(client.get("C", "x"), "NOT_FOUND")

    def test_root_on_the_command_line_replaces_the_plain_one(self):
        first, second = self.directory({"x": b"file"}), self.directory({"x": b"command line"})
        client = self.connect(self.daemon(config=f'root "" {{ path = "{first}" }}', root=second).unix)
        self.assertContent(client.get("C", "x"), b"command line")

    def test_without_a_root_nothing_is_found(self):
        client = self.connect(self.daemon(root=False).unix)
        for op in "FCSAI":
            self.assertStatus(client.get(op, "x"), "NOT_FOUND")
        self.assertAlive(client)

    def test_a_root_must_be_a_directory(self):
        file = self.directory({"file": b""}) / "file"
        for path in (file, "/nonexistent/path"):
            done = run_sluiced("--listen", "unix:@never", "--root", path)
            self.assertEqual(done.returncode, 2)
            self.assertIn(str(path), done.stderr)
