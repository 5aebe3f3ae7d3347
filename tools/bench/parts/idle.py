"""Memory per idle connection, measured alike for all: VmRSS of the one process before and after so many have had a
reply each and gone quiet. What the kernel keeps for a socket is the same for all and not in it."""
import peers
from lab import GET_HELLO, PING, idle_connections, request

TITLE = "memory of an idle connection"

COUNT = 5000
FIRST = 50  # what a server sets up once is not an idle connection's
MODELS = ["thread-per-connection", "request-pool", "bare-epoll"]
COPY = request(b"C", b"1k")


def cases(lab):
    """(server, protocol, how to start it, what each connection asks for)."""
    yield "sluiced", "object protocol", lab.sluiced, PING
    yield "sluiced", "HTTP", lambda: lab.sluiced("--demo-routes", "yes"), GET_HELLO
    yield "bare", "HTTP", lambda: lab.start("bare http", [lab.program("bare/http"), "tcp:127.0.0.1:0"]), GET_HELLO
    for start in (peers.nginx, peers.haproxy, peers.lighttpd, peers.h2o):
        yield start.__name__, "HTTP", lambda start=start: start(lab), GET_HELLO
    for model in MODELS:
        yield model, "object protocol", lambda model=model: lab.baseline(model, tcp=True), COPY


def run(lab, part):
    rows, found = [], []
    for name, protocol, start, opening in cases(lab):
        server = start()
        if not server:
            continue
        found.append(name)
        with idle_connections(server.tcp, FIRST, opening):
            before = server.rss()
        with idle_connections(server.tcp, COUNT, opening):
            after = server.rss()
            threads = server.threads()
        lab.stop(server)
        each = (after - before) / (COUNT - FIRST)
        rows.append([name, protocol, f"{each:.0f}", f"{before / 2 ** 20:.1f}", f"{after / 2 ** 20:.1f}", threads])
        part.figures[f"{name}, {protocol}"] = each
        if name == "sluiced":
            part.claim(f"idle_bytes_{protocol.split()[0]}", f"socket server: memory of an idle connection, {protocol}",
                       "512 B", f"{each:.0f} B", each <= 512)
    part.table(f"{COUNT} idle connections over TCP", ["server", "protocol", "bytes each", "MiB before",
                                                      f"MiB with {COUNT}", "threads"], rows)
    part.notes.append("nginx and lighttpd set up their tables of connections at the start, so that a part of what a "
                      "connection costs them is in \"before\". A thread's stack counts as far as it was used. "
                      "The bare program and the models keep a buffer for each connection.")
    peers.note_missing(part, found)
