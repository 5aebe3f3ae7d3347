#!/usr/bin/env python3
"""Measures sluiced against its bare twins and writes the report.

    tools/bench/run.py [--quick] [--scale FACTOR] [--out DIR] [PART]...

Parts are the files in tools/bench/parts: a file put there with TITLE and run(lab, part) is one. ONLY=NAME[,NAME] in the
environment names them too. The report goes to $SLUICE_BUILD/bench (default: build/bench): report.md, its plots,
report.json; tools/bench/publish.py makes BENCHMARKS.md of it. A part that fails is in the report with the reason and
with what it had measured; the others run. Exit status 1 if a part failed, 0 otherwise, whatever the figures say.
--scale makes every timed measurement longer or shorter: 0.1 tries the machinery, its figures say little.

--quick runs only the parts with limits, in under a minute, and prints one JSON object:
    machine   cpu, cpus, memory_gib, kernel, congestion, compiler, versions, time, load, scale, seconds
    ratios    name -> median, min, max, limit, met:
              fdpass_single fdpass_pipelined fdpass_shared           server CPU per fd against the bare twin's
              roundtrip_p50_us roundtrip_p99_us                      both on one core, object of 4 KiB
              roundtrip_size                                         p50 of 10 GiB against 4 KiB
              copy_1k copy_100k copy_1m                              server CPU per request against the bare twin's
              stalled_p99                                            best p99 of the others with against without it
              many_errors                                            failed requests of 1,000 among 15,000
              many_bytes                                             memory of an idle connection
              many_http_errors many_http_bytes                       the same for HTTP keep-alive
    met       all of them
    failed    parts that could not be measured: name -> why
"""
import argparse
import importlib
import json
import os
import pathlib
import signal
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import lab  # noqa: E402
import report  # noqa: E402

QUICK = ["fdpass", "roundtrip", "copy", "stalled", "many"]


def part_names():
    others = sorted(path.stem for path in (HERE / "parts").glob("[a-z]*.py"))
    return QUICK + [name for name in others if name not in QUICK]


def chosen_parts(arguments):
    only = arguments.parts or [name for name in os.environ.get("ONLY", "").split(",") if name]
    known = part_names()
    for name in only:
        if name not in known:
            sys.exit(f"run.py: no part {name}; there are {', '.join(known)}")
    return only or (QUICK if arguments.quick else known)


def run_part(name, bench):
    """The part with all that it came to; part.problem says why it did not come to its end."""
    part = report.Part(name, name)
    start = time.monotonic()
    bench.begin_part()
    try:
        module = importlib.import_module(f"parts.{name}")
        part.title = module.TITLE
        print(f"  {name}: {part.title}", file=sys.stderr, flush=True)
        module.run(bench, part)
    except Exception as error:  # whatever it is, the other parts are to run
        part.problem = str(error) if isinstance(error, lab.Failed) else "".join(traceback.format_exception(error)[-2:])
        print(f"    failed: {part.problem}", file=sys.stderr, flush=True)
    finally:
        bench.stop_servers()
    part.seconds = time.monotonic() - start
    for row in report.limit_rows([part]) + report.claim_rows([part]):
        print("    " + "  ".join(row), file=sys.stderr, flush=True)
    print(f"    {part.seconds:.0f} s", file=sys.stderr, flush=True)
    return part


def write(directory, parts, facts):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "report.md").write_text(report.markdown(parts, facts))
    for part in parts:
        for name, svg in part.charts.items():
            (directory / name).write_text(svg)
    (directory / "report.json").write_text(json.dumps(report.full_json(parts, facts), indent=1) + "\n")
    print(f"  written: {directory}/report.md", file=sys.stderr)


def end_on_signals():
    """An interrupted run stops its programs, removes its files and writes no report."""
    def end(number, _):
        sys.exit(f"run.py: {signal.Signals(number).name}")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the ratios alone")
    parser.add_argument("--scale", type=float, default=1.0, help="factor for the length of every measurement")
    parser.add_argument("--out", type=pathlib.Path, default=lab.BUILD / "bench", help="directory of the report")
    parser.add_argument("parts", nargs="*", metavar="PART")
    arguments = parser.parse_args()
    if not arguments.scale > 0:
        parser.error("argument --scale: expected more than 0")
    names = chosen_parts(arguments)
    end_on_signals()
    facts = {**report.machine(), "load": os.getloadavg()[0], "scale": arguments.scale}
    bench = lab.Lab(arguments.quick, arguments.scale)
    try:
        parts = [run_part(name, bench) for name in names]
    finally:
        bench.close()
    facts["seconds"] = round(sum(part.seconds for part in parts))
    write(arguments.out, parts, facts)
    if arguments.quick:
        print(json.dumps(report.quick_json(parts, facts), indent=1))
    return 1 if any(part.problem for part in parts) else 0


if __name__ == "__main__":
    sys.exit(main())
