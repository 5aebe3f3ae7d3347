"""A client that reads nothing of a 1 GiB copy, and idle connections: what they cost the others."""
import contextlib
import statistics

from lab import Figure, figure, idle_connections, stalled_client, values

TITLE = "a stalled client and 1,000 idle connections"

IDLE = 1000
LIMIT = 1.1


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
    p99 = {label: values(reports, "latency", "p99") for label, reports in runs.items()}
    without, beside = p99.values()
    # One interruption of a second's run by the machine multiplies its p99; a stalled client would slow every run down.
    part.ratio("stalled_p99", f"p99 beside a stalled client and {IDLE} idle ones / alone, the best of {len(without)} "
               "runs each", Figure.of([min(beside) / min(without)]), LIMIT,
               beside=f"{min(beside):.0f} against {min(without):.0f} us; the medians {statistics.median(beside):.0f} "
                      f"against {statistics.median(without):.0f} us")
    part.table("", ["fdpass at 20,000 a second", "CPU us", "p50 us", "p99 us", "p99.9 us"],
               [[label, figure(reports, "server", "cpu_us").text(),
                 *(figure(reports, "latency", q).text(1) for q in ("p50", "p99", "p999"))]
                for label, reports in runs.items()])
    part.figures = {label: Figure.of(values).json() for label, values in p99.items()}
