"""Memory per idle connection, measured alike for all: VmRSS of the one process before and after so many have had a
reply each and gone quiet. What the kernel keeps for a socket is the same for all and not in it."""
import contextlib

import peers
from lab import connect, request

TITLE = "memory of an idle connection"

COUNT = 5000
FIRST = 50  # what a server sets up once is not an idle connection's
MODELS = ["thread-per-connection", "request-pool", "bare-epoll"]
HELLO = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
PING, COPY = request(b"N"), request(b"C", b"1k")


@contextlib.contextmanager
def used_connections(address, count, opening):
    """Connections that had one reply each."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            connection = stack.enter_context(contextlib.closing(connect(address)))
            connection.settimeout(10)
            connection.sendall(opening)
            connection.recv(4096)
        yield


def cases(lab):
    """(server, protocol, how to start it, what each connection asks for)."""
    yield "sluiced", "object protocol", lab.sluiced, PING
    yield "sluiced", "HTTP", lambda: lab.sluiced("--demo-routes", "yes"), HELLO
    yield "bare", "HTTP", lambda: lab.start("bare http", [lab.program("bare/http"), "tcp:127.0.0.1:0"]), HELLO
    for start in (peers.nginx, peers.haproxy, peers.lighttpd, peers.h2o):
        yield start.__name__, "HTTP", lambda start=start: start(lab), HELLO
    for model in MODELS:
        yield model, "object protocol", lambda model=model: lab.baseline(model, tcp=True), COPY


def run(lab, part):
    rows, found = [], []
    for name, protocol, start, opening in cases(lab):
        server = start()
        if not server:
            continue
        found.append(name)
        with used_connections(server.tcp, FIRST, opening):
            before = server.rss()
        with used_connections(server.tcp, COUNT, opening):
            after = server.rss()
            threads = server.threads()
        lab.stop(server)
        each = (after - before) / (COUNT - FIRST)
        rows.append([name, protocol, f"{each:.0f}", f"{before / 2 ** 20:.1f}", f"{after / 2 ** 20:.1f}", threads])
        part.figures[f"{name}, {protocol}"] = each
        if name == "sluiced":
            part.claim(f"idle_bytes_{protocol.split()[0]}", f"socket server: memory of an idle connection, {protocol}",
                       "512 B", f"{each:.0f} B", each <= 512)
    part.table(f"{COUNT} idle connections over TCP", ["server", "protocol", "bytes each", f"MiB before",
                                                      f"MiB with {COUNT}", "threads"], rows)
    part.notes.append("nginx and lighttpd set up their tables of connections at the start, so that a part of what a "
                      "connection costs them is in \"before\". A thread's stack counts as far as it was used. "
                      "The bare program and the models keep a buffer for each connection.")
    peers.note_missing(part, found)
