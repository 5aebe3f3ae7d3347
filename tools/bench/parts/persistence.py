"""Persistent connections against those that end after so many requests; fd, copy and HTTP."""
from lab import figure, ratios, values

TITLE = "persistent against one-shot connections"

CASES = [("fdpass", "unix", ["--mode", "fdpass", "--key", "4k"]),
         ("copy of 1 KiB", "tcp", ["--mode", "copy", "--key", "1k"]),
         ("HTTP, 1 KiB", "tcp", ["--mode", "http", "--key", "/objects/1k"])]
LIVES = {"persistent": 0, "100 requests": 100, "10 requests": 10, "one-shot": 1}
REPETITIONS = 3
CLAIMED = 10


def run(lab, part):
    sluiced = lab.sluiced()
    rows = []
    for words, transport, arguments in CASES:
        address = getattr(sluiced, transport)
        runs = lab.in_turns({
            label: (lambda count=count: lab.load(sluiced, address, *arguments, "-c", 50, "--requests-per-conn", count,
                                                 seconds=0.5))
            for label, count in LIVES.items()}, REPETITIONS)
        rate = {label: values(reports, "requests_s") for label, reports in runs.items()}
        cpu = {label: values(reports, "server", "cpu_us") for label, reports in runs.items()}
        gain = ratios(rate["persistent"], rate["one-shot"])
        work = ratios(cpu["one-shot"], cpu["persistent"])
        for label, reports in runs.items():
            rows.append([f"{words}, {transport}", label, figure(reports, "server", "cpu_us").text(),
                         figure(reports, "requests_s", scale=1e-3).text(1), figure(reports, "latency", "p50").text(0),
                         ratios(rate["persistent"], rate[label]).text(1)])
        part.figures[words] = {"throughput": gain.json(), "cpu": work.json()}
        part.claim(f"persistence_{arguments[1]}", f"object server: {words}, throughput of persistent against one-shot "
                   "connections", f"{CLAIMED} times", f"{gain.text(1)}; server CPU {work.text(1)}",
                   gain.median >= CLAIMED)
    part.table("", ["requests", "connections end after", "CPU us", "k requests/s", "p50 us",
                    "throughput, persistent / this"], rows)
    part.notes.append("The generator pays for connecting too: the CPU column is the server's share alone.")
