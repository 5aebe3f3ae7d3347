"""HTTP/1.1: a small reply, pipelined, and objects by size; against the bare program and the peers installed."""
import peers
from lab import figure, ratios

TITLE = "HTTP over TCP, 100 connections, beside other servers"

SMALL = ["bare", "sluiced", "nginx", "haproxy", "lighttpd"]
PIPELINED = SMALL[:-1]  # lighttpd ends a connection after 65,535 requests, and what is pipelined with it
FILES = ["sluiced", "nginx", "lighttpd"]
# name, words, path, arguments, servers
CASES = [
    ("small", "27 bytes of JSON", "/hello", [], SMALL),
    ("pipelined", "27 bytes of JSON, pipelined 16", "/hello", ["--pipeline", 16], PIPELINED),
    ("1k", "object of 1 KiB", "/objects/1k", [], FILES),
    ("100k", "object of 100 KiB", "/objects/100k", [], FILES),
    ("1m", "object of 1 MiB", "/objects/1m", [], FILES),
]
# case, the other, limit of sluiced's CPU time over the other's
LIMITS = [("small", "bare", 1.15), ("small", "nginx", 1), ("small", "haproxy", 1), ("pipelined", "nginx", 1),
          ("1k", "lighttpd", 0.95), ("1m", "lighttpd", 1)]


def start_all(lab):
    servers = {"bare": lab.start("bare http", [lab.program("bare/http"), "tcp:127.0.0.1:0"]),
               "sluiced": lab.sluiced("--demo-routes", "yes"), "nginx": peers.nginx(lab), "haproxy": peers.haproxy(lab),
               "lighttpd": peers.lighttpd(lab)}
    return {name: server for name, server in servers.items() if server}


def run(lab, part):
    servers = start_all(lab)
    rows = []
    for name, words, path, arguments, wanted in CASES:
        loads = {other: (lambda server=server: lab.load(server, server.tcp, "--mode", "http", "--key", path, "-c", 100,
                                                        *arguments))
                 for other, server in servers.items() if other in wanted}
        runs = lab.in_turns(loads)
        cpu = {other: [report["server"]["cpu_us"] for report in reports] for other, reports in runs.items()}
        for case, other, limit in LIMITS:
            if case == name and other in cpu:
                part.ratio(f"http_{case}_{other}", f"HTTP, {words}: server CPU, sluiced / {other}",
                           ratios(cpu["sluiced"], cpu[other]), limit)
        for other, reports in runs.items():
            part.figures[f"{name}_{other}_cpu_us"] = figure(reports, "server", "cpu_us").json()
            rows.append([words, other, figure(reports, "server", "cpu_us").text(),
                         figure(reports, "requests_s", scale=1e-3).text(1), figure(reports, "latency", "p50").text(0),
                         figure(reports, "latency", "p99").text(0)])
    part.table("", ["reply", "server", "CPU us", "k requests/s", "p50 us", "p99 us"], rows)
    missing = sorted({"nginx", "haproxy", "lighttpd"} - set(servers))
    if missing:
        part.notes.append(f"Not installed: {', '.join(missing)} (tools/setup.sh --bench).")
