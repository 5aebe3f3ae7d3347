"""What a part of the bench comes to, and how it is written down.

    part.run(lab) -> Part: tables for people, ratios with their limits, claims of the study, figures for programs
"""
import dataclasses
import platform
import re
import subprocess
import time

import plot


@dataclasses.dataclass
class Ratio:
    """A figure with a limit: what is to hold."""
    name: str
    what: str
    figure: object  # lab.Figure
    limit: float
    unit: str = ""

    @property
    def met(self):
        return self.figure.median <= self.limit

    def text(self):
        return f"{self.figure.text()}{self.unit}"


@dataclasses.dataclass
class Claim:
    """What the study predicted or asked for, and what came of it."""
    name: str
    what: str
    claimed: str
    measured: str
    holds: bool

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

    def claim(self, *arguments):
        self.claims.append(Claim(*arguments))


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]
    except (OSError, IndexError):
        return "unknown"


def machine():
    with open("/proc/cpuinfo") as cpuinfo:
        models = re.findall(r"^model name\s*: (.*)$", cpuinfo.read(), re.M)
    with open("/proc/meminfo") as meminfo:
        memory = int(meminfo.readline().split()[1]) / 2 ** 20
    return {
        "cpu": models[0] if models else platform.machine(),
        "cpus": len(models) or 1,
        "memory_gib": round(memory, 1),
        "kernel": platform.release(),
        "compiler": first_line("gcc", "--version"),
        "time": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def markdown_table(table):
    lines = [f"### {table.title}", ""] if table.title else []
    lines.append("| " + " | ".join(table.columns) + " |")
    lines.append("|" + "---|" * len(table.columns))
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in table.rows]
    return lines + [""]


def ratio_rows(parts):
    return [[ratio.what, ratio.text(), f"<= {ratio.limit:g}{ratio.unit}", "met" if ratio.met else "**missed**"]
            for part in parts for ratio in part.ratios]


def claim_rows(parts):
    return [[claim.what, claim.claimed, claim.measured, "met" if claim.holds else "**not met**"]
            for part in parts for claim in part.claims]


def part_markdown(part):
    lines = [f"**This part did not come to its end:** {part.problem}\n"] if part.problem else []
    for table in part.tables:
        lines += markdown_table(table)
    lines += [f"![{part.title}]({name})\n" for name in part.charts]
    lines += [f"{note}\n" for note in part.notes]
    return lines


def machine_line(facts):
    shorter = "" if facts["scale"] == 1 else f" **Every measurement had {facts['scale']:g} of its usual length.**"
    return (f"{facts['cpus']} CPUs ({facts['cpu']}), {facts['memory_gib']} GiB, Linux {facts['kernel']}, "
            f"{facts['compiler']}; {facts['time']}. Load average at the start {facts['load']:.2f}.{shorter}")


def markdown(parts, facts):
    lines = ["# sluice: bench report", "", machine_line(facts)]
    lines += ["", "Medians of interleaved repetitions, with the least and the greatest in parentheses. CPU is "
              "what all threads of the server used, per request.", ""]
    if any(part.ratios for part in parts):
        columns = ["what", "measured", "limit", ""]
        lines += ["## Limits", ""] + markdown_table(Table("", columns, ratio_rows(parts)))
    if any(part.claims for part in parts):
        table = Table("", ["what", "the study", "measured", ""], claim_rows(parts))
        lines += ["## What the study predicted or asked for", ""] + markdown_table(table)
    for part in parts:
        lines += [f"## {part.title}", ""] + part_markdown(part)
    return "\n".join(lines) + "\n"


def ratio_json(ratio):
    return {**ratio.figure.json(), "limit": ratio.limit, "met": ratio.met}


def part_json(part):
    return {"title": part.title, "seconds": round(part.seconds, 1), "problem": part.problem, "figures": part.figures,
            "ratios": {ratio.name: {"what": ratio.what, "unit": ratio.unit, **ratio_json(ratio)}
                       for ratio in part.ratios},
            "claims": [claim.json() for claim in part.claims], "tables": [dataclasses.asdict(t) for t in part.tables],
            "charts": list(part.charts), "notes": part.notes}


def full_json(parts, facts):
    return {"machine": facts, "parts": {part.name: part_json(part) for part in parts}}


def quick_json(parts, facts):
    ratios = {ratio.name: ratio_json(ratio) for part in parts for ratio in part.ratios}
    failed = {part.name: part.problem for part in parts if part.problem}
    return {"machine": facts, "ratios": ratios, "met": all(ratio["met"] for ratio in ratios.values()) and not failed,
            "failed": failed}
