"""copy over TCP at 100 connections by size, against bare pread and send."""
from lab import Figure, ratios

TITLE = "copy over TCP, 100 connections, against bare pread + send"

SIZES = [("1k", "1 KiB"), ("100k", "100 KiB"), ("1m", "1 MiB")]
LIMIT = 1.3


def run(lab, part):
    sluiced, bare = lab.sluiced(), lab.bare("copy", "tcp:127.0.0.1:0")
    rows = []
    for key, words in SIZES:
        common = ["--mode", "copy", "--key", key, "-c", 100]
        runs = lab.in_turns({"bare": lambda: lab.load(bare, bare.tcp, *common),
                             "sluiced": lambda: lab.load(sluiced, sluiced.tcp, *common)})
        cpu = {label: [run["server"]["cpu_us"] for run in runs[label]] for label in runs}
        part.ratio(f"copy_{key}", f"copy of {words} over TCP: server CPU, sluiced / bare",
                   ratios(cpu["sluiced"], cpu["bare"]), LIMIT)
        for label in runs:
            part.figures[f"{key}_{label}_cpu_us"] = Figure.of(cpu[label]).json()
            rows.append([words, label, Figure.of(cpu[label]).text(),
                         Figure.of([run["requests_s"] / 1e3 for run in runs[label]]).text(1),
                         Figure.of([run["bytes_s"] / 1e9 for run in runs[label]]).text(),
                         Figure.of([run["latency"]["p99"] for run in runs[label]]).text(0)])
    part.table("", ["object", "server", "CPU us", "k requests/s", "GB/s", "p99 us"], rows)
