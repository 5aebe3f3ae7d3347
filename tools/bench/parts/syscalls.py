"""System calls and context switches per request, with strace: counts only, its times are its own."""
import re
import shutil
import subprocess

from lab import Failed

TITLE = "system calls and context switches per request"

REQUESTS = 4000  # slow ones, each call stops twice
LINE = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", re.M)
SHAPES = [("fdpass", ["--mode", "fdpass", "--key", "4k", "-c", 100], 5.2),
          ("fdpass, pipelined 16", ["--mode", "fdpass", "--key", "4k", "-c", 100, "--pipeline", 16], 3.4),
          ("copy of 1 KiB", ["--mode", "copy", "--key", "1k", "-c", 100], None)]


def counted(lab, server, arguments):
    """{name: calls per request} of one load under strace."""
    with subprocess.Popen(["strace", "-f", "-c", "-p", str(server.pid)], stderr=subprocess.PIPE, text=True) as trace:
        while "attached" not in trace.stderr.readline():
            if trace.poll() is not None:
                raise Failed("strace cannot attach")
        lab.load(server, server.unix, *arguments, "--requests", REQUESTS)
        trace.terminate()
        report = trace.stderr.read()
    return {name: int(calls) / REQUESTS for calls, name in LINE.findall(report) if name != "total"}


def run(lab, part):
    if not shutil.which("strace"):
        part.notes.append("strace is not installed: not measured.")
        return
    servers = {"sluiced": lab.sluiced(), "request-pool 8": lab.baseline("request-pool"),
               "bare epoll": lab.baseline("bare-epoll"), "thread-per-connection": lab.baseline("thread-per-connection")}
    rows = []
    for words, arguments, budget in SHAPES:
        for name, server in servers.items():
            switches = lab.load(server, server.unix, *arguments, seconds=0.3)["server"]["switches"]
            calls = counted(lab, server, arguments)
            main = ", ".join(f"{call} {count:.2f}" for call, count in sorted(calls.items(), key=lambda c: -c[1])[:6])
            total = sum(calls.values())
            limit = f"{budget}" if budget and name == "sluiced" else ""
            rows.append([words, name, f"{total:.2f}", limit, f"{switches:.2f}", server.threads(), main])
            part.figures[f"{words}, {name}"] = {"syscalls": total, "switches": switches}
    part.table("", ["requests", "server", "system calls", "budget", "context switches", "threads", "most frequent"],
               rows)
