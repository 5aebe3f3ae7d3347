#!/usr/bin/env python3
"""Runs the tests and adds them up.

    tests/run.py [--unit] [--e2e [ARGUMENTS of tests/e2e/run.py]]

The programs are those below $SLUICE_BUILD (default: build). One line for each, failures in full; the
last line is `N passed, M failed`, with `, K skipped` if there are any. Exit status 1 if M > 0.

  unit     $SLUICE_BUILD/tests/test_*: check's closing line is counted
  fuzz     $SLUICE_BUILD/tests/fuzz_NAME, given the committed inputs tests/fuzz/{corpus,regression}/NAME: one test each
  e2e      tests/e2e/run.py, whose own closing line has the form above
"""
import argparse
import concurrent.futures
import ctypes
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", HERE.parent / "build")).resolve()
PROGRAM_SECONDS = 600
CHECK_LINE = re.compile(rb"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$", re.M)
COUNT_LINE = re.compile(r"^(?:e2e: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")


def environment():
    """Sanitizers report everything, leaks included; check waits longer than on an idle machine."""
    defaults = {
        "SLUICE_BUILD": str(BUILD),
        "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TSAN_OPTIONS": f"second_deadlock_stack=1:suppressions={HERE / 'tsan.supp'}",
        "CK_DEFAULT_TIMEOUT": "120",
    }
    return {**defaults, **os.environ, "SLUICE_BUILD": str(BUILD)}


def fix_addresses():
    """ThreadSanitizer does not start where the kernel places memory more randomly than it knows."""
    addr_no_randomize = 0x0040000
    ctypes.CDLL(None).personality(addr_no_randomize)


def run_program(program, arguments=()):
    """Returns (exit status or None after a timeout, output, seconds)."""
    start = time.monotonic()
    try:
        done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=environment(), timeout=PROGRAM_SECONDS)
        status, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        status, output = None, (late.stdout or b"") + b"\nstill running after %d s\n" % PROGRAM_SECONDS
    return status, output, time.monotonic() - start


def run_unit(program):
    status, output, seconds = run_program(program)
    line = CHECK_LINE.search(output)
    passed = failed = 0
    if line:
        checks, failures, errors = map(int, line.groups())
        failed = failures + errors
        passed = checks - failed
    if failed == 0 and (status != 0 or passed == 0):
        failed = 1
    return program.name, passed, failed, output, seconds


def run_replay(program):
    name = program.name.removeprefix("fuzz_")
    inputs = [HERE / "fuzz" / kind / name for kind in ("corpus", "regression")]
    status, output, seconds = run_program(program, [path for path in inputs if path.is_dir()])
    good = status == 0
    return program.name, int(good), int(not good), output, seconds


def run_programs():
    jobs = [(run_unit, program) for program in sorted(BUILD.glob("tests/test_*"))]
    jobs += [(run_replay, program) for program in sorted(BUILD.glob("tests/fuzz_*"))]
    total_passed = total_failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        for name, passed, failed, output, seconds in workers.map(lambda job: job[0](job[1]), jobs):
            word = "FAIL" if failed else "ok"
            print(f"  {word:<5} {name:<24} {passed + failed:5d} {seconds:7.2f} s", flush=True)
            if failed:
                print(output.decode(errors="replace"), flush=True)
            total_passed += passed
            total_failed += failed
    return total_passed, total_failed, 0


def run_e2e(arguments):
    """Shows the output as it comes; its last line of the known form counts."""
    counts = None
    command = [sys.executable, HERE / "e2e" / "run.py", *arguments]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=environment()) as process:
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip("\n")
            match = COUNT_LINE.match(line)
            if match:
                counts = [int(number or 0) for number in match.groups()]
            else:
                print(line, flush=True)
    passed, failed, skipped = counts or (0, 0, 0)
    if failed == 0 and (process.returncode != 0 or counts is None):
        print(f"  FAIL  end-to-end tests ended with status {process.returncode} and no failure counted")
        failed = 1
    return passed, failed, skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--unit", action="store_true", help="unit tests and the replay of the fuzz corpora")
    parser.add_argument("--e2e", action="store_true", help="end-to-end tests; further arguments are theirs")
    chosen, rest = parser.parse_known_args()
    if BUILD.name == "tsan":
        fix_addresses()
    results = []
    if chosen.unit:
        results.append(run_programs())
    if chosen.e2e:
        results.append(run_e2e(rest))
    passed, failed, skipped = (sum(column) for column in zip((0, 0, 0), *results))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
