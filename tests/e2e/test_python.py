"""tools/client/sluice.py against the daemon."""
import contextlib
import os
import pathlib
import socket
import sys
import threading

from case import MIB, Case

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "client"))
import sluice  # noqa: E402


class Python(Case):
    def client(self, address):
        client = sluice.connect(address)
        self.addCleanup(client.close)
        return client

    def assertSays(self, name):
        case = self

        class Says:
            def __enter__(self):
                return self

            def __exit__(self, kind, error, _):
                case.assertIsInstance(error, sluice.Error)
                case.assertEqual(error.name, name)
                case.assertTrue(error.message)
                return True
        return Says()

    def test_open_gives_a_real_file(self):
        name = f"size/{MIB}"
        data = self.tree.files[name]
        with sluice.connect(self.daemon().unix) as client:
            with client.open(name) as file:
                self.assertEqual(file.info.size, len(data))
                self.assertEqual(file.read(16), data[:16])
                file.seek(-16, os.SEEK_END)
                self.assertEqual(file.read(), data[-16:])
                self.assertEqual(os.fstat(file.fileno()).st_ino, os.stat(self.tree.path / name).st_ino)

    def test_a_shared_one_reads_the_same(self):
        client = self.client(self.daemon().unix)
        for _ in range(3):
            with client.open("hello", shared=True) as file:
                self.assertEqual(file.read(), b"hello, world\n")

    def test_many_at_once(self):
        client = self.client(self.daemon().unix)
        names = [*self.tree.files, "missing", "size"] * 20
        files = client.open_many(names)
        for name, file in zip(names, files):
            if name in self.tree.files:
                with file:
                    self.assertEqual(file.read(100), self.tree.files[name][:100])
            else:
                self.assertEqual(file.name, "NOT_FOUND" if name == "missing" else "NOT_REGULAR")

    def test_read_in_all_modes(self):
        daemon = self.daemon()
        name = f"size/{MIB}"
        data = self.tree.files[name]
        for address in (daemon.unix, daemon.tcp):
            client = self.client(address)
            for mode in ("fd", "copy", "splice", "auto"):
                if mode == "fd" and address == daemon.tcp:
                    with self.assertSays("UNSUPPORTED"):
                        client.read(name, mode=mode)
                    continue
                self.assertEqual(client.read(name, mode=mode), data)
                self.assertEqual(client.read(name, offset=100, count=200000, mode=mode), data[100:200100])
                self.assertEqual(client.read("size/0", mode=mode), b"")

    def test_info_list_ping_stats(self):
        client = self.client(self.daemon().tcp)
        stat = os.stat(self.tree.path / "hello")
        self.assertEqual((client.info("hello").size, client.info("hello").mtime_ns), (13, stat.st_mtime_ns))
        names = sorted([*self.tree.files, "1g"], key=str.encode)
        self.assertEqual(list(client.list()), names)
        self.assertEqual(list(client.list(page=3)), names)
        self.assertEqual(list(client.list("size/", page=1)), [name for name in names if name.startswith("size/")])
        self.assertEqual(list(client.list(after="hello")), names[names.index("hello") + 1:])
        client.ping(b"x" * 4096)
        self.assertIn("reactor", client.stats())
        self.assertEqual(len(client.stats("conns")), 1)

    def test_errors_have_names_and_the_connection_goes_on(self):
        client = self.client(self.daemon().unix)
        for key, name in (("missing", "NOT_FOUND"), ("size", "NOT_REGULAR"), ("../x", "BAD_REQUEST"),
                          ("k" * 5000, "BAD_REQUEST")):
            with self.assertSays(name):
                client.open(key)
        with self.assertSays("BAD_RANGE"):
            client.read("hello", offset=14)
        client.ping()

    def test_a_connection_that_ends(self):
        daemon = self.daemon("--requests-per-connection", 1)
        client = self.client(daemon.unix)
        client.ping()
        with self.assertRaisesRegex(sluice.ConnectionFailed, "closed the connection"):
            client.ping()
        client.close()
        for call in (client.ping, lambda: client.open_many(["hello"]), lambda: client.read("hello"),
                     lambda: list(client.list())):
            with self.assertRaisesRegex(sluice.ConnectionFailed, "closed the connection"):  # the first failure
                call()

    def test_a_process_that_was_forked_connects_anew(self):
        """Else one of the two would read the other's replies."""
        client = self.client(self.daemon().unix)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                client.read("hello")
            except sluice.ConnectionFailed as failure:
                os.write(writer, str(failure).encode())
            finally:
                client.close()
                os._exit(0)
        os.close(writer)
        with open(reader) as said:
            self.assertIn("connect anew", said.read())
        os.waitpid(child, 0)
        self.assertEqual(client.read("hello"), b"hello, world\n")

    def test_after_its_close(self):
        client = self.client(self.daemon().unix)
        with client.open("hello") as file:
            client.close()
            self.assertEqual(file.read(), b"hello, world\n")
        with self.assertRaisesRegex(sluice.ConnectionFailed, "the connection is closed"):
            client.ping()

    def test_a_server_whose_queue_is_full_is_waited_for(self):
        path = self.directory() / "s.sock"
        clients = []
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
            server.listen(0)
            with contextlib.suppress(BlockingIOError):
                while True:
                    clients.append(socket.socket(socket.AF_UNIX))
                    clients[-1].setblocking(False)
                    clients[-1].connect(str(path))
            with self.assertRaises(socket.timeout):
                sluice.connect(f"unix:{path}", timeout=0.05)
            waiting = threading.Thread(target=lambda: clients.append(sluice.connect(f"unix:{path}")))
            waiting.start()
            for _ in range(len(clients)):  # all but the last of these, and the one that waits
                server.accept()[0].close()
            waiting.join()
        self.assertIsInstance(clients[-1], sluice.Client)
        for client in clients:
            client.close()

    def test_arguments_that_make_no_sense(self):
        client = self.client(self.daemon().tcp)
        for arguments in ({"mode": "quick"}, {"offset": -1}, {"count": -1}, {"offset": 1 << 64}):
            with self.assertRaises(ValueError):
                client.read("hello", **arguments)
        client.ping()

    def test_addresses(self):
        for address in ("nonsense", "unix:relative", "tcp:host", "udp:127.0.0.1:1"):
            with self.assertRaises(ValueError):
                sluice.connect(address)
        with self.assertRaises(OSError):
            sluice.connect("unix:/nonexistent/s.sock")
