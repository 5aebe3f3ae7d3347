#!/usr/bin/env python3
"""Runs the end-to-end tests against the programs below $SLUICE_BUILD (default: build).

    tests/e2e/run.py [--mode MODE] [--jobs N] [NAME]...

Each module tests/e2e/test_*.py runs in a process of its own, once in each mode; NAMEs select the tests whose
MODULE.CLASS.TEST contains one of them, and only modules so named if there are. One line a module and mode, failures
in full, the reasons of skipped tests; the last line is `e2e: N passed, M failed, K skipped`. Exit status 1 if M > 0.
"""
import argparse
import collections
import concurrent.futures
import faulthandler
import json
import os
import pathlib
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
TEST_SECONDS = 180    # a single test that takes longer is stuck
MODULE_SECONDS = 900  # and so is a module

# The same tests must pass whoever does the work: arguments and environment of each daemon.
MODES = {
    "auto": {"arguments": ["--offload", "auto"], "environment": {}},
    "always": {"arguments": ["--offload", "always"], "environment": {}},
    "nouring": {"arguments": ["--uring", "off"], "environment": {}},
    "eventfd": {"arguments": ["--offload", "always", "--reap", "eventfd"], "environment": {}},
}
# Modes that run only the modules named here: those in which completions matter.
PARTIAL = {
    "eventfd": {"test_change", "test_deliver", "test_fdpass", "test_http_late", "test_http_workers",
                "test_leave", "test_list", "test_pipeline"},
}


class Outcome(unittest.TestResult):
    """Collects, for the parent to add up."""

    def __init__(self):
        super().__init__()
        self.passed = 0
        self.failed = []  # (test, text)
        self.left_out = []  # reasons

    def startTest(self, test):
        super().startTest(test)
        self.good = True
        faulthandler.dump_traceback_later(TEST_SECONDS, exit=True)

    def stopTest(self, test):
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()
        self.passed += self.good

    def _fail(self, test, error):
        if self.good:
            self.failed.append((test.id(), ""))
        self.good = False
        name, text = self.failed[-1]
        part = f"[{test}]\n" if hasattr(test, "test_case") else ""  # a subtest
        self.failed[-1] = (name, text + part + self._exc_info_to_string(error, test))

    def addError(self, test, err):
        if not hasattr(self, "good"):  # of a module or class
            self.good = True
        self._fail(test, err)

    def addFailure(self, test, err):
        self._fail(test, err)

    def addSubTest(self, test, subtest, err):
        if err:
            self._fail(subtest, err)

    def addSkip(self, test, reason):
        self.good = False
        self.left_out.append(reason)


def each_test(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from each_test(item)
        else:
            yield item


def is_chosen(test, module, names):
    """A module that cannot be imported is a test, too: unittest.loader._FailedTest.MODULE."""
    name = test.id() if test.id().startswith(module) else f"{module}.{test.id()}"
    return not names or any(part in name for part in names)


def run_module(module, names):
    """In the child: runs the tests and prints the outcome as one line of JSON."""
    faulthandler.enable()
    outcome = Outcome()
    suite = unittest.defaultTestLoader.loadTestsFromName(module)
    chosen = [test for test in each_test(suite) if is_chosen(test, module, names)]
    report, sys.stdout = sys.stdout, sys.stderr
    unittest.TestSuite(chosen).run(outcome)
    print(json.dumps([outcome.passed, outcome.failed, outcome.left_out]), file=report)


def start_module(module, mode, names):
    """In the parent: (mode, module, passed, failures, skips, seconds)."""
    start = time.monotonic()
    command = [sys.executable, __file__, "--module", module, *names]
    build = pathlib.Path(os.environ.get("SLUICE_BUILD", HERE.parents[1] / "build")).resolve()
    environment = {**os.environ, "SLUICE_BUILD": str(build), "E2E_MODE": json.dumps({"name": mode, **MODES[mode]})}
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=MODULE_SECONDS, env=environment, cwd=HERE)
        error = done.stderr
    except subprocess.TimeoutExpired as late:
        done, error = None, f"still running after {MODULE_SECONDS} s\n{late.stderr}"
    try:
        passed, failed, left_out = json.loads(done.stdout)
        if error.strip():
            print(error, end="", file=sys.stderr, flush=True)
    except (AttributeError, ValueError):
        passed, failed, left_out = 0, [(module, error)], []
    return mode, module, passed, failed, left_out, time.monotonic() - start


def show(mode, module, passed, failed, left_out, seconds):
    word = "FAIL" if failed else "ok"
    name = f"{module.removeprefix('test_')} ({mode})"
    print(f"  {word:<5} {name:<24} {passed + len(failed):5d} {seconds:7.2f} s", flush=True)
    for test, text in failed:
        print(f"---- {test} ({mode})\n{text}", flush=True)
    return passed, len(failed), len(left_out)


def chosen_modules(names):
    """Those that names begin with or are parts of; a name that is neither may be of a test in any module."""
    modules = sorted(path.stem for path in HERE.glob("test_*.py"))
    of_name = [[module for module in modules if name in module or name.startswith(module + ".")] for name in names]
    return sorted(set().union(*of_name)) if names and all(of_name) else modules


def run_all(modes, names, jobs):
    modules = chosen_modules(names)
    pairs = [(module, mode) for module in modules for mode in modes
             if mode not in PARTIAL or module in PARTIAL[mode]]
    totals = [0, 0, 0]
    reasons = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(jobs) as workers:
        running = [workers.submit(start_module, module, mode, names) for module, mode in pairs]
        for future in concurrent.futures.as_completed(running):
            result = future.result()
            if not any(result[2:5]):
                continue  # no test of this module was asked for
            totals = [a + b for a, b in zip(totals, show(*result))]
            reasons.update(result[4])
    for reason, count in sorted(reasons.items()):
        print(f"  skip  {reason} ({count})")
    return totals


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mode", choices=sorted(MODES), action="append", help="only this one; several times")
    parser.add_argument("--jobs", type=int, default=(os.cpu_count() or 1) + 2, help="modules at once")
    parser.add_argument("--module", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", metavar="NAME")
    chosen = parser.parse_args()
    if chosen.module:
        run_module(chosen.module, chosen.names)
        return 0
    passed, failed, skipped = run_all(chosen.mode or list(MODES), chosen.names, chosen.jobs)
    if passed + failed + skipped == 0:
        print("no such test")
        failed = 1
    print(f"e2e: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
