"""One request at a time, client and server on one core: what a descriptor costs a client, whatever its size."""
import json
import subprocess

from lab import Figure, figure, on_cpus, ratios, values

TITLE = "fd round trip, client and server on one core"

QUANTILES = ("p50", "p99", "p999")
LIMITS = {"p50": 9, "p99": 15}
SWITCH, BARE = "none: a byte over a socket pair", "bare, 4 KiB"
SMALL, LARGE = "sluiced, 4 KiB", "sluiced, 10 GiB (sparse)"


def switch(lab):
    """What remains of a round trip without a server's work: the switches between two processes."""
    done = subprocess.run([lab.program("bare/switch")], capture_output=True, text=True, check=True,
                          preexec_fn=on_cpus(lab.server_cpus))
    return {"latency": json.loads(done.stdout)}


def run(lab, part):
    one = lab.server_cpus
    sluiced, bare = lab.sluiced(cpus=one), lab.bare("fdpass", cpus=one)
    common = ["--mode", "fdpass", "-c", 1]

    def ask(server, key):
        return lambda: lab.load(server, server.unix, *common, "--key", key, cpus=one)

    runs = lab.in_turns({SWITCH: lambda: switch(lab), BARE: ask(bare, "4k"), SMALL: ask(sluiced, "4k"),
                         LARGE: ask(sluiced, "10g")})
    latency = {label: {q: values(reports, "latency", q) for q in QUANTILES}
               for label, reports in runs.items()}
    for q, limit in LIMITS.items():
        floor, twin = Figure.of(latency[SWITCH][q]), Figure.of(latency[BARE][q])
        part.ratio(f"roundtrip_{q}_us", f"fd round trip, 4 KiB: {q}; the limit is another machine's",
                   Figure.of(latency[SMALL][q]), limit, unit=" us",
                   beside=f"{ratios(latency[SMALL][q], latency[BARE][q]).text()} times the {twin.median:.2f} us of the "
                          f"bare program here; {floor.median:.2f} us pass before any server has done anything")
    part.ratio("roundtrip_size", "fd round trip: p50 of 10 GiB / 4 KiB",
               ratios(latency[LARGE]["p50"], latency[SMALL]["p50"]), 1.05)
    part.table("", ["server and object", "server CPU us", "p50 us", "p99 us", "p99.9 us"],
               [[label, "" if label == SWITCH else figure(runs[label], "server", "cpu_us").text(),
                 *(Figure.of(values).text(1) for values in of.values())] for label, of in latency.items()])
    part.figures = {label: {q: Figure.of(values).json() for q, values in of.items()} for label, of in latency.items()}
    limits = " and ".join(f"{limit} us of {q}" for q, limit in LIMITS.items())
    part.notes.append(f"The limits, {limits}, are those of a machine whose bare program needed 5.3 and 6.0; what the "
                      "server adds is the ratio to the bare program of the same run. The first row is what any round "
                      "trip costs here: two processes on one core that write and read a byte each.")
