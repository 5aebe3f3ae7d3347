"""Judges Prometheus' text format (exposition formats, 0.0.4) and the conventions for names in it."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\S+)(?: -?\d+)?")
HELP = re.compile(rf"# HELP ({NAME}) (.+)")
TYPE = re.compile(rf"# TYPE ({NAME}) (counter|gauge|histogram|summary|untyped)")
SUFFIXES = {"summary": ("", "_sum", "_count"), "histogram": ("_bucket", "_sum", "_count")}


class Metric:
    def __init__(self, name, text):
        self.name = name
        self.help = text
        self.type = None
        self.samples = {}  # (name, labels) -> value

    @property
    def value(self):
        """Of one without labels."""
        return self.samples[self.name, ""]


def check_name(metric):
    assert metric.name == metric.name.lower(), f"{metric.name}: capitals"
    assert (metric.type == "counter") == metric.name.endswith("_total"), f"{metric.name} is a {metric.type}"
    for end in ("_sum", "_count", "_bucket", "_info", "_milliseconds", "_ms", "_ns", "_kb"):
        assert not metric.name.endswith(end), f"{metric.name} ends with {end}"


def add_sample(metric, line):
    match = SAMPLE.fullmatch(line)
    assert match and metric, f"no sample: {line!r}"
    name, labels, value = match[1], match[2] or "", float(match[3])
    ends = SUFFIXES.get(metric.type, ("",))
    assert name in [metric.name + end for end in ends], f"{name} below the heading of {metric.name}"
    assert (name, labels) not in metric.samples, f"twice: {line!r}"
    assert metric.type != "counter" or value >= 0, line
    if metric.type == "summary" and name == metric.name:
        assert re.search(r'(^|,)quantile="(0|1|0\.\d+)"', labels), line
    metric.samples[name, labels] = value


def parse(text):
    """Metrics by name; AssertionError where something is wrong."""
    metrics, metric = {}, None
    assert text.endswith("\n"), "no newline at the end"
    for line in text.splitlines():
        if match := HELP.fullmatch(line):
            metric = Metric(match[1], match[2])
            assert metric.name not in metrics, f"two headings: {line!r}"
            metrics[metric.name] = metric
        elif match := TYPE.fullmatch(line):
            assert metric and metric.name == match[1] and not metric.type, f"TYPE without HELP before: {line!r}"
            metric.type = match[2]
            check_name(metric)
        else:
            add_sample(metric, line)
    for metric in metrics.values():
        assert metric.type and metric.samples, f"{metric.name}: nothing"
    return metrics
