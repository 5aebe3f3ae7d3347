"""The machinery of `make bench` and of BENCHMARKS.md: what is documented is there, and no part can spoil the others;
and what sluice-bench cannot start with."""
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile
import unittest

from case import Case
from daemon import BUILD, MODE, environment, until
from slc import TIMEOUT

BENCH = pathlib.Path(__file__).resolve().parents[2] / "tools/bench"


class Quick(Case):
    """Its figures are no test's business."""

    @unittest.skipUnless(MODE["name"] == "auto" and BUILD.name not in ("asan", "ubsan", "tsan"),
                         "figures of programs as they are used")
    def test_the_object_has_every_documented_key(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard < 16000:
            self.skipTest(f"15,000 connections do not fit into {hard} descriptors")
        out = self.enterContext(tempfile.TemporaryDirectory(prefix="sluice-e2e-"))
        done = subprocess.run([BENCH / "run.py", "--quick", "--scale", "0.2", "--out", out], capture_output=True,
                              text=True, timeout=6 * TIMEOUT,
                              env={**environment(), "SLUICE_BUILD": str(BUILD), "ONLY": ""})
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(set(report), {"machine", "ratios", "met", "failed"})
        page = subprocess.run([BENCH / "run.py", "--help"], capture_output=True, text=True, timeout=TIMEOUT).stdout
        listed = page[page.index("    ratios "):page.index("    met ")].splitlines()[1:]
        names = {word for line in listed for word in line[:69].split()}
        self.assertEqual(set(report["ratios"]), names)
        self.assertEqual(report["met"], all(ratio["met"] for ratio in report["ratios"].values()))
        for ratio in report["ratios"].values():
            self.assertEqual(set(ratio), {"median", "min", "max", "limit", "met"})
        machine = page[page.index("    machine "):page.index("    ratios ")].removeprefix("    machine ")
        self.assertEqual(set(report["machine"]), {word.strip() for word in machine.split(",")})
        self.assertTrue(os.path.exists(f"{out}/report.md"))


class Parts(Case):
    """A copy of the bench with parts of our own."""

    def setUp(self):
        super().setUp()
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sluice-e2e-")))
        self.bench = self.root / "tools/bench"
        shutil.copytree(BENCH, self.bench, ignore=shutil.ignore_patterns("__pycache__"))

    def add(self, name, body):
        (self.bench / "parts" / f"{name}.py").write_text(f'TITLE = "the title of {name}"\n\n\ndef run(lab, part):\n'
                                                         f'{body}')

    def test_an_interrupted_run_leaves_nothing_behind(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            with self.subTest(number):
                self.assertLeavesNothing(number)

    def assertLeavesNothing(self, number):
        told = self.root / f"told-{number}"
        # not by a file that is closed as garbage: an exit that a signal asks for meanwhile is lost in there
        self.add("long", f'    server = lab.sluiced()\n    with open("{told}", "w") as file:\n'
                 '        print(server.pid, lab.directory, file=file)\n'
                 '    lab.load(server, server.unix, "--mode", "ping", seconds=60)\n')
        bench = subprocess.Popen([self.bench / "run.py", "--out", self.root / "out", "long"], stderr=subprocess.DEVNULL,
                                 env={**environment(), "SLUICE_BUILD": str(BUILD), "ONLY": ""})
        self.addCleanup(bench.wait)
        self.addCleanup(bench.kill)
        until(lambda: told.exists() and told.read_text().endswith("\n"), "a server of the bench")
        server, directory = told.read_text().split()
        self.addCleanup(shutil.rmtree, directory, True)
        with open(f"/proc/{server}/cmdline", "rb") as file:
            self.assertIn(b"sluiced", file.read())
        bench.send_signal(number)
        self.assertNotEqual(bench.wait(TIMEOUT), 0)

        def has_ended():
            try:
                with open(f"/proc/{server}/stat") as file:
                    return file.read().rpartition(")")[2].split()[0] == "Z"  # if nobody takes orphans here
            except OSError:
                return True
        until(has_ended, "the server's end")
        self.assertFalse((self.root / "out").exists())
        self.assertEqual(pathlib.Path(directory).exists(), number == signal.SIGKILL)

    def run_bench(self, *parts, expect=0):
        done = subprocess.run([self.bench / "run.py", "--out", self.root / "out", *parts], capture_output=True,
                              text=True, timeout=TIMEOUT, env={**environment(), "SLUICE_BUILD": str(BUILD), "ONLY": ""})
        self.assertEqual(done.returncode, expect, done.stderr)
        return done

    def test_a_file_is_a_part_and_one_that_fails_spares_the_others(self):
        self.add("broken", '    part.table("", ["before"], [["it broke"]])\n    raise ValueError("no luck")\n')
        self.add("works", '    part.figures["n"] = 7\n    part.claim("c", "what", "said", "seen", False)\n')
        self.run_bench("broken", "works", expect=1)
        parts = json.loads((self.root / "out/report.json").read_text())["parts"]
        self.assertIn("no luck", parts["broken"]["problem"])
        self.assertEqual(parts["broken"]["tables"][0]["rows"], [["it broke"]])
        self.assertEqual((parts["works"]["problem"], parts["works"]["figures"]), ("", {"n": 7}))
        page = (self.root / "out/report.md").read_text()
        for words in ("the title of works", "no luck", "it broke", "not met"):
            self.assertIn(words, page)

    def test_an_unknown_part_is_named(self):
        done = self.run_bench("nonesuch", expect=1)
        self.assertIn("no part nonesuch", done.stderr)

    def test_a_length_that_is_none_is_refused(self):
        self.add("works", "    pass\n")
        for scale in ("0", "-1", "nan"):
            self.assertIn("--scale", self.run_bench("--scale", scale, "works", expect=2).stderr)

    def test_a_report_of_some_parts_is_not_published(self):
        self.add("works", '    part.figures["n"] = 7\n')
        self.run_bench("works")
        done = subprocess.run([self.bench / "publish.py", self.root / "out"], capture_output=True, text=True,
                              timeout=TIMEOUT)
        self.assertEqual(done.returncode, 1)
        self.assertIn("fdpass", done.stderr)
        self.assertFalse((self.root / "BENCHMARKS.md").exists())

    def test_the_documents_are_filled_from_the_report(self):
        for part in (self.bench / "parts").glob("[a-z]*.py"):
            part.unlink()
        self.add("works", '    part.figures["n"] = 7\n    part.table("", ["column"], [["cell"]])\n'
                 '    part.chart("curve", "a", "b", "c", {"d": [(1, 2), (3, 4)]})\n')
        self.run_bench("works")
        (self.bench / "BENCHMARKS.md.in").write_text("{{machine}}\n{{figure works n}} {{figure works m}}\n{{parts}}\n")
        (self.bench / "README.md.in").write_text("{{ratio nonesuch}}\n")
        (self.root / "README.md").write_text("above\n<!-- bench -->\nold\n<!-- /bench -->\nbelow\n")
        subprocess.run([self.bench / "publish.py", self.root / "out"], check=True, timeout=TIMEOUT)
        page = (self.root / "BENCHMARKS.md").read_text()
        for words in ("7 not measured", "the title of works", "| cell |", "docs/benchmarks/curve.svg", "Linux"):
            self.assertIn(words, page)
        self.assertTrue((self.root / "docs/benchmarks/curve.svg").exists())
        self.assertEqual((self.root / "README.md").read_text(),
                         "above\n<!-- bench -->\nnot measured\n<!-- /bench -->\nbelow\n")


class Arguments(Case):
    def test_a_process_or_a_file_that_is_not_there(self):
        daemon = self.daemon()
        for option, value in (("--pid", "4194304"), ("--histogram", f"{daemon.directory}/none/x"), ("--pid", "x")):
            with self.subTest(option=option, value=value):
                done = subprocess.run([BUILD / "sluice-bench", "-s", daemon.unix, "--mode", "ping", "--requests", "1",
                                       option, value], capture_output=True, text=True, timeout=TIMEOUT,
                                      env=environment())
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertRegex(done.stderr, r"^sluice-bench: .*: (No such file|No such process|Invalid)")
