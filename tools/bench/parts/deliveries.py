"""fd, copy and splice by size; with and without io_uring, on the spot or always handed over; cached and cold."""
from lab import KIB, MIB, figure, ratios, size_text, values

TITLE = "deliveries by size, ring and hand-over"

CACHED = [KIB, 16 * KIB, 128 * KIB, MIB, 16 * MIB, 64 * MIB]
LARGE = MIB  # larger ones are copied to fewer connections, so that replies end within a run
COLD = [100 * KIB, MIB, 16 * MIB]
COLD_BYTES = 16 * MIB  # of different objects for each size, but one for each connection at least
COLD_CONNECTIONS = 4
REPETITIONS = 3
SECONDS = 0.2
MODELS = ["thread-per-request", "thread-per-connection", "connection-pool", "request-pool", "work-stealing",
          "bare-epoll"]
SPOT, HANDED, POOLED = "auto", "--offload always", "--uring off"
# The study's copies of 1 to 100 MB that are not in the page cache: model -> requests a second.
STUDY_COLD = {"thread-per-request": 16, "request-pool": 320, SPOT: 500}
DAEMONS = {SPOT: [], HANDED: ["--offload", "always"], POOLED: ["--uring", "off"]}


def cached(lab, part, servers):
    rows, cpu = [], {}
    for size in CACHED:
        key = lab.plant(f"sizes/{size}", size)
        for mode in ("fdpass", "copy", "splice"):
            connections, seconds = (10, SECONDS) if size <= LARGE or mode == "fdpass" else (2, 2 * SECONDS)
            loads = {name: (lambda server=server: lab.load(server, server.unix, "--mode", mode, "--key", key, "-c",
                                                           connections, seconds=seconds))
                     for name, server in servers.items()}
            runs = lab.in_turns(loads, REPETITIONS)
            figures = [figure(reports, "server", "cpu_us") for reports in runs.values()]
            rate = figure(runs[SPOT], "bytes_s", scale=1e-9)
            rows.append([size_text(size), mode, *(value.text(1) for value in figures),
                         rate.text() if mode != "fdpass" else ""])
            cpu.setdefault(mode, []).append((size, figures[0].median))
    part.table("In the page cache, 10 connections over Unix, 2 for copies above 1 MiB: server CPU us a request",
               ["object", "delivery", *servers, f"GB/s ({SPOT})"], rows)
    part.chart("deliveries-cpu", "delivery by size, cached", "bytes", "server CPU us a request", cpu)
    part.figures["cached"] = {mode: [[size, value] for size, value in points] for mode, points in cpu.items()}


def handover(lab, part, servers):
    """The loop's non-blocking sendmsg against the pool's. With one connection each request pays for its own way there
    and back, and all on one core shows the work without the wait for another; with 100 the wake-ups are shared."""
    runs = lab.in_turns({
        (connections, name): (lambda server=servers[name], connections=connections, cpus=cpus: lab.load(
            server, server.unix, "--mode", "fdpass", "--key", "4k", "-c", connections, cpus=cpus, seconds=2 * SECONDS))
        for connections, cpus in ((1, lab.server_cpus), (100, lab.load_cpus)) for name in (SPOT, HANDED)}, REPETITIONS)
    part.table("A descriptor opened and sent by the loop, or opened in the pool: fdpass; one connection from the "
               "server's own core, 100 from the other",
               ["connections", "offload", "CPU us", "k requests/s", "p50 us", "p99 us", "context switches a request"],
               [[*case, figure(reports, "server", "cpu_us").text(), figure(reports, "requests_s", scale=1e-3).text(1),
                 figure(reports, "latency", "p50").text(1), figure(reports, "latency", "p99").text(0),
                 figure(reports, "server", "switches").text()] for case, reports in runs.items()])
    cpu = {case: figure(reports, "server", "cpu_us") for case, reports in runs.items()}
    latency = {name: figure(runs[1, name], "latency", "p50").median for name in (SPOT, HANDED)}
    hop = latency[HANDED] - latency[SPOT]
    more = {count: cpu[count, HANDED].median - cpu[count, SPOT].median for count in (1, 100)}
    part.figures["hop"] = {"p50_us": hop, "cpu_us": more}
    part.claim("hop", "object server: price of a hand-over to a pool, there and back", "1-5 us",
               f"one connection: p50 {hop:.1f} us, CPU {more[1]:.1f} us more; among 100: CPU {more[100]:.1f} us more",
               1 <= hop <= 5, better=hop < 1)
    part.claim("async_fd", "object server: \"descriptors cannot be passed by an event loop\"; measured: CPU of the "
               "loop's own non-blocking sendmsg against the pool's", "the pool is better",
               "; ".join(f"{words}: {cpu[count, SPOT].text()} us against {cpu[count, HANDED].text()} us"
                         for count, words in ((1, "one connection"), (100, "100"))),
               all(cpu[count, SPOT].low > cpu[count, HANDED].high for count in (1, 100)))


def cold_claims(part, runs):
    for name, predicted in STUDY_COLD.items():
        rate = figure(runs[name], "requests_s")
        part.claim(f"cold_{name}", f"object server: copy of 1 MiB that is not in the page cache, "
                   f"{'sluiced' if name == SPOT else name}", f"{predicted}/s", f"{rate.text(0)}/s",
                   rate.median >= predicted)


def ring_claim(part, runs_by_size):
    """The ring reads what is not in the page cache; without it the pool does."""
    gains = {size: ratios(*(values(runs[name], "server", "cpu_us") for name in (SPOT, POOLED)))
             for size, runs in runs_by_size.items()}
    part.claim("ring", "the design: io_uring pays for large copies only; measured: server CPU of copies that are not "
               "in the page cache, with the ring / without", "less than 1 for large ones only",
               "; ".join(f"{size_text(size)}: {gain.text()}" for size, gain in gains.items()),
               gains[COLD[-1]].median < 1 <= gains[COLD[0]].median)


def cold(lab, part, servers):
    models = {name: lab.baseline(name) for name in MODELS}
    rows, copies = [], {}
    for size in COLD:
        keys = [lab.plant(f"cold-{size}/{i}", size) for i in range(max(COLD_CONNECTIONS, COLD_BYTES // size))]
        listed = lab.directory / f"keys-{size}"
        listed.write_text("\n".join(keys))

        def load(server, mode):
            lab.evict(keys)
            return lab.load(server, server.unix, "--mode", mode, "--keys", listed, "-c", COLD_CONNECTIONS, "--requests",
                            len(keys), "--touch=all")
        for mode in ("fdpass", "copy", "splice"):
            loads = {name: (lambda server=server: load(server, mode)) for name, server in servers.items()}
            if mode != "splice":
                loads.update({name: (lambda server=server: load(server, mode)) for name, server in models.items()})
            runs = lab.in_turns(loads, REPETITIONS)
            if mode == "copy":
                copies[size] = runs
            rates = [figure(reports, "requests_s", scale=size / 1e6).text(0) for reports in runs.values()]
            auto, missing = runs[SPOT], len(servers) + len(models) - len(rates)
            rows.append([size_text(size), mode, figure(auto, "server", "cpu_us").text(0), *rates, *[""] * missing,
                         figure(auto, "latency", "p50").text(0), figure(auto, "latency", "max").text(0)])
    part.table(f"Not in the page cache, each object once and all bytes read, {COLD_CONNECTIONS} connections: MB/s",
               ["object", "delivery", f"CPU us ({SPOT})", *servers, *models, f"p50 us ({SPOT})", f"max us ({SPOT})"],
               rows)
    cold_claims(part, copies[MIB])
    ring_claim(part, copies)


def run(lab, part):
    servers = {name: lab.sluiced(*arguments, name=f"sluiced{number}")
               for number, (name, arguments) in enumerate(DAEMONS.items())}
    cached(lab, part, servers)
    handover(lab, part, servers)
    cold(lab, part, servers)
    part.notes.append("--offload always is the plain shape: fdpass by the pool, copy and splice by the ring; the "
                      "difference to auto is the price of the hand-over. The server's threads all share one core here.")
