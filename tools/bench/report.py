"""What a part of the bench comes to, and how it is written down.

    part.run(lab) -> Part: tables for people, ratios with their limits, claims of the study, figures for programs
"""
import dataclasses
import pathlib
import platform
import re
import subprocess
import time

import peers
import plot


@dataclasses.dataclass
class Ratio:
    """A figure with a limit: what is to hold."""
    name: str
    what: str
    figure: object  # lab.Figure
    limit: float
    unit: str = ""
    beside: str = ""  # of the same run, to judge it by

    def json(self):
        return {**self.figure.json(), "limit": self.limit, "met": self.figure.median <= self.limit}

    def full_json(self):
        return {"what": self.what, "unit": self.unit, "beside": self.beside, **self.json()}


@dataclasses.dataclass
class Claim:
    """What the study predicted or asked for, and what came of it."""
    name: str
    what: str
    claimed: str
    measured: str
    holds: bool
    better: bool = False  # if it does not hold: than predicted

    def json(self):
        return dataclasses.asdict(self)


@dataclasses.dataclass
class Table:
    title: str
    columns: list
    rows: list


@dataclasses.dataclass
class Part:
    name: str
    title: str
    tables: list = dataclasses.field(default_factory=list)
    ratios: list = dataclasses.field(default_factory=list)
    claims: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    charts: dict = dataclasses.field(default_factory=dict)  # file name -> SVG
    figures: dict = dataclasses.field(default_factory=dict)
    seconds: float = 0
    problem: str = ""  # why it did not come to its end

    def table(self, title, columns, rows):
        self.tables.append(Table(title, columns, rows))

    def chart(self, name, title, x_title, y_title, series):
        self.charts[f"{name}.svg"] = plot.chart(title, x_title, y_title, {n: p for n, p in series.items() if p})

    def ratio(self, *arguments, **more):
        self.ratios.append(Ratio(*arguments, **more))

    def claim(self, *arguments, **more):
        self.claims.append(Claim(*arguments, **more))


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]
    except (OSError, IndexError):
        return "unknown"


# What is compared, and how each tells its version.
VERSIONS = {"nginx": "-v", "haproxy": "-v", "lighttpd": "-v", "h2o": "--version"}


def versions():
    """{program: the number that it says}: of this tree its commit, of the others those that are installed."""
    found = {"sluice": first_line("git", "-C", str(pathlib.Path(__file__).parent), "describe", "--always", "--dirty")}
    for name, option in VERSIONS.items():
        program = peers.find(name)
        if program:
            said = subprocess.run([program, option], capture_output=True, text=True)
            number = re.search(r"\d+(\.\d+)+", said.stdout + said.stderr)
            found[name] = number[0] if number else "unknown"
    return found


def machine():
    with open("/proc/cpuinfo") as cpuinfo:
        models = re.findall(r"^model name\s*: (.*)$", cpuinfo.read(), re.M)
    with open("/proc/meminfo") as meminfo:
        memory = int(meminfo.readline().split()[1]) / 2 ** 20
    with open("/proc/sys/net/ipv4/tcp_congestion_control") as control:
        congestion = control.read().strip()
    return {
        "cpu": models[0] if models else platform.machine(),
        "cpus": len(models) or 1,
        "memory_gib": round(memory, 1),
        "kernel": platform.release(),
        "congestion": congestion,
        "compiler": first_line("gcc", "--version"),
        "versions": versions(),
        "time": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def markdown_table(table):
    lines = [f"### {table.title}", ""] if table.title else []
    lines.append("| " + " | ".join(table.columns) + " |")
    lines.append("|" + "---|" * len(table.columns))
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in table.rows]
    return lines + [""]


def spread(figure, unit=""):
    """Median, least and greatest; of one value alone itself."""
    median, low, high = (figure[name] for name in ("median", "min", "max"))
    if low == high:
        return (f"{median:.0f}" if median >= 100 or median == int(median) else f"{median:.2f}") + unit
    digits = 0 if median >= 100 else 2
    return f"{median:.{digits}f} ({low:.{digits}f}-{high:.{digits}f}){unit}"


LIMITS = ["what", "measured", "limit", ""]
CLAIMS = ["what", "the study", "measured", ""]
HOW_CLAIMS_ARE_JUDGED = (
    "A predicted rate is met when at least as much was measured. \"Not met\" is what these figures do not confirm; "
    "where they came out better, it says so. Rates come from a closed loop in which the generator has the other core: "
    "where it is the slower side, they say little of the server.")


def limit_row(ratio):
    """ratio: as full_json() writes it."""
    measured = spread(ratio, ratio["unit"]) + (f"; {ratio['beside']}" if ratio.get("beside") else "")
    return [ratio["what"], measured, f"<= {ratio['limit']:g}{ratio['unit']}", "met" if ratio["met"] else "**missed**"]


def claim_row(claim):
    """claim: as json() writes it."""
    verdict = "met" if claim["holds"] else "not met: better" if claim.get("better") else "**not met**"
    return [claim["what"], claim["claimed"], claim["measured"], verdict]


def limit_rows(parts):
    return [limit_row(ratio.full_json()) for part in parts for ratio in part.ratios]


def claim_rows(parts):
    return [claim_row(claim.json()) for part in parts for claim in part.claims]


def part_markdown(part):
    lines = [f"**This part did not come to its end:** {part.problem}\n"] if part.problem else []
    for table in part.tables:
        lines += markdown_table(table)
    lines += [f"![{part.title}]({name})\n" for name in part.charts]
    lines += [f"{note}\n" for note in part.notes]
    return lines


def machine_line(facts):
    others = ", ".join(f"{name} {number}" for name, number in facts.get("versions", {}).items())
    shorter = "" if facts["scale"] == 1 else f" **Every measurement had {facts['scale']:g} of its usual length.**"
    return (f"{facts['cpus']} CPUs ({facts['cpu']}), {facts['memory_gib']} GiB, Linux {facts['kernel']} "
            f"with TCP's {facts['congestion']}, "
            f"{facts['compiler']}{', ' if others else ''}{others}; {facts['time']}. "
            f"Load average at the start {facts['load']:.2f}.{shorter}")


def markdown(parts, facts):
    lines = ["# sluice: bench report", "", machine_line(facts)]
    lines += ["", "Medians of interleaved repetitions, with the least and the greatest in parentheses. CPU is "
              "what all threads of the server used, per request.", ""]
    if any(part.ratios for part in parts):
        lines += ["## Limits", ""] + markdown_table(Table("", LIMITS, limit_rows(parts)))
    if any(part.claims for part in parts):
        lines += ["## What the study predicted or asked for", "", HOW_CLAIMS_ARE_JUDGED, ""]
        lines += markdown_table(Table("", CLAIMS, claim_rows(parts)))
    for part in parts:
        lines += [f"## {part.title}", ""] + part_markdown(part)
    return "\n".join(lines) + "\n"


def part_json(part):
    return {"title": part.title, "seconds": round(part.seconds, 1), "problem": part.problem, "figures": part.figures,
            "ratios": {ratio.name: ratio.full_json() for ratio in part.ratios},
            "claims": [claim.json() for claim in part.claims], "tables": [dataclasses.asdict(t) for t in part.tables],
            "charts": list(part.charts), "notes": part.notes}


def full_json(parts, facts):
    return {"machine": facts, "parts": {part.name: part_json(part) for part in parts}}


def quick_json(parts, facts):
    ratios = {ratio.name: ratio.json() for part in parts for ratio in part.ratios}
    failed = {part.name: part.problem for part in parts if part.problem}
    return {"machine": facts, "ratios": ratios, "met": all(ratio["met"] for ratio in ratios.values()) and not failed,
            "failed": failed}
