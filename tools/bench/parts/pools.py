"""Pool sizes: fdpass and small copies through the request-level pool and the work-stealing one, beside sluiced."""
from lab import figure

TITLE = "pool sizes"

POOLS = [8, 16, 32, 64]
REPETITIONS = 3
SECONDS = 0.3
ENDING = ["thread-per-request"]  # threads that ended took their counts of switches with them
NOT_COUNTED = "not counted"
# The study's predictions per core: (connections, pool) -> p50 us, thousand requests a second.
FDPASS = {(100, 8): (10, 100), (100, 16): (9, 111), (1000, 32): (12, 83), (1000, 64): (15, 67)}
# Copies of 1 to 100 KB in the page cache: model -> p50 us, thousand requests a second.
COPY = {"thread-per-request": (150, 6), "request-pool 8": (50, 20), "sluiced": (40, 25)}


def loads_of(lab, servers, arguments):
    return {name: (lambda server=server: lab.load(server, server.unix, *arguments, seconds=SECONDS))
            for name, server in servers.items()}


def row(name, reports, predicted):
    rate = figure(reports, "requests_s", scale=1e-3)
    return [name, figure(reports, "server", "cpu_us").text(), rate.text(1), figure(reports, "latency", "p50").text(0),
            figure(reports, "latency", "p99").text(0),
            f"{predicted[0]} us, {predicted[1]} k/s" if predicted else "",
            NOT_COUNTED if name in ENDING else f"{figure(reports, 'server', 'switches').median:.2f}"]


def claim(part, name, words, predicted, reports):
    """A rate is comparable; the predicted p50 is that of one request alone, not of a closed loop of n connections."""
    rate = figure(reports, "requests_s", scale=1e-3)
    part.claim(name, words, f"{predicted[1]} k/s a core", f"{rate.text(1)} k/s", rate.median >= predicted[1])


def fdpass(lab, part, servers):
    rows = []
    for count in (100, 1000):
        runs = lab.in_turns(loads_of(lab, servers, ["--mode", "fdpass", "--key", "4k", "-c", count]), REPETITIONS)
        for name, reports in runs.items():
            size = int(name.split()[-1]) if name.startswith("request-pool") else 0
            predicted = FDPASS.get((count, size))
            rows.append([count, *row(name, reports, predicted)])
            part.figures[f"fdpass, {count}, {name}"] = figure(reports, "server", "cpu_us").json()
            if predicted:
                claim(part, f"pool_{count}_{size}", f"object server: fdpass, {count} connections, pool of {size}",
                      predicted, reports)
        claim(part, f"fdpass_{count}", f"object server: fdpass, {count} connections, sluiced (the study: a pool should "
              "reach more than 100 k/s)", (10, 100), runs["sluiced"])
    part.table("fdpass", ["connections", "server", "CPU us", "k requests/s", "p50 us", "p99 us", "the study",
                          "switches a request"], rows)


def copies(lab, part, servers):
    rows = []
    for key in ("1k", "100k"):
        runs = lab.in_turns(loads_of(lab, servers, ["--mode", "copy", "--key", key, "-c", 100]), REPETITIONS)
        for name, reports in runs.items():
            predicted = COPY.get(name)
            rows.append([key, *row(name, reports, predicted)])
            if predicted:
                claim(part, f"copy_{key}_{name.split()[0]}", f"object server: copy of {key}, {name}", predicted,
                      reports)
    part.table("copy over Unix, 100 connections", ["object", "server", "CPU us", "k requests/s", "p50 us", "p99 us",
                                                    "the study", "switches a request"], rows)


def run(lab, part):
    servers = {"sluiced": lab.sluiced(), "thread-per-request": lab.baseline("thread-per-request"),
               "work-stealing 8": lab.baseline("work-stealing", 8)}
    servers.update({f"request-pool {size}": lab.baseline("request-pool", size) for size in POOLS})
    fdpass(lab, part, servers)
    copies(lab, part, servers)
    part.notes.append("Server and generator have a core each. In a closed loop of n connections the latency is n / "
                      "throughput, so that the study's p50, of a request that finds the server idle, is in "
                      "\"fd round trip\" instead.")
