"""System calls and context switches per request, with strace: counts only, its times are its own."""
import re
import shutil
import subprocess

import peers
from lab import Failed, Figure, on_cpus

TITLE = "system calls and context switches per request"

REQUESTS = 10000  # slow ones, each call stops twice
LINE = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", re.M)
SHAPES = [("fdpass", ["--mode", "fdpass", "--key", "4k", "-c", 100], 5.2),
          ("fdpass, pipelined 16", ["--mode", "fdpass", "--key", "4k", "-c", 100, "--pipeline", 16], 3.4),
          ("copy of 1 KiB", ["--mode", "copy", "--key", "1k", "-c", 100], None)]


ENDING = ["thread-per-connection"]  # threads that ended took their counts of switches with them
PATIENT = "sluiced, spot_budget 1"
HTTP = ("HTTP, 27 bytes", ["--mode", "http", "--key", "/hello", "-c", 100], 2.1)


def counted(lab, server, address, arguments):
    """{name: calls per request} of one load under strace."""
    with subprocess.Popen(["strace", "-f", "-c", "-p", str(server.pid)], stderr=subprocess.PIPE, text=True,
                          preexec_fn=on_cpus(lab.load_cpus)) as trace:
        while "attached" not in trace.stderr.readline():
            if trace.poll() is not None:
                raise Failed("strace cannot attach")
        lab.load(server, address, *arguments, "--requests", REQUESTS)
        trace.terminate()
        report = trace.stderr.read()
    return {name: int(calls) / REQUESTS for calls, name in LINE.findall(report) if name != "total"}


def run(lab, part):
    if not shutil.which("strace"):
        part.notes.append("strace is not installed: not measured.")
        return
    sluiced = lab.sluiced("--demo-routes", "yes")
    servers = {"sluiced": sluiced, PATIENT: lab.sluiced("--spot-budget", 1, name="patient"),
               "request-pool 8": lab.baseline("request-pool"), "work-stealing 8": lab.baseline("work-stealing"),
               "bare epoll": lab.baseline("bare-epoll"), "thread-per-connection": lab.baseline("thread-per-connection")}
    web = {"sluiced": sluiced, "bare": lab.start("bare http", [lab.program("bare/http"), "tcp:127.0.0.1:0"]),
           "nginx": peers.nginx(lab), "haproxy": peers.haproxy(lab)}
    rows = []
    for shape in SHAPES:
        for name, server in servers.items():
            rows.append(row(lab, part, shape, name, server, server.unix, name == PATIENT))
    for name, server in web.items():
        if server:
            rows.append(row(lab, part, HTTP, name, server, server.tcp, name == "sluiced"))
    part.table("", ["requests", "server", "CPU us", "system calls", "budget", "context switches", "threads",
                    "MiB of RSS", "most frequent"], rows)
    part.notes.append("CPU and context switches without strace; threads and memory after the load. Calls that make the "
                      "100 connections are in the count. The model with a thread for each request is not here: strace "
                      "stops all for each thread that starts; nor a pool whose workers keep a connection for life: it "
                      "never serves 92 of the 100.")
    part.notes.append("Stopped by strace at each call, a turn of 100 requests outlasts spot_budget (2 ms) and the rest "
                      "goes to the pool with its wake-ups; without strace 0.1 to 0.4 % of the opens went there on a "
                      f"busy machine. So the budgets of fdpass are compared with \"{PATIENT}\"; the default is beside "
                      "it.")


def row(lab, part, shape, name, server, address, judged):
    words, arguments, budget = shape
    undisturbed = lab.load(server, address, *arguments, seconds=0.3)["server"]
    switches = undisturbed["switches"]
    calls = counted(lab, server, address, arguments)
    main = ", ".join(f"{call} {count:.2f}" for call, count in sorted(calls.items(), key=lambda c: -c[1])[:6])
    total = sum(calls.values())
    ours = budget and judged
    part.figures[f"{words}, {name}"] = {"syscalls": total, "switches": switches}
    if ours:
        key = words.split(",")[0].lower() + ("_pipelined" if "pipelined" in words else "")
        part.ratio(f"syscalls_{key}", f"system calls a request, {words}", Figure.of([total]), budget)
    return [words, name, f"{undisturbed['cpu_us']:.2f}", f"{total:.2f}", f"{budget}" if ours else "",
            "not counted" if name in ENDING else f"{switches:.2f}", server.threads(),
            f"{server.rss() / 2 ** 20:.0f}", main]
