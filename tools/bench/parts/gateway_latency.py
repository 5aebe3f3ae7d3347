"""What the gateway adds to the slowest of the requests at half load, beside HAProxy, and the run of the study."""
import re
import shutil
import subprocess

from lab import Failed, Figure, figure, on_cpus, values
from parts.gateway import start_all

TITLE = "gateway: added p99 at half load, the study's run"

CONNECTIONS = 50
LATENCY_SECONDS = 2
STUDY_SECONDS = 10  # the study had 30
PATIENCE = 30  # seconds beyond these
LIMIT = 1.2  # of HAProxy's added p99
NOISE = 0.1  # of the p99 without a gateway
CLOSES_LIMIT = 0.01  # a request: its connections are closed once, at the end

COUNTS = {  # what wrk says; only what there was
    "requests": r"(\d+) requests in",
    "timeouts": r"timeout (\d+)",
    "errors": r"connect (\d+), read (\d+), write (\d+)",
    "refused": r"Non-2xx or 3xx responses: (\d+)",
}


def added(lab, part, nginx, gateways):
    """Each request at its time: p99 through a gateway minus p99 directly. The load is half of what the slowest way can
    take, so that none of them is measured with a queue in front of it. The best runs are compared: nginx and the
    generator share a core, whose turns disturb every run and some of them much."""
    ways = {"directly": (nginx, nginx.tcp)}
    ways.update({name: (server, addresses["http"]) for name, (server, addresses) in gateways.items()})

    def in_turns(repetitions, *arguments, **more):
        load = ["--mode", "http", "--key", "/small", "-c", CONNECTIONS, *arguments]
        return lab.in_turns({name: lambda way=way: lab.load(*way, *load, **more) for name, way in ways.items()},
                            repetitions)
    rate = int(min(figure(reports, "requests_s").median for reports in in_turns(3).values()) / 2)
    runs = in_turns(None, "--rate", rate, seconds=LATENCY_SECONDS)
    best = {name: min(values(reports, "latency", "p99")) for name, reports in runs.items()}
    more = {name: best[name] - best["directly"] for name in gateways}
    part.table(f"Half load: {rate} requests a second over {CONNECTIONS} connections",
               ["way", "CPU us", "p50 us", "p99 us", "best p99 us", "added to it us"],
               [[name, figure(reports, "server", "cpu_us").text() if name in more else "",
                 figure(reports, "latency", "p50").text(0),
                 figure(reports, "latency", "p99").text(0), f"{best[name]:.0f}",
                 f"{more[name]:.0f}" if name in more else ""] for name, reports in runs.items()])
    if "haproxy" not in gateways:
        part.notes.append("HAProxy is not installed: no peer.")
    elif more["haproxy"] < NOISE * best["directly"]:
        part.notes.append(f"What HAProxy adds is less than {NOISE:.0%} of the p99 without it, which is noise here: "
                          "no ratio.")
    else:
        part.ratio("added_p99", "gateway: added p99 at half load, sluiced / HAProxy, the best runs of each",
                   Figure.of([more["sluiced"] / more["haproxy"]]), LIMIT,
                   beside=f"{more['sluiced']:.0f} against {more['haproxy']:.0f} us, on {best['directly']:.0f} us "
                          "without")


def wrk(lab, address):
    """The run of the study, as (seconds, {what: how many})."""
    seconds = max(1, round(STUDY_SECONDS * lab.scale))
    command = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", f"http://{address.removeprefix('tcp:')}/small"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=seconds + PATIENCE,
                          preexec_fn=on_cpus(lab.load_cpus)).stdout
    counts = {}
    for name, pattern in COUNTS.items():
        found = re.search(pattern, said)
        counts[name] = sum(map(int, found.groups())) if found else 0
    if not counts["requests"]:
        raise Failed(f"wrk: {said}")
    return seconds, counts


def study(lab, part, server, address):
    """The study's broken gateway had 23.7 closes for each request and 126 time-outs in 30 s."""
    if not shutil.which("wrk"):
        part.notes.append("wrk is not installed (tools/setup.sh --bench): no run of the study.")
        return
    before = lab.stats(server)["reactor"]["ledger_closed"]
    seconds, counts = wrk(lab, address)
    closes = (lab.stats(server)["reactor"]["ledger_closed"] - before) / counts["requests"]
    part.figures["study"] = {**counts, "seconds": seconds, "closes per request": closes}
    part.claim("study_run", f"wrk -t2 -c{CONNECTIONS} -d{seconds}s through the gateway",
               "no time-out, no error, about 0 closes a request",
               f"{counts['requests'] / seconds:.0f} requests/s, {counts['timeouts']} time-outs, {counts['errors']} "
               f"errors, {counts['refused']} other statuses, {closes:.6f} closes a request",
               not counts["timeouts"] and not counts["errors"] and not counts["refused"] and closes < CLOSES_LIMIT)


def run(lab, part):
    gateways = start_all(lab)
    nginx = next(server for server in lab.servers if server.name == "nginx")
    added(lab, part, nginx, gateways)
    server, addresses = gateways["sluiced"]
    study(lab, part, server, addresses["http"])
