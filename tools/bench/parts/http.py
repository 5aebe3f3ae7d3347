"""HTTP/1.1: a small reply, pipelined, and objects by size; against the bare program and the peers installed."""
import peers
from lab import figure, ratios, values

TITLE = "HTTP over TCP, 100 connections, beside other servers"

SMALL = ["bare", "sluiced", "nginx", "haproxy", "lighttpd", "h2o"]
PIPELINED = ["bare", "sluiced", "nginx", "haproxy"]  # lighttpd ends a connection after 65,535 requests, and what is
#                                                      pipelined with it; h2o reads a file for each
FILES = ["bare", "sluiced", "nginx", "lighttpd", "h2o"]
REPETITIONS = 5
SECONDS = 0.35
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
          ("1k", "lighttpd", 0.95), ("100k", "h2o", 1), ("1m", "lighttpd", 1)]
COPY = {"1k": "1 KiB", "100k": "100 KiB", "1m": "1 MiB"}


def start_all(lab):
    return {"bare": lab.start("bare http", [lab.program("bare/http"), "tcp:127.0.0.1:0", lab.tree]),
            "sluiced": lab.sluiced("--demo-routes", "yes"), **peers.all_of(lab)}


def against_copy(lab, part, sluiced):
    """The object protocol's copy beside HTTP from the same daemon."""
    rows = []
    for key, words in COPY.items():
        runs = lab.in_turns({
            mode: (lambda mode=mode, path=path: lab.load(sluiced, sluiced.tcp, "--mode", mode, "--key", path, "-c", 100,
                                                         seconds=SECONDS))
            for mode, path in (("copy", key), ("http", f"/objects/{key}"))}, 3)
        gain = ratios(*(values(runs[mode], "server", "cpu_us") for mode in ("copy", "http")))
        part.ratio(f"copy_http_{key}", f"{words} over TCP: server CPU, the object protocol's copy / HTTP", gain, 1.05)
        rows.append([words, *(figure(runs[mode], "server", "cpu_us").text() for mode in ("copy", "http")), gain.text()])
    part.table("The object protocol beside HTTP", ["object", "copy, CPU us", "HTTP, CPU us", "ratio"], rows)


def run(lab, part):
    servers = start_all(lab)
    rows = []
    for name, words, path, arguments, wanted in CASES:
        loads = {other: (lambda server=server: lab.load(server, server.tcp, "--mode", "http", "--key", path, "-c", 100,
                                                        *arguments, seconds=SECONDS))
                 for other, server in servers.items() if other in wanted}
        runs = lab.in_turns(loads, REPETITIONS)
        cpu = {other: values(reports, "server", "cpu_us") for other, reports in runs.items()}
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
    against_copy(lab, part, servers["sluiced"])
    part.notes.append("One process or thread each, no access log, files sent as each server does best; the "
                      "configurations, with their reasons, are in tools/bench/peers.py. lighttpd and h2o answer the "
                      "small reply from a file, the others from memory.")
    peers.note_missing(part, servers)
