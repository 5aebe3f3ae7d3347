"""15,000 connections, 1,000 of them active, by the object protocol and by HTTP; memory of an idle one."""
from lab import GET_HELLO, PING, Figure, idle_connections

TITLE = "15,000 connections, 1,000 of them active"

CONNECTIONS = 15000
ACTIVE = 1000
FDPASS = ["--mode", "fdpass", "--key", "4k", "-c", ACTIVE]
HTTP = ["--mode", "http", "--key", "/hello", "-c", ACTIVE]


def measure(lab, opening, load, transport):
    """A report among idle connections, and the bytes of one of these."""
    sluiced = lab.sluiced("--demo-routes", "yes")
    address = getattr(sluiced, transport)
    lab.load(sluiced, address, *load)  # what the daemon keeps for its work is not an idle connection's
    before = sluiced.rss()
    try:
        with idle_connections(address, CONNECTIONS - ACTIVE, opening):
            sluiced.await_connections(CONNECTIONS - ACTIVE)
            grown = (sluiced.rss() - before) / (CONNECTIONS - ACTIVE)
            return lab.load(sluiced, address, *load, good=False), grown
    finally:
        lab.stop(sluiced)


def run(lab, part):
    rows = []
    for name, words, opening, load, transport in (
            ("many", "fdpass over Unix", PING, FDPASS, "unix"),
            ("many_http", "HTTP keep-alive over TCP", GET_HELLO, HTTP, "tcp")):
        report, grown = measure(lab, opening, load, transport)
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
