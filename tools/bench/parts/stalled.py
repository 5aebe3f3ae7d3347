"""A client that reads nothing of a 1 GiB copy, and idle connections: what they cost the others."""
import contextlib

from lab import Figure, idle_connections, ratios, stalled_client

TITLE = "a stalled client and 1,000 idle connections"

IDLE = 1000


def run(lab, part):
    sluiced = lab.sluiced()
    common = ["--mode", "fdpass", "--key", "4k", "-c", 10, "--rate", 20000]

    def alone():
        return lab.load(sluiced, sluiced.unix, *common)

    def among_others():
        with contextlib.ExitStack() as stack:
            stack.enter_context(idle_connections(sluiced.unix, IDLE))
            sluiced.await_connections(IDLE)
            stack.enter_context(stalled_client(sluiced.unix, b"1g"))
            stack.enter_context(stalled_client(sluiced.tcp, b"1g"))
            return lab.load(sluiced, sluiced.unix, *common)

    runs = lab.in_turns({"alone": alone, "beside a stalled client and 1,000 idle ones": among_others})
    p99 = {label: [report["latency"]["p99"] for report in reports] for label, reports in runs.items()}
    without, beside = p99.values()
    noise = max(1.1, max(without) / min(without))
    part.ratio("stalled_p99", "p99 beside a stalled client and 1,000 idle ones / alone; limit: the noise of "
               "the runs alone, at least 1.1", ratios(beside, without), round(noise, 2))
    part.table("", ["fdpass at 20,000 a second", "p50 us", "p99 us", "p99.9 us"],
               [[label, *(Figure.of([report["latency"][q] for report in reports]).text(1)
                          for q in ("p50", "p99", "p999"))] for label, reports in runs.items()])
    part.figures = {label: Figure.of(values).json() for label, values in p99.items()}
