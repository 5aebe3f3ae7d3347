"""What README.md and docs/ tell their readers to type works as it is written."""
import os
import re
import shutil
import subprocess
import sys
import textwrap
import unittest

from case import MIB, Case, content
from daemon import BUILD
from http1 import HttpClient
from probe import ROOT

CONFIG = """
demo_routes = yes
upstream "api" { servers = {"tcp:127.0.0.1:9001"} }
ingest { path = "{dir}/log" }
"""


def text(name):
    return (ROOT / name).read_text()


def indented(name):
    """The blocks of code of a document."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", text(name), re.M)
    return [textwrap.dedent(block).strip("\n") for block in blocks]


def anchors(document):
    """What its headings are called in links."""
    headings = re.findall(r"^#+ (.*)$", document, re.M)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


class Links(Case):
    def test_they_lead_somewhere(self):
        for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
            for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
                with self.subTest(document=document.name, link=link):
                    file, _, anchor = link.partition("#")
                    target = document.parent / file if file else document
                    self.assertTrue("://" in link or target.exists())
                    if anchor and "://" not in link:
                        self.assertIn(anchor, anchors(target.read_text()))


class Examples(Case):
    """A daemon as the quick start has it, with what the other sections configure."""

    def setUp(self):
        self.place = self.directory({"models/weights.bin": content(MIB)})
        self.server = self.daemon(config=CONFIG, root=self.place / "models")

    def here(self, command):
        """The same for this daemon and its directories."""
        replacements = {"tcp:127.0.0.1:7080": self.server.tcp, "127.0.0.1:7080": self.server.tcp[4:],
                        "unix:/tmp/sluice.sock": self.server.unix, "/tmp/sluice.sock": self.server.unix[5:],
                        "/var/lib/sluice": f"{self.server.directory}/log", "build/": f"{BUILD}/",
                        "$(pidof sluiced)": str(self.server.pid), "-d 5 ": "-d 0.2 "}
        for written, meant in replacements.items():
            command = command.replace(written, meant)
        return command

    def run_here(self, *command):
        environment = {**os.environ, "SLUICE_ADDR": self.server.unix, "PYTHONPATH": str(ROOT / "tools" / "client")}
        done = subprocess.run(command, cwd=self.place, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
        self.assertEqual((done.returncode, done.stderr), (0, ""), command)
        return done.stdout

    def test_commands(self):
        commands = re.findall(r"^    \$ (.*(?:build/sluice(?:-bench)? |curl ).*)$", text("README.md"), re.M)
        self.assertGreater(len(commands), 15)
        for command in commands:
            if shutil.which("curl") or not command.startswith("curl"):
                self.run_here("sh", "-euc", self.here(command.replace("curl ", "curl -fsS ")))
        self.assertEqual((self.place / "copy.bin").read_bytes(), content(MIB))

    def test_metrics_to_watch(self):
        with HttpClient(self.server.admin) as client:
            there = set(re.findall(r"^# TYPE (\w+)", client.fetch("/_/metrics").body.decode(), re.M))
        named = set(re.findall(r"`(sluice_\w+)`", text("docs/operations.md")))
        self.assertGreater(len(named), 10)
        self.assertEqual(named - there, set())

    def test_events_to_watch(self):
        rows = re.findall(r"^\| (`.*`) \| (?:warn|error|, )+ \|", text("docs/operations.md"), re.M)
        named = {event for row in rows for event in re.findall(r"`([^`]+)`", row)}
        self.assertGreater(len(named), 10)
        source = "".join(file.read_text() for place in ("reactor", "handlers", "tools/sluiced")
                         for file in ROOT.glob(f"{place}/**/*.c"))
        self.assertEqual([event for event in named if f'"{event}"' not in source], [])

    def test_programs_in_python(self):
        programs = [(name, block) for name in ("README.md", "docs/protocol.md") for block in indented(name)
                    if block.startswith("import ")]
        self.assertEqual(len(programs), 3)
        for name, program in programs:
            with self.subTest(name):
                said = self.run_here(sys.executable, "-c", self.here(program))
                if name == "docs/protocol.md":
                    self.assertEqual(said, f"{MIB} {content(MIB)[:16]}\n")


@unittest.skipUnless(shutil.which("man"), "man is not installed")
class Manual(Case):
    def page(self, name):
        """The page as a terminal of 80 columns shows it."""
        done = subprocess.run([ROOT / "tools" / "man.sh", ROOT / "docs" / "man" / name], text=True,
                              env={**os.environ, "SLUICE_BUILD": str(BUILD)}, capture_output=True, check=True)
        file = self.directory({name: done.stdout.encode()}) / name
        shown = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", file], text=True, capture_output=True,
                               env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8", "MANPAGER": "cat"})
        self.assertEqual((shown.returncode, shown.stderr), (0, ""))
        return re.sub("\x1b\\[[0-9;]*m|.\b", "", shown.stdout)

    def test_pages(self):
        for name in os.listdir(ROOT / "docs" / "man"):
            with self.subTest(name):
                self.assertNotIn("\n@", self.page(name))

    def test_every_command_has_its_section(self):
        """Not only those that somebody thought of."""
        listed = subprocess.run([BUILD / "sluice", "--help"], capture_output=True, text=True, check=True).stdout
        commands = re.findall(r"^  ([a-z]+) +\w", listed, re.M)
        self.assertGreater(len(commands), 10)
        page = self.page("sluice.1")
        for command in commands:
            self.assertTrue(re.search(rf"^ +usage: sluice \[-s ADDR\] {command}\b", page, re.M), command)

    def test_every_option_is_told(self):
        printed = subprocess.run([BUILD / "sluiced", "--options"], capture_output=True, text=True, check=True).stdout
        page = self.page("sluiced.conf.5")
        for name in re.findall(r"^\| `(\w+)`", printed, re.M):
            self.assertTrue(re.search(rf"^ +{name} = ", page, re.M), name)


class Setup(Case):
    """tools/setup.sh for somebody who may not install anything."""

    def setup(self, missing):
        place = self.directory()
        programs = {"id": "echo 1234", "apt-get": "exit 100",
                    "dpkg-query": f'case " {missing} " in *" $4 "*) ;; *) printf installed ;; esac'}
        for name, body in programs.items():
            (place / name).write_text(f"#!/bin/sh\n{body}\n")
            (place / name).chmod(0o755)
        (place / "uname").symlink_to(shutil.which("uname"))
        done = subprocess.run(["/bin/bash", ROOT / "tools/setup.sh"], env={"PATH": str(place)}, capture_output=True,
                              text=True)
        return done.returncode, done.stderr

    def test_it_says_nothing_when_nothing_is_missing(self):
        self.assertEqual(self.setup(""), (0, ""))

    def test_what_is_missing_is_named(self):
        status, said = self.setup("libev-dev man-db")
        self.assertEqual(status, 1)
        self.assertIn("apt-get install libev-dev man-db", said)

    def test_the_build_goes_on_without_what_only_tests_want(self):
        status, said = self.setup("nats-server man-db")
        self.assertEqual(status, 0)
        self.assertIn("apt-get install nats-server man-db", said)
