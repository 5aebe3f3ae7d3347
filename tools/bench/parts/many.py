"""15,000 connections, 1,000 of them active; memory of an idle one."""
from lab import Failed, Figure, idle_connections

TITLE = "15,000 connections, 1,000 of them active"

CONNECTIONS = 15000
ACTIVE = 1000


def run(lab, part):
    sluiced = lab.sluiced()
    common = ["--mode", "fdpass", "--key", "4k", "-c", ACTIVE]
    lab.load(sluiced, sluiced.unix, *common)  # what the daemon keeps for its work is not an idle connection's
    before = sluiced.rss()
    try:
        with idle_connections(sluiced.unix, CONNECTIONS - ACTIVE, used=True):
            sluiced.await_connections(CONNECTIONS - ACTIVE)
            grown = (sluiced.rss() - before) / (CONNECTIONS - ACTIVE)
            report = lab.load(sluiced, sluiced.unix, *common, good=False)
    except OSError as error:
        raise Failed(f"{CONNECTIONS} connections: {error}") from None
    errors = Figure.of([report["errors"]["total"]])
    part.ratio("many_errors", f"{ACTIVE} active of {CONNECTIONS} connections: failed requests", errors, 0)
    part.ratio("many_bytes", "an idle connection's memory (VmRSS)", Figure.of([grown]), 512, unit=" B")
    part.table("", ["connections", "active", "requests/s", "p50 us", "p99 us", "errors", "bytes per idle connection"],
               [[CONNECTIONS, ACTIVE, f"{report['requests_s']:.0f}", f"{report['latency']['p50']:.0f}",
                 f"{report['latency']['p99']:.0f}", report["errors"]["total"], f"{grown:.0f}"]])
    part.figures = {"errors": report["errors"]["total"], "bytes_per_idle_connection": grown}
