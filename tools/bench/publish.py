#!/usr/bin/env python3
"""Makes BENCHMARKS.md and the figures in README.md from the report of a run of `make bench`.

    tools/bench/publish.py [REPORT]      a directory with report.json and its plots; default: build/bench

    tools/bench/BENCHMARKS.md.in + report.json -> BENCHMARKS.md, plots in docs/benchmarks/
    tools/bench/README.md.in     + report.json -> README.md between <!-- bench --> and <!-- /bench -->

In a template {{...}} stands for what is in the report:

    {{machine}}                    the machine, its kernel and the time
    {{minutes}}                    the length of the run
    {{limits}} {{claims}}          all limits; what the study predicted: tables
    {{missed}}                     what missed its limit, a list
    {{unlike}}                     what came out unlike the study, a list
    {{part NAME}}                  a part's tables, plots and notes
    {{parts}}                      the same for all parts that no {{part}} names, with their titles
    {{ratio NAME}}                 median (least-greatest) of a limit, and the limit
    {{figure PART PATH...}}        one number of a part's figures, by names split by /
A name that the report does not have is written as "not measured". Reports of some parts only are refused.
"""
import argparse
import json
import pathlib
import re
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

import report as words  # noqa: E402

PLOTS = "docs/benchmarks"
UNKNOWN = "not measured"


def table(columns, rows, title=""):
    return "\n".join(words.markdown_table(words.Table(title, columns, rows))).rstrip()


def bullets(lines):
    return "\n".join(f"- {line}" for line in lines) or "- nothing"


class Filler:
    def __init__(self, full):
        self.machine, self.by_name = full["machine"], full["parts"]
        self.ratios = {name: ratio for part in self.by_name.values() for name, ratio in part["ratios"].items()}
        self.claims = [claim for part in self.by_name.values() for claim in part["claims"]]
        self.named = set()

    def fill(self, template):
        self.named = set(re.findall(r"{{part (\w+)}}", template))
        return re.sub(r"{{(\w+)(?: ([^}]*))?}}", lambda match: self.one(match[1], match[2] or ""), template)

    def one(self, kind, argument):
        known = {"machine": self.machine_text, "minutes": self.minutes, "limits": self.limits,
                 "claims": self.claim_table, "missed": self.missed, "unlike": self.unlike, "part": self.part,
                 "parts": self.parts, "ratio": self.ratio, "figure": self.figure}
        if kind not in known:
            sys.exit(f"publish.py: {{{{{kind}}}}}: no such placeholder")
        return known[kind](argument) if argument else known[kind]()

    def machine_text(self):
        return words.machine_line(self.machine)

    def minutes(self):
        return f"{self.machine['seconds'] / 60:.0f}"

    def limits(self):
        return table(words.LIMITS, [words.limit_row(ratio) for ratio in self.ratios.values()])

    def claim_table(self):
        return words.HOW_CLAIMS_ARE_JUDGED + "\n\n" + table(words.CLAIMS,
                                                            [words.claim_row(claim) for claim in self.claims])

    def missed(self):
        rows = (words.limit_row(ratio) for ratio in self.ratios.values() if not ratio["met"])
        return bullets(f"{what}: {measured} (limit {limit})" for what, measured, limit, _ in rows)

    def unlike(self):
        return bullets(f"{claim['what']}: the study {claim['claimed']}, measured {claim['measured']}"
                       for claim in self.claims if not claim["holds"])

    def part(self, name):
        part = self.by_name.get(name)
        if not part:
            return UNKNOWN
        lines = [f"**This part did not come to its end:** {part['problem']}", ""] if part["problem"] else []
        for each in part["tables"]:
            lines += [table(each["columns"], each["rows"], each["title"].replace("### ", "")), ""]
        lines += [f"![{part['title']}]({PLOTS}/{name})\n" for name in part["charts"]]
        lines += [f"{note}\n" for note in part["notes"]]
        return "\n".join(lines).rstrip()

    def parts(self):
        return "\n\n".join(f"### {part['title']}\n\n" + re.sub(r"^### ", "#### ", self.part(name), flags=re.M)
                           for name, part in self.by_name.items() if name not in self.named)

    def ratio(self, name):
        ratio = self.ratios.get(name)
        return f"{words.spread(ratio, ratio['unit'])} (limit {ratio['limit']:g}{ratio['unit']})" if ratio else UNKNOWN

    def figure(self, path):
        part, *names = path.split(" ", 1)
        value = self.by_name.get(part, {}).get("figures", {})
        for name in "".join(names).split("/"):
            value = value.get(name) if isinstance(value, dict) else None
        if value is None:
            return UNKNOWN
        return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, (int, float)) else str(value)


def publish_plots(source, full):
    """The plots of this report, and no others'."""
    target = ROOT / PLOTS
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for part in full["parts"].values():
        for name in part["charts"]:
            shutil.copy(source / name, target / name)


def put_between(path, mark, text):
    """Replaces what is between <!-- mark --> and <!-- /mark -->."""
    pattern = re.compile(rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", re.S)
    page, found = pattern.subn(lambda match: match[1] + text + match[2], path.read_text())
    if not found:
        sys.exit(f"publish.py: {path.name} has no <!-- {mark} -->")
    path.write_text(page)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("report", nargs="?", type=pathlib.Path, default=ROOT / "build/bench")
    source = parser.parse_args().report
    full = json.loads((source / "report.json").read_text())
    missing = sorted({path.stem for path in (HERE / "parts").glob("[a-z]*.py")} - set(full["parts"]))
    if missing:
        sys.exit(f"publish.py: {source} is no report of all parts; it lacks {', '.join(missing)}")
    filler = Filler(full)
    (ROOT / "BENCHMARKS.md").write_text(filler.fill((HERE / "BENCHMARKS.md.in").read_text()))
    put_between(ROOT / "README.md", "bench", filler.fill((HERE / "README.md.in").read_text()))
    publish_plots(source, full)


if __name__ == "__main__":
    main()
