"""One request at a time, client and server on one core: what a descriptor costs a client, whatever its size."""
from lab import Figure, ratios

TITLE = "fd round trip, client and server on one core"


def run(lab, part):
    one = lab.server_cpus
    sluiced, bare = lab.sluiced(cpus=one), lab.bare("fdpass", cpus=one)
    common = ["--mode", "fdpass", "-c", 1]

    def ask(server, key):
        return lambda: lab.load(server, server.unix, *common, "--key", key, cpus=one)

    runs = lab.in_turns({"bare, 4 KB": ask(bare, "4k"), "sluiced, 4 KB": ask(sluiced, "4k"),
                         "sluiced, 10 GB (sparse)": ask(sluiced, "10g")})
    rows = []
    for label, reports in runs.items():
        spread = {q: Figure.of([report["latency"][q] for report in reports]) for q in ("p50", "p99", "p999")}
        rows.append([label, *(figure.text(1) for figure in spread.values())])
        part.figures[label] = {q: figure.json() for q, figure in spread.items()}
        if label == "sluiced, 4 KB":
            part.ratio("roundtrip_p50_us", "fd round trip, 4 KB: p50", spread["p50"], 9, unit=" us")
            part.ratio("roundtrip_p99_us", "fd round trip, 4 KB: p99", spread["p99"], 15, unit=" us")
    p50 = {label: [report["latency"]["p50"] for report in reports] for label, reports in runs.items()}
    size = ratios(p50["sluiced, 10 GB (sparse)"], p50["sluiced, 4 KB"])
    part.ratio("roundtrip_size", "fd round trip: p50 of 10 GB / 4 KB", size, 1.05)
    part.table("", ["server and object", "p50 us", "p99 us", "p99.9 us"], rows)
