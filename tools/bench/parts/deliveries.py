"""fd, copy and splice by size; with and without io_uring, on the spot or always handed over; cached and cold."""
from lab import KIB, MIB, figure, size_text

TITLE = "deliveries by size, ring and hand-over"

CACHED = [KIB, 16 * KIB, 128 * KIB, MIB, 16 * MIB, 64 * MIB]
LARGE = MIB  # larger ones by fewer connections, so that replies end within a run
COLD = [100 * KIB, MIB, 16 * MIB]
COLD_BYTES = 32 * MIB  # of different objects for each size
REPETITIONS = 3
COLD_REPETITIONS = 3
SECONDS = 0.2
MODELS = ["thread-per-request", "thread-per-connection", "connection-pool", "request-pool", "work-stealing",
          "bare-epoll"]
DAEMONS = {"auto": [], "--offload always": ["--offload", "always"], "--uring off": ["--uring", "off"]}


def cached(lab, part, servers):
    rows, cpu = [], {}
    for size in CACHED:
        key = lab.plant(f"sizes/{size}", size)
        connections, seconds = (10, SECONDS) if size <= LARGE else (2, 2 * SECONDS)
        for mode in ("fdpass", "copy", "splice"):
            loads = {name: (lambda server=server: lab.load(server, server.unix, "--mode", mode, "--key", key, "-c",
                                                           connections, seconds=seconds))
                     for name, server in servers.items()}
            runs = lab.in_turns(loads, REPETITIONS)
            figures = [figure(reports, "server", "cpu_us") for reports in runs.values()]
            rate = figure(runs["auto"], "requests_s", scale=size / 1e9)
            rows.append([size_text(size), mode, *(value.text(1) for value in figures),
                         rate.text() if mode != "fdpass" else ""])
            cpu.setdefault(mode, []).append((size, figures[0].median))
    part.table("In the page cache, 10 connections over Unix, 2 above 1 MiB: server CPU us a request",
               ["object", "delivery", *servers, "GB/s (auto)"], rows)
    part.chart("deliveries-cpu", "delivery by size, cached", "bytes", "server CPU us a request", cpu)
    part.figures["cached"] = {mode: [[size, value] for size, value in points] for mode, points in cpu.items()}


def handover(lab, part, servers):
    """The loop's non-blocking sendmsg against the pool's, one load for both."""
    runs = lab.in_turns({
        name: (lambda server=servers[name]: lab.load(server, server.unix, "--mode", "fdpass", "--key", "4k", "-c", 100,
                                                     seconds=2 * SECONDS))
        for name in ("auto", "--offload always")}, REPETITIONS)
    rows = [[name, figure(reports, "server", "cpu_us").text(), figure(reports, "requests_s", scale=1e-3).text(1),
             figure(reports, "latency", "p99").text(0), figure(reports, "server", "switches").text()]
            for name, reports in runs.items()]
    part.table("A descriptor opened and sent by the loop, or opened in the pool: fdpass, 100 connections",
               ["offload", "CPU us", "k requests/s", "p99 us", "context switches a request"], rows)
    spot, handed = (figure(reports, "server", "cpu_us") for reports in runs.values())
    hop = handed.median - spot.median
    part.claim("hop", "object server: price of a hand-over to a pool, CPU", "1-5 us", f"{hop:.1f} us", 1 <= hop <= 5)
    part.claim("async_fd", "object server: \"descriptors cannot be passed by an event loop\"; measured: CPU of the "
               "loop's own non-blocking sendmsg against the pool's", "the pool is better",
               f"{spot.text()} us against {handed.text()} us", spot.median > handed.median)


def cold(lab, part, servers):
    models = {name: lab.baseline(name) for name in MODELS}
    rows = []
    for size in COLD:
        keys = [lab.plant(f"cold-{size}/{i}", size) for i in range(COLD_BYTES // size // 2)]
        listed = lab.directory / f"keys-{size}"
        listed.write_text("\n".join(keys))

        def load(server, mode):
            lab.evict(keys)
            return lab.load(server, server.unix, "--mode", mode, "--keys", listed, "-c", 4, "--requests", len(keys),
                            "--touch=all")
        for mode in ("fdpass", "copy", "splice"):
            loads = {name: (lambda server=server: load(server, mode)) for name, server in servers.items()}
            if mode != "splice":
                loads.update({name: (lambda server=server: load(server, mode)) for name, server in models.items()})
            runs = lab.in_turns(loads, COLD_REPETITIONS)
            rates = [figure(reports, "requests_s", scale=size / 1e6).text(0) for reports in runs.values()]
            rows.append([size_text(size), mode, *rates, *[""] * (len(servers) + len(models) - len(rates)),
                         figure(runs["auto"], "latency", "p50").text(0),
                         figure(runs["auto"], "latency", "p99").text(0)])
    part.table("Not in the page cache, all bytes read, 4 connections: MB/s",
               ["object", "delivery", *servers, *models, "p50 us (auto)", "p99 us (auto)"], rows)


def run(lab, part):
    servers = {name: lab.sluiced(*arguments, name=f"sluiced{number}")
               for number, (name, arguments) in enumerate(DAEMONS.items())}
    cached(lab, part, servers)
    handover(lab, part, servers)
    cold(lab, part, servers)
    part.notes.append("--offload always is the plain shape: fdpass by the pool, copy and splice by the ring; the "
                      "difference to auto is the price of the hand-over. The server's threads all share one core here.")
