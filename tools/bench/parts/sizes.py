"""What an object's size costs: a descriptor against the bytes, when the client looks at them or not."""
from lab import GIB, KIB, MIB, figure, size_text

TITLE = "round trip by object size: fd against copy, client and server on one core"

SIZES = [KIB, 2 * KIB, 4 * KIB, 8 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 16 * MIB]
SPARSE = [("1g", GIB), ("10g", 10 * GIB)]
REPETITIONS = 3
SECONDS = 0.25
PATIENCE = 60  # s beyond what a load is given anyway: the kernel may need half a minute for the pages of 10 GiB
WAYS = {"fd": ("fdpass", []), "copy": ("copy", []), "fd, all read": ("fdpass", ["--touch=all"]),
        "copy, all read": ("copy", ["--touch=all"])}


def whole(lab, server, key):
    """The report of one copy of all of it."""
    return lab.load(server, server.unix, "--mode", "copy", "--key", key, "-c", 1, "--requests", 1,
                    cpus=lab.load_cpus, seconds=PATIENCE)


def run(lab, part):
    sluiced = lab.sluiced()
    rows, p50, firsts = [], {way: [] for way in WAYS}, []

    def ask(way, key):
        mode, arguments = WAYS[way]
        return lambda: lab.load(sluiced, sluiced.unix, "--mode", mode, "--key", key, "-c", 1, *arguments,
                                cpus=lab.server_cpus, seconds=SECONDS)

    def add(label, size, runs):
        rows.append([label, *(figure(runs[way], *path).text(1) if way in runs else ""
                              for path in (("server", "cpu_us"), ("latency", "p50")) for way in WAYS)])
        for way, reports in runs.items():
            p50[way].append((size, figure(reports, "latency", "p50").median))

    for size in SIZES:
        key = lab.plant(f"sizes/{size}", size)
        runs = lab.in_turns({way: ask(way, key) for way in WAYS}, REPETITIONS)
        add(size_text(size), size, runs)
        if size == SIZES[0]:
            work = figure(runs["fd"], "server", "cpu_us")
    for key, size in SPARSE:
        fds = lab.in_turns({"fd": ask("fd", key)}, REPETITIONS)
        lab.evict([key])
        first, again = (whole(lab, sluiced, key) for _ in range(2))
        add(f"{size_text(size)} (sparse)", size, {**fds, "copy": [again]})
        firsts.append(f"{first['seconds']:.1f} s for {size_text(size)}")
    lab.evict(key for key, _ in SPARSE)
    crossing = next((size_text(size) for (size, fd), (_, copy) in zip(p50["fd, all read"], p50["copy, all read"])
                     if fd < copy), "none of these sizes")
    part.table("", ["object", *(f"{way}: {what}" for what in ("CPU us", "p50 us") for way in WAYS)], rows)
    part.notes.append("The sparse objects are copied once, from the page cache as the others. A copy before that had "
                      f"the kernel make their pages of zeros: {', '.join(firsts)}.")
    part.chart("sizes-p50", "round trip by object size", "bytes", "p50 us", p50)
    part.notes.append(f"With every byte read by the client (mmap of the descriptor, or the received bytes) a "
                      f"descriptor is cheaper from {crossing} on.")
    first, last = p50["fd"][0][1], p50["fd"][-1][1]
    part.claim("fd_size", "object server: a descriptor takes the same time whatever the size: p50 of 10 GiB / 1 KiB",
               "1", f"{last / first:.2f}", last / first <= 1.1)
    part.claim("fd_work", "object server: work of an fd pass on a persistent connection; measured: server CPU, one "
               "connection", "8 us", f"CPU {work.text(1)} us; the round trip, client included, p50 {first:.1f} us",
               work.median <= 9)
    part.figures = {way: [[size, value] for size, value in points] for way, points in p50.items()}
    part.figures["crossover"] = crossing
