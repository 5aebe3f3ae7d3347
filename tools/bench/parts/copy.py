"""copy over TCP at 100 connections by size, against bare pread and send."""
from lab import figure, ratios, values

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
        part.ratio(f"copy_{key}", f"copy of {words} over TCP: server CPU, sluiced / bare",
                   ratios(*(values(runs[label], "server", "cpu_us") for label in ("sluiced", "bare"))), LIMIT)
        for label, reports in runs.items():
            cpu = figure(reports, "server", "cpu_us")
            part.figures[f"{key}_{label}_cpu_us"] = cpu.json()
            rows.append([words, label, cpu.text(), figure(reports, "requests_s", scale=1e-3).text(1),
                         figure(reports, "bytes_s", scale=1e-9).text(), figure(reports, "latency", "p99").text(0)])
    part.table("", ["object", "server", "CPU us", "k requests/s", "GB/s", "p99 us"], rows)
