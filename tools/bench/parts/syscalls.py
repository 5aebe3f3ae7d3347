"""System calls and context switches per request, as the kernel counts them for perf: no thread is stopped for it, and
those that end are counted, too."""
import pathlib
import shutil
import subprocess

import peers
from lab import Figure

TITLE = "system calls and context switches per request"

REQUESTS = 20000
CONNECTIONS = 100
POOL = 8
MOST = 7  # calls that are named
TOTAL, SWITCHES = "raw_syscalls:sys_enter", "context-switches"
TRACEPOINTS = pathlib.Path("/sys/kernel/tracing/events/syscalls")
CALLS = """
    accept4 clock_gettime clone clone3 close close_range epoll_ctl epoll_pwait epoll_wait exit fcntl futex getpid
    getsockopt io_uring_enter ioctl madvise mmap mprotect munmap newfstatat openat2 pread64 preadv2 read recvfrom
    recvmsg rseq rt_sigprocmask sched_yield sendfile64 sendmsg sendto set_robust_list setsockopt write writev
""".split()
# words, arguments, budget of sluiced
SHAPES = [("fdpass", ["--mode", "fdpass", "--key", "4k"], 5.2),
          ("fdpass, pipelined 16", ["--mode", "fdpass", "--key", "4k", "--pipeline", 16], 3.4),
          ("copy of 1 KiB", ["--mode", "copy", "--key", "1k"], None)]
HTTP = ("HTTP, 27 bytes", ["--mode", "http", "--key", "/hello"], 2.1)
MODELS = ["thread-per-request", "thread-per-connection", "connection-pool", "request-pool", "work-stealing",
          "bare-epoll"]
FEWER = {"connection-pool": POOL}  # it serves no more connections than it has workers


def why_not():
    """Why perf cannot count here; "" if it can. Where nobody has mounted the tracepoints, perf does it."""
    if not shutil.which("perf"):
        return "perf is not installed (tools/setup.sh --bench)"
    done = subprocess.run(["perf", "stat", "-e", TOTAL, "true"], capture_output=True, text=True)
    return "" if done.returncode == 0 else "perf may not; root may, or everybody with kernel.perf_event_paranoid at -1"


def counted(lab, server, address, arguments):
    """{event: how many a request} of one load."""
    file = lab.directory / "perf"
    events = [TOTAL, SWITCHES, *(f"syscalls:{path.name}" for path in sorted(TRACEPOINTS.glob("sys_enter_*"))
                                 if path.name.removeprefix("sys_enter_") in CALLS)]
    perf = ["perf", "stat", "-x", ";", "-o", file, "-p", server.pid, *(f"-e{event}" for event in events), "--"]
    report = lab.load(server, address, *arguments, "--requests", REQUESTS, under=perf)
    lines = (line.split(";") for line in file.read_text().splitlines() if ";" in line)
    return {words[2]: int(words[0]) / report["requests"] for words in lines if words[0].isdigit()}


def row(lab, part, shape, name, server, address):
    words, arguments, budget = shape
    connections = FEWER.get(name, CONNECTIONS)
    arguments = [*arguments, "-c", connections]
    alive = {}

    def look():
        alive.update(threads=server.threads(), rss=server.rss())
    undisturbed = lab.load(server, address, *arguments, seconds=0.3, during=look)["server"]
    counts = counted(lab, server, address, arguments)
    total, switches = counts.pop(TOTAL), counts.pop(SWITCHES, 0)
    most = sorted(counts.items(), key=lambda count: -count[1])[:MOST]
    part.figures[f"{words}, {name}"] = {"syscalls": total, "switches": switches}
    judged = budget and name == "sluiced"
    if judged:
        key = words.split(",")[0].lower() + ("_pipelined" if "pipelined" in words else "")
        part.ratio(f"syscalls_{key}", f"system calls a request, {words}", Figure.of([total]), budget)
    return [words, name, connections, f"{undisturbed['cpu_us']:.2f}", f"{total:.2f}", f"{budget}" if judged else "",
            f"{switches:.2f}", alive["threads"], f"{alive['rss'] / 2 ** 20:.0f}",
            ", ".join(f"{call.removeprefix('syscalls:sys_enter_')} {count:.2f}" for call, count in most)]


def run(lab, part):
    reason = why_not()
    if reason:
        part.notes.append(f"Not counted: {reason}.")
        return
    sluiced = lab.sluiced("--demo-routes", "yes")
    servers = {"sluiced": sluiced, **{model: lab.baseline(model, POOL) for model in MODELS}}
    web = {"sluiced": sluiced, "bare": lab.start("bare http", [lab.program("bare/http"), "tcp:127.0.0.1:0"]),
           "nginx": peers.nginx(lab), "haproxy": peers.haproxy(lab)}
    rows = [row(lab, part, shape, name, server, server.unix) for shape in SHAPES for name, server in servers.items()]
    rows += [row(lab, part, HTTP, name, server, server.tcp) for name, server in web.items() if server]
    part.table("", ["requests", "server", "connections", "CPU us", "system calls", "budget", "context switches",
                    "threads", "RSS MiB", "most frequent"], rows)
    part.notes.append(f"Counted by perf stat over {REQUESTS} requests, without stopping anything; calls that make the "
                      "connections are in it. CPU, threads and memory are of another load, in its middle and without "
                      f"perf. Pools have {POOL} workers; connection-pool has as many connections, because it never "
                      "serves more.")
