"""15,000 connections, 1,000 of them active, by the object protocol and by HTTP; memory of an idle one."""
import contextlib

from lab import Failed, Figure, connect, idle_connections

TITLE = "15,000 connections, 1,000 of them active"

CONNECTIONS = 15000
ACTIVE = 1000
GET = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
FDPASS = ["--mode", "fdpass", "--key", "4k", "-c", ACTIVE]
HTTP = ["--mode", "http", "--key", "/hello", "-c", ACTIVE]


@contextlib.contextmanager
def kept_alive(address, count):
    """HTTP connections that had one reply each."""
    connections = []
    try:
        for _ in range(count):
            connections.append(connect(address))
            connections[-1].sendall(GET)
            connections[-1].recv(1024)
        yield
    finally:
        for connection in connections:
            connection.close()


def measure(lab, idle, load, transport):
    """A report among idle connections, and the bytes of one of these."""
    sluiced = lab.sluiced("--demo-routes", "yes")
    address = getattr(sluiced, transport)
    lab.load(sluiced, address, *load)  # what the daemon keeps for its work is not an idle connection's
    before = sluiced.rss()
    try:
        with idle(address, CONNECTIONS - ACTIVE):
            sluiced.await_connections(CONNECTIONS - ACTIVE)
            grown = (sluiced.rss() - before) / (CONNECTIONS - ACTIVE)
            return lab.load(sluiced, address, *load, good=False), grown
    except OSError as error:
        raise Failed(f"{CONNECTIONS} connections: {error}") from None
    finally:
        lab.stop(sluiced)


def run(lab, part):
    rows = []
    for name, words, idle, load, transport in (
            ("many", "fdpass over Unix", lambda address, count: idle_connections(address, count, used=True), FDPASS,
             "unix"),
            ("many_http", "HTTP keep-alive over TCP", kept_alive, HTTP, "tcp")):
        report, grown = measure(lab, idle, load, transport)
        errors = report["errors"]["total"]
        part.ratio(f"{name}_errors", f"{words}: {ACTIVE} active of {CONNECTIONS} connections: failed requests",
                   Figure.of([errors]), 0)
        part.ratio(f"{name}_bytes", f"{words}: an idle connection's memory (VmRSS)", Figure.of([grown]), 512, unit=" B")
        cpu = f"{report['server']['cpu_us']:.2f}" if report["server"] else ""
        rows.append([words, CONNECTIONS, ACTIVE, cpu, f"{report['requests_s']:.0f}", f"{report['latency']['p50']:.0f}",
                     f"{report['latency']['p99']:.0f}", errors, f"{grown:.0f}"])
        part.figures[name] = {"errors": errors, "bytes_per_idle_connection": grown}
    part.table("", ["load", "connections", "active", "CPU us", "requests/s", "p50 us", "p99 us", "errors",
                    "bytes per idle connection"], rows)
