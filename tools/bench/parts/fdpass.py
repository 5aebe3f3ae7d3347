"""fdpass at 100 connections: one at a time, pipelined, and shared descriptors; against bare twins."""
from lab import figure, ratios, values

TITLE = "fdpass, 100 connections, against a bare epoll program"

# name, words, arguments, twin, limit
SHAPES = [
    ("single", "one at a time", [], "open each", 1.35),
    ("pipelined", "pipelined 16", ["--pipeline", 16], "open each", 1.35),
    ("shared", "SHARED, pipelined 16", ["--pipeline", 16, "--shared"], "one cached fd", 1.6),
]


def run(lab, part):
    sluiced = lab.sluiced()
    twins = {"open each": lab.bare("fdpass"), "one cached fd": lab.bare("fdpass", None, "--cached")}
    rows = []
    for name, words, arguments, twin, limit in SHAPES:
        common = ["--mode", "fdpass", "--key", "4k", "-c", 100, *arguments]
        runs = lab.in_turns({
            "bare": lambda: lab.load(twins[twin], twins[twin].unix, *common),
            "sluiced": lambda: lab.load(sluiced, sluiced.unix, *common),
        })
        part.ratio(f"fdpass_{name}", f"fdpass, {words}: server CPU, sluiced / bare ({twin})",
                   ratios(*(values(runs[label], "server", "cpu_us") for label in ("sluiced", "bare"))), limit)
        for label, reports in runs.items():
            cpu = figure(reports, "server", "cpu_us")
            part.figures[f"{name}_{label}_cpu_us"] = cpu.json()
            rows.append([words, label if label == "sluiced" else f"bare, {twin}", cpu.text(),
                         figure(reports, "requests_s", scale=1e-3).text(0), figure(reports, "latency", "p50").text(0),
                         figure(reports, "latency", "p99").text(0), figure(reports, "generator", "cpu_us").text()])
    part.table("", ["requests", "server", "CPU us", "k requests/s", "p50 us", "p99 us", "generator CPU us"], rows)
    part.notes.append("The generator fills its core first: requests a second and latency are its own.")
