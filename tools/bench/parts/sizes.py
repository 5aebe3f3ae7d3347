"""What an object's size costs: a descriptor against the bytes, when the client looks at them or not."""
from lab import GIB, KIB, MIB, figure, size_text

TITLE = "round trip by object size: fd against copy, client and server on one core"

SIZES = [KIB, 2 * KIB, 4 * KIB, 8 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 16 * MIB]
SPARSE = [("1g", GIB), ("10g", 10 * GIB)]
COPIED = GIB  # a larger one would take half a minute, and most of the page cache
REPETITIONS = 3
SECONDS = 0.25
WAYS = {"fd": ("fdpass", []), "copy": ("copy", []), "fd, all read": ("fdpass", ["--touch=all"]),
        "copy, all read": ("copy", ["--touch=all"])}


def run(lab, part):
    sluiced = lab.sluiced()

    def ask(way, key):
        mode, arguments = WAYS[way]
        return lambda: lab.load(sluiced, sluiced.unix, "--mode", mode, "--key", key, "-c", 1, *arguments,
                                cpus=lab.server_cpus, seconds=SECONDS)
    rows, cpu, p50 = [], {}, {way: [] for way in WAYS}
    for size in SIZES:
        key = lab.plant(f"sizes/{size}", size)
        runs = lab.in_turns({way: ask(way, key) for way in WAYS}, REPETITIONS)
        figures = {way: figure(reports, "latency", "p50") for way, reports in runs.items()}
        for way, value in figures.items():
            p50[way].append((size, value.median))
        rows.append([size_text(size), *(value.text(1) for value in figures.values())])
        cpu[size] = {way: figure(reports, "server", "cpu_us") for way, reports in runs.items()}
    for key, size in SPARSE:
        value = figure(lab.in_turns({"": ask("fd", key)}, REPETITIONS)[""], "latency", "p50")
        p50["fd"].append((size, value.median))
        whole = ""
        if size <= COPIED:
            whole = lab.load(sluiced, sluiced.unix, "--mode", "copy", "--key", key, "-c", 1, "--requests", 1,
                             cpus=lab.load_cpus)["latency"]["p50"]
            p50["copy"].append((size, whole))
        rows.append([f"{size_text(size)} (sparse)", value.text(1),
                     f"{whole:.0f} (once)" if whole else f"not copied: {size // COPIED} times the line above", "", ""])
    crossing = next((size_text(size) for (size, fd), (_, copy) in zip(p50["fd, all read"], p50["copy, all read"])
                     if fd < copy), "none of these sizes")
    part.table("Server CPU in us a request", ["object", *WAYS],
               [[size_text(size), *(value.text(1) for value in of.values())] for size, of in cpu.items()])
    part.table("p50 in us", ["object", *WAYS], rows)
    part.notes.append(f"The {size_text(COPIED)} is copied once, its first time: the kernel makes its pages of zeros "
                      "then. What is larger is passed, not copied.")
    part.chart("sizes-p50", "round trip by object size", "bytes", "p50 us", p50)
    part.notes.append(f"With every byte read by the client (mmap of the descriptor, or the received bytes) a "
                      f"descriptor is cheaper from {crossing} on.")
    first, last = p50["fd"][0][1], p50["fd"][-1][1]
    part.claim("fd_size", "object server: a descriptor takes the same time whatever the size: p50 of 10 GiB / 1 KiB",
               "1", f"{last / first:.2f}", last / first <= 1.1)
    work = cpu[SIZES[0]]["fd"]
    part.claim("fd_work", "object server: work of an fd pass on a persistent connection; measured: server CPU, one "
               "connection", "8 us", f"CPU {work.text(1)} us; the round trip, client included, p50 {first:.1f} us",
               work.median <= 9)
    part.figures = {way: [[size, value] for size, value in points] for way, points in p50.items()}
    part.figures["crossover"] = crossing
