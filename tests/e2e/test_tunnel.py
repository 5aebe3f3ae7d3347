"""L4 tunnels: every byte, half-close, cuts, who may use one."""
import os
import re
import socket
import subprocess
import threading
import time

from case import NOBODY, Case, as_root
from daemon import BUILD, SLUICED, environment, until
from http1 import head
from slc import TIMEOUT
from upstream import Upstream

MIB = 1024 * 1024


class Echo:
    """Sends back what comes; at the end of input says how much it was. reset: resets at the first byte."""

    def __init__(self, unix=None, reset=False, greet=b""):
        self.reset, self.greet = reset, greet
        self.listener = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        self.listener.bind(unix or ("127.0.0.1", 0))
        self.address = f"unix:{unix}" if unix else "tcp:127.0.0.1:%d" % self.listener.getsockname()[1]
        self.listener.listen(1024)
        self.sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.sockets.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        total = 0
        try:
            sock.sendall(self.greet)
            while data := sock.recv(1 << 18):
                if self.reset:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    break
                total += len(data)
                sock.sendall(data)
            else:
                sock.sendall(b"total %d" % total)
        except OSError:
            pass
        sock.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class TunnelCase(Case):
    def echo(self, **options):
        server = Echo(**options)
        self.addCleanup(server.close)
        return server

    def tunnel(self, server, listen="tcp:127.0.0.1:0", options="", upstream="", arguments=()):
        address = server if isinstance(server, str) else server.address
        config = f'upstream "up" {{ servers = {{"{address}"}} {upstream} }}\n' \
                 f'tunnel "{listen}" {{ upstream = "up" {options} }}\n'
        daemon = self.daemon(*arguments, root=False, config=config, listen=())
        return daemon, daemon.addresses[-1]


class Bytes(TunnelCase):
    def exchange(self, address, size):
        """size bytes to and fro, then a half-close, behind which the answer still arrives."""
        client = self.connect(address)
        data = os.urandom(MIB) * (size // MIB) + os.urandom(size % MIB)
        client.send_in_background(data)
        self.assertEqual(client.take(size), data)
        client.finish_sending()
        self.assertEqual(client.rest(), b"total %d" % size)

    def test_every_pair_of_kinds(self):
        directory = self.directory()
        for kind in ("tcp", "unix"):
            server = self.echo(unix=str(directory / f"{kind}.echo") if kind == "unix" else None)
            for listen in ("tcp:127.0.0.1:0", f"unix:{directory}/{kind}.tunnel"):
                daemon, address = self.tunnel(server, listen)
                for size in (0, 1, 1000, 17 * 1024, 300_000, 20 * MIB):
                    with self.subTest(server=kind, listen=listen, size=size):
                        self.exchange(address, size)

    def test_server_speaks_first(self):
        _, address = self.tunnel(self.echo(greet=b"220 ready\r\n"))
        client = self.connect(address)
        self.assertEqual(client.take(11), b"220 ready\r\n")

    def test_server_ends_first(self):
        server = self.echo()
        _, address = self.tunnel(server)
        client = self.connect(address)
        client.send(b"x")
        client.take(1)
        server.sockets[0].shutdown(socket.SHUT_WR)
        self.assertEqual(client.rest(), b"", "the server's end arrives")

    def test_many_at_once(self):
        daemon, address = self.tunnel(self.echo())
        clients = [self.connect(address) for _ in range(200)]
        for client in clients:
            client.send(b"hello")
        for client in clients:
            self.assertEqual(client.take(5), b"hello")
        self.assertEqual(daemon.counter("gateway", "tunnels_open"), 200)
        for client in clients:
            client.close()
        until(lambda: daemon.counter("gateway", "tunnels_open") == 0, "all end")

    def test_idle_memory(self):
        """At most 1 KiB of user memory an idle pair, over many of them: its struct, and the loop's tables."""
        for listen in ("tcp:127.0.0.1:0", f"unix:{self.directory()}/t.sock"):
            with self.subTest(listen=listen):
                self.measure_idle(*self.tunnel(self.echo(), listen, upstream="max_connections = 5000"))

    def measure_idle(self, daemon, address):
        def memory():
            with open(f"/proc/{daemon.pid}/status") as status:
                return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) * 1024

        def more(count):
            clients = [self.connect(address) for _ in range(count)]
            for client in clients:
                client.send(b"x")
            for client in clients:
                client.take(1)
            return clients
        held = more(300)
        before = memory()
        for _ in range(20):  # shorter bursts than before, so that their buffers are there already
            held += more(100)
        if not {"asan", "tsan", "ubsan"} & set(BUILD.parts):  # their allocators have overheads of their own
            self.assertLessEqual((memory() - before) / 2000, 1024)
        for client in held:
            client.close()

    def test_log_line(self):
        daemon, address = self.tunnel(self.echo())
        client = self.connect(address)
        client.send(b"12345")
        client.take(5)
        client.finish_sending()
        client.rest()
        line = daemon.wait_line("event=tunnel")
        for pattern in ("client=127.0.0.1:[0-9]+", "upstream=up", "server=tcp:127.0.0.1:[0-9]+", "bytes_up=5",
                        "bytes_down=12", "ms=[0-9]+", "why=closed"):
            self.assertTrue(re.search(pattern, line), line)

    def test_every_tunnel_has_its_line(self):
        """However many end at once: the limit of messages of one kind is not for them."""
        daemon, address = self.tunnel(self.echo())
        clients = [self.connect(address) for _ in range(60)]
        for client in clients:
            client.send(b"x")
            client.take(1)
        for client in clients:
            client.close()
        daemon.wait_line("event=tunnel", 60)


class Limit(TunnelCase):
    def test_connections_at_rest_count(self):
        """max_connections covers the whole server: an idle one in the pool, of no use to a tunnel, gives way to it."""
        server = Upstream()
        self.addCleanup(server.close)
        daemon, address = self.tunnel(server, upstream="max_connections = 1",
                                      options='}\nlisten "tcp:127.0.0.1:0" { }\nroute "/*" { upstream = "up"')
        tunnel, http = address, daemon.addresses[1]
        for _ in range(3):
            client = self.connect(http)
            client.send(head("GET", "/ok", "Connection: close"))
            self.assertIn(b"200 OK", client.rest())
            client = self.connect(tunnel)
            client.send(head("GET", "/ok"))
            client.take(10)
            until(lambda: self.upstream_fds(daemon) == 1, "one connection at once")
            client.close()
        self.assertEqual(server.opened, 6)

    def test_tunnels_are_connections(self):
        daemon, tunnel = self.tunnel(self.echo(), arguments=("--connections", 3))
        clients = [self.connect(tunnel) for _ in range(2)]
        for client in clients:
            client.send(b"x")
            self.assertEqual(client.take(1), b"x")
        with self.connect(daemon.admin) as other:
            other.ping()
            self.assertTrue(self.connect(tunnel).ended_or_reset())
        self.assertGreaterEqual(daemon.counter("reactor", "refused_limit"), 1)

    def upstream_fds(self, daemon):
        return daemon.counter("reactor", "fds_upstream")


class Alone(TunnelCase):
    def test_a_tunnel_is_listener_enough(self):
        """A daemon that does nothing but tunnel needs no other listener."""
        file = self.directory() / "tunnel.conf"
        file.write_text(f'upstream "up" {{ servers = {{"{self.echo().address}"}} }}\n'
                        'tunnel "tcp:127.0.0.1:0" { upstream = "up" }\n')
        process = subprocess.Popen([SLUICED, "-c", file], stderr=subprocess.PIPE, text=True, env=environment())
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        client = self.connect(process.stderr.readline().split()[1])
        client.send(b"hello")
        self.assertEqual(client.take(5), b"hello")
        client.close()


class Ends(TunnelCase):
    def test_resets_pass_through(self):
        daemon, address = self.tunnel(self.echo(reset=True))
        client = self.connect(address)
        client.send(b"x")
        with self.assertRaises(ConnectionResetError):
            client.rest()
        self.assertIn('why="reset by server"', daemon.wait_line("event=tunnel"))

    def test_client_resets(self):
        server = self.echo()
        daemon, address = self.tunnel(server)
        client = self.connect(address)
        client.send(b"x")
        client.take(1)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        self.assertIn('why="reset by client"', daemon.wait_line("event=tunnel"))

    def test_one_waits_for_another(self):
        daemon, address = self.tunnel(self.echo(), upstream="max_connections = 1")
        clients = [self.connect(address) for _ in range(3)]
        daemon.wait_counter("gateway", "pending", 2)
        clients[1].send(b"a")
        clients[1].close()
        for client in (clients[0], clients[2]):
            client.send(b"a")
            self.assertEqual(client.take(1), b"a")
            client.close()

    def test_no_more_wait_than_may(self):
        daemon, address = self.tunnel(self.echo(), upstream="max_connections = 1 max_pending = 1 timeout_pending = 60")
        clients = [self.connect(address) for _ in range(2)]
        daemon.wait_counter("gateway", "pending")
        with self.assertRaises(ConnectionResetError):
            self.connect(address).rest()
        for client in clients:
            client.send(b"a")
            self.assertEqual(client.take(1), b"a")
            client.close()

    def test_nobody_waits_for_long(self):
        daemon, address = self.tunnel(self.echo(), upstream="max_connections = 1 timeout_pending = 0.1")
        first = self.connect(address)
        first.send(b"a")
        self.assertEqual(first.take(1), b"a")
        with self.assertRaises(ConnectionResetError):
            self.connect(address).rest()
        self.assertEqual(daemon.counter("gateway", "pending_late"), 1)

    def test_nobody_listens(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = "tcp:127.0.0.1:%d" % probe.getsockname()[1]
        daemon, address = self.tunnel(address)
        with self.assertRaises(ConnectionResetError):
            self.connect(address).rest()
        self.assertIn('why="server refused"', daemon.wait_line("event=tunnel"))
        self.assertEqual(daemon.counter("gateway", "tunnel_failures"), 1)

    def test_idle(self):
        daemon, address = self.tunnel(self.echo(), upstream="timeout_tunnel = 0.1")
        client = self.connect(address)
        with self.assertRaises(ConnectionResetError):
            client.rest()
        self.assertIn("why=idle", daemon.wait_line("event=tunnel"))

    def test_slow_is_not_idle(self):
        """Bytes that move only as their receiver takes them keep a tunnel alive: the sender is not heard meanwhile."""
        size = 96 * MIB
        daemon, address = self.tunnel(self.echo(greet=b"g" * size), upstream="timeout_tunnel = 2")
        client = self.connect(address)
        started = time.monotonic()
        for _ in range(32):  # for longer than timeout_tunnel
            client.discard(size // 32)
            threading.Event().wait(max(0.0, 0.1 - (time.monotonic() - started) % 0.1))
        client.send(b"x")
        self.assertEqual(client.take(1), b"x")

    def test_stalled_is_not_idle_yet(self):
        """A reader that stops has timeout_tunnel, as if nothing was to be read; timeout_send is for replies."""
        size = 64 * MIB
        daemon, address = self.tunnel(self.echo(greet=b"g" * size), arguments=("--timeout-send", 0.1))
        client = self.connect(address)
        threading.Event().wait(0.5)
        client.discard(size)
        client.send(b"x")
        self.assertEqual(client.take(1), b"x")

    def test_stalled_for_too_long(self):
        daemon, address = self.tunnel(self.echo(greet=b"g" * 64 * MIB), upstream="timeout_tunnel = 0.2")
        self.connect(address)
        self.assertIn("why=idle", daemon.wait_line("event=tunnel"))

    def test_drain(self):
        daemon, address = self.tunnel(self.echo(), arguments=("--drain-timeout", 30))
        client = self.connect(address)
        client.send(b"a")
        client.take(1)
        daemon.signal()
        daemon.wait_line("event=draining")
        client.send(b"b")
        self.assertEqual(client.take(1), b"b", "an open tunnel goes on")
        client.close()
        self.assertEqual(daemon.wait_exit(), 0)

    def test_back_pressure(self):
        """A reader that stops stops the writer; memory stays bounded. Over Unix sockets: with both ways full, Linux
        6.18 may drop TCP's acknowledgements as beyond the window, and the connection waits for minutes."""
        server = self.echo(unix=str(self.directory() / "echo.sock"))
        _, address = self.tunnel(server, listen="unix:{dir}/tunnel.sock")
        client = self.connect(address)
        client.socket.setblocking(False)
        sent, still = 0, 0
        while still < 50:
            try:
                sent += client.socket.send(b"x" * 65536)
                still = 0
            except BlockingIOError:
                still += 1
                threading.Event().wait(0.01)
        self.assertLess(sent, 64 * MIB)  # what the socket buffers of the kernel hold at most
        client.socket.setblocking(True)
        client.socket.settimeout(TIMEOUT)
        client.discard(sent)


class Allowed(TunnelCase):
    @as_root
    def test_uid(self):
        path = self.directory() / "t.sock"
        daemon, address = self.tunnel(self.echo(), f"unix:{path}", options='allow_uid = {0}')
        client = self.connect(address)
        client.send(b"x")
        self.assertEqual(client.take(1), b"x")
        stranger = self.connect(address, uid=NOBODY)
        self.assertEqual(stranger.rest(), b"")
        self.assertEqual(daemon.counter("reactor", "refused_allow"), 1)


class Chain(TunnelCase):
    def test_sidecar_to_gateway_to_service(self):
        """client -> Unix sidecar -> TCP gateway -> service; each hop is killed in turn and comes back."""
        directory = self.directory()
        service = self.echo()
        gateway, inner = self.tunnel(service)
        sidecar, outer = self.tunnel(inner, f"unix:{directory}/side.sock")
        client = self.connect(outer)
        client.send(b"through")
        self.assertEqual(client.take(7), b"through")
        service.sockets[0].shutdown(socket.SHUT_RDWR)
        self.assertEqual(client.rest(), b"")
        client = self.connect(outer)
        client.send(b"again")
        self.assertEqual(client.take(5), b"again")
        gateway.kill()
        gateway.process.returncode = 0
        self.assertTrue(client.ended_or_reset())
        client = self.connect(outer)
        self.assertTrue(client.ended_or_reset(), "nobody behind the sidecar")
        sidecar.check_rest()


class ProxyHeader(TunnelCase):
    """The PROXY protocol in (trusted networks only) and out."""
    V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb"

    def test_out(self):
        for version, pattern in (("v1", rb"PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 [0-9]+ [0-9]+\r\nhello"),
                                 ("v2", rb"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01....hello")):
            _, address = self.tunnel(self.echo(), upstream=f"send_proxy = {version}")
            client = self.connect(address)
            client.send(b"hello")
            client.finish_sending()
            self.assertRegex(bytes(client.rest()), re.compile(b"^" + pattern + b"total", re.DOTALL), version)

    def test_in(self):
        daemon, address = self.tunnel(self.echo(), options='proxy_from = {"127.0.0.0/8"}',
                                      upstream="send_proxy = v1")
        for header in (b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", self.V2):
            client = self.connect(address)
            client.send(header + b"hello")
            client.finish_sending()
            line, _, rest = bytes(client.rest()).partition(b"\r\n")
            self.assertTrue(line.startswith(b"PROXY TCP4 192.0.2.1 127.0.0.1 56324 "), line)
            self.assertTrue(rest.startswith(b"hello"))
        self.assertIn("client=192.0.2.1:56324", daemon.wait_line("event=tunnel", 2))

    def test_in_of_an_ipv6_client(self):
        """Limits go by its network, but it is named in full."""
        daemon, address = self.tunnel(self.echo(), options='proxy_from = {"127.0.0.0/8"}')
        client = self.connect(address)
        client.send(b"PROXY TCP6 2001:db8::1:2 ::1 56324 443\r\nhello")
        client.finish_sending()
        client.rest()
        self.assertIn('client=[2001:db8::1:2]:56324', daemon.wait_line("event=tunnel"))

    def test_limit_of_the_client_that_the_header_names(self):
        daemon, address = self.tunnel(self.echo(), options='max_per_client = 1 proxy_from = {"127.0.0.0/8"}')
        clients = []
        for source in (b"192.0.2.1", b"192.0.2.2", b"192.0.2.1"):
            clients.append(self.connect(address))
            clients[-1].send(b"PROXY TCP4 %s 198.51.100.1 56324 443\r\nhello" % source)
            if len(clients) < 3:
                self.assertEqual(clients[-1].take(5), b"hello")
        self.assertTrue(clients[2].ended_or_reset())
        self.assertEqual(daemon.counter("reactor", "refused_client"), 1)

    def test_in_byte_by_byte(self):
        _, address = self.tunnel(self.echo(), options='proxy_from = {"127.0.0.0/8"}')
        client = self.connect(address)
        client.send_bytewise(self.V2 + b"hello")
        self.assertEqual(client.take(5), b"hello")

    def test_not_from_strangers(self):
        _, address = self.tunnel(self.echo(), options='proxy_from = {"10.0.0.0/8"}')
        client = self.connect(address)
        client.send(b"PROXY UNKNOWN\r\n")
        self.assertEqual(client.take(15), b"PROXY UNKNOWN\r\n", "it is only bytes")

    def test_bad_or_missing(self):
        daemon, address = self.tunnel(self.echo(), options='proxy_from = {"127.0.0.0/8"}',
                                      upstream="timeout_connect = 0.2")
        for first in (b"GET / HTTP/1.1\r\n", b"PROXY TCP4 x\r\n", b"PROXY "):
            client = self.connect(address)
            client.send(first)
            self.assertTrue(client.ended_or_reset(), first)
        self.assertEqual(daemon.counter("gateway", "tunnels"), 3)

    def test_http_listener(self):
        config = 'listen "tcp:127.0.0.1:0" { proxy_from = {"127.0.0.0/8"} admin = yes }\n'
        daemon = self.daemon(root=False, config=config, listen=())
        client = self.connect(daemon.addresses[-1])
        client.send(self.V2 + b"GET /_/conns HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        self.assertIn(b'"peer":"192.0.2.1:56324"', bytes(client.rest()))
        client = self.connect(daemon.addresses[-1])
        client.send(b"PROXY TCP6 2001:db8::1:2 ::1 56324 443\r\n"
                    b"GET /_/conns HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        self.assertIn(b'"peer":"[2001:db8::1:2]:56324"', bytes(client.rest()))
        client = self.connect(daemon.addresses[-1])
        client.send(b"GET /_/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertTrue(client.ended_or_reset(), "a trusted proxy has to tell")
        self.assertEqual(daemon.counter("reactor", "bad_frames"), 1)

    def test_from_the_proxy_itself(self):
        """Its own checks have no client to name."""
        config = 'listen "tcp:127.0.0.1:0" { proxy_from = {"127.0.0.0/8"} admin = yes }\n'
        daemon = self.daemon(root=False, config=config, listen=())
        _, tunnel = self.tunnel(self.echo(), options='proxy_from = {"127.0.0.0/8"}')
        local = self.V2[:12] + b"\x20\0\0\0"
        for header in (local, b"PROXY UNKNOWN\r\n"):
            client = self.connect(daemon.addresses[-1])
            client.send(header + head("GET", "/_/conns", "Connection: close"))
            port = client.socket.getsockname()[1]
            self.assertIn(b'"peer":"127.0.0.1:%d"' % port, bytes(client.rest()))
            client = self.connect(tunnel)
            client.send(header + b"hello")
            self.assertEqual(client.take(5), b"hello")
