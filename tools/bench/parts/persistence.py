"""Persistent connections against one connection per request."""
from lab import figure, ratios

TITLE = "persistent against one-shot connections"

CASES = [("fdpass", "unix", ["--mode", "fdpass", "--key", "4k"]),
         ("copy of 1 KiB", "tcp", ["--mode", "copy", "--key", "1k"])]


def run(lab, part):
    sluiced = lab.sluiced()
    rows = []
    for words, transport, arguments in CASES:
        address = getattr(sluiced, transport)
        loads = {
            "persistent": lambda: lab.load(sluiced, address, *arguments, "-c", 50),
            "one-shot": lambda: lab.load(sluiced, address, *arguments, "-c", 50, "--requests-per-conn", 1),
        }
        runs = lab.in_turns(loads)
        rate = {label: [report["requests_s"] for report in reports] for label, reports in runs.items()}
        gain = ratios(rate["persistent"], rate["one-shot"])
        for label, reports in runs.items():
            rows.append([f"{words}, {transport}", label, figure(reports, "server", "cpu_us").text(),
                         figure(reports, "requests_s", scale=1e-3).text(1), figure(reports, "latency", "p50").text(0),
                         gain.text(1) if label == "persistent" else ""])
        part.figures[words] = gain.json()
    part.table("", ["requests", "connections", "CPU us", "k requests/s", "p50 us", "throughput, persistent / one-shot"],
               rows)
    part.notes.append("The study claims a factor of 10. The generator pays for connecting too: the CPU column is the "
                      "server's share alone.")
