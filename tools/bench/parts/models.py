"""The study's concurrency models side by side, by number of connections."""
from lab import Failed, figure

TITLE = "fdpass by concurrency model and number of connections"

COUNTS = [10, 100, 1000, 5000, 10000]
IN_FLIGHT = 12000  # descriptors: one for each connection, and some
REPETITIONS = 3
SECONDS = 0.3
MEMORY_MIB = {100: 100, 1000: 300}
STACK_MIB = 8  # reserved for each thread, as the study counts
MODELS = [("thread-per-request", 1), ("thread-per-connection", 1), ("connection-pool", 8), ("request-pool", 8),
          ("work-stealing", 8), ("bare-epoll", 1)]
# The study's predictions per core: (connections, model) -> p50 us, thousand requests a second.
STUDY = {(100, "thread-per-request"): (43, 23), (1000, "thread-per-request"): (100, 10),
         (100, "request-pool 8"): (10, 100)}  # more of pools: parts/pools.py


def measure(lab, start, count):
    """One run against a fresh server: thousands of threads of the last one are not to be left."""
    server = start()
    memory = {"rss": server.rss(), "threads": server.threads()}

    def look():
        memory.update(rss=server.rss(), threads=server.threads())
    try:
        report = lab.load(server, server.unix, "--mode", "fdpass", "--key", "4k", "-c", count, "--timeout", 2,
                          seconds=SECONDS, good=False, during=look)
        return {**report, **memory}
    finally:
        lab.stop(server)


def row(count, name, reports, bare):
    cpu = figure(reports, "server", "cpu_us")
    failed = int(figure(reports, "errors", "total").median)
    threads = int(figure(reports, "threads").median)
    served = count - int(figure(reports, "connections", "never_served").median)
    predicted = "{} us, {} k/s".format(*STUDY[count, name]) if (count, name) in STUDY else ""
    return [count, name, cpu.text(), f"{100 * bare.median / cpu.median:.0f}%",
            figure(reports, "requests_s", scale=1e-3).text(1), figure(reports, "latency", "p50").text(0),
            figure(reports, "latency", "p99").text(0), predicted, served, failed, threads,
            f"{figure(reports, 'rss').median / 2 ** 20:.0f}", threads * STACK_MIB]


def claims(part, name, count, reports, bare):
    cpu = figure(reports, "server", "cpu_us").median
    efficiency = 100 * bare.median / cpu
    if name == "thread-per-request" and (count, name) in STUDY:
        rate, predicted = figure(reports, "requests_s", scale=1e-3), STUDY[count, name][1]
        part.claim(f"per_request_{count}", f"object server: fdpass, {count} connections, {name}",
                   f"{predicted} k/s a core", f"{rate.text(1)} k/s", rate.median >= predicted)
    if name == "thread-per-request" and count == 100:
        part.claim("thread_adds", "object server: what a thread for each request adds; measured: CPU", "30-80 us",
                   f"{cpu - bare.median:.1f} us", 30 <= cpu - bare.median <= 80, better=cpu - bare.median < 30)
        part.claim("efficiency_per_request", f"object server: efficiency of {name}, {count} connections", "10-18%",
                   f"{efficiency:.0f}%", 10 <= efficiency <= 18, better=efficiency > 18)
    if name in ("request-pool 8", "sluiced") and count in (100, 1000):
        part.claim(f"efficiency_{name.split()[0]}_{count}", f"object server: efficiency of {name}, {count} connections",
                   "more than 85%", f"{efficiency:.0f}%", efficiency > 85)
    if name == "sluiced" and count in MEMORY_MIB:
        memory = figure(reports, "rss", scale=1 / 2 ** 20)
        part.claim(f"memory_{count}", f"object server: memory at {count} connections",
                   f"less than {MEMORY_MIB[count]} MB", f"{memory.median:.0f} MiB", memory.median < MEMORY_MIB[count])
    if name == "connection-pool 8" and count == 100:
        never = int(figure(reports, "connections", "never_served").median)
        part.claim("never_served", "object server: of 100 connections a pool of 8 with a connection for life never "
                   "serves", "92", str(never), never == 92)


def run(lab, part):
    starts = {name if size == 1 else f"{name} {size}": (lambda name=name, size=size: lab.baseline(name, size))
              for name, size in MODELS}
    starts["sluiced"] = lambda: lab.sluiced("--fds-in-flight", IN_FLIGHT, "--fds-per-uid", IN_FLIGHT)
    rows, p50, cpu_by = [], {name: [] for name in starts}, {name: [] for name in starts}
    for count in COUNTS:
        loads = {name: (lambda start=start: measure(lab, start, count)) for name, start in starts.items()}
        runs = lab.in_turns(loads, REPETITIONS)
        runs = {name: [run for run in reports if run["server"]] for name, reports in runs.items()}
        if not runs["bare-epoll"]:
            raise Failed("no reply from the bare program")
        bare = figure(runs["bare-epoll"], "server", "cpu_us")
        for name, reports in runs.items():
            if not reports:
                rows.append([count, name, "no reply"] + [""] * 10)
                continue
            rows.append(row(count, name, reports, bare))
            p50[name].append((count, figure(reports, "latency", "p50").median))
            cpu_by[name].append((count, figure(reports, "server", "cpu_us").median))
            part.figures[f"{name}, {count}"] = {
                "cpu_us": figure(reports, "server", "cpu_us").json(),
                "errors": int(figure(reports, "errors", "total").median)}
            claims(part, name, count, reports, bare)
    part.table("", ["connections", "model", "CPU us", "efficiency", "k requests/s", "p50 us", "p99 us", "the study",
                    "connections served", "failed requests", "threads", "RSS MiB", "stacks MiB reserved"], rows)
    part.chart("models-p50", "fdpass by model", "connections", "p50 us", p50)
    part.chart("models-cpu", "fdpass by model", "connections", "server CPU us a request", cpu_by)
    part.notes.append("Efficiency: CPU of the bare program / CPU of the model. A closed loop: with n connections in "
                      "flight the latency is n / throughput, whatever the model. Threads are those alive in the middle "
                      "of a run.")
    part.notes.append("sluiced bounds the descriptors in flight to one user and in all, by default to an eighth and a "
                      "quarter of RLIMIT_NOFILE, and refuses what is beyond with FD_LIMIT. The models have no bound, "
                      "and here all connections are one user's and ask at once: so both bounds are raised to "
                      f"{IN_FLIGHT}.")
