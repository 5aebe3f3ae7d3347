"""The framework study's run: 100 connections on a light route, in both modes of the whole server, alone and beside
long computations; and the deliberate mistake, the same computation on the loop."""
import contextlib

from lab import beside, figure

TITLE = "a light route, workers off and on, beside long computations"

CONFIG = """
workers = %s
route "GET /hello" { handler = "hello" mode = inline }
route "GET /long/:n" { handler = "fib" mode = worker }
route "GET /mistake/:n" { handler = "fib" mode = inline }
"""
LONG = 32         # fib(32): some milliseconds of a core
BESIDE = 2        # connections that ask for it, one request at a time
REPETITIONS = 3
SECONDS = 1.0
STUDY_RATE = 8005  # requests a second, no errors; with the mistake 3 a second and 2.9 M errors


def computations(lab, server, path):
    """A load of long requests in the background."""
    return beside([lab.program("sluice-bench"), "-s", server.tcp, "--mode", "http", "--key", f"/{path}/{LONG}", "-c",
                   BESIDE, "-d", 600], lab.load_cpus)


def run(lab, part):
    def daemon(workers):
        file = lab.directory / f"workers-{workers}.conf"
        file.write_text(CONFIG % workers)
        return lab.sluiced("-c", file, name=f"workers-{workers}")
    off, on = daemon("off"), daemon("on")

    def hello(server, path=None):
        with computations(lab, server, path) if path else contextlib.nullcontext():
            return lab.load(server, server.tcp, "--mode", "http", "--key", "/hello", "-c", 100, good=False,
                            seconds=SECONDS)
    cases = {"workers off, alone": lambda: hello(off), "workers on, alone": lambda: hello(on),
             "workers on, beside computations on workers": lambda: hello(on, "long"),
             "workers off, beside the same computations": lambda: hello(off, "long"),
             "workers on, the mistake: computations on the loop": lambda: hello(on, "mistake")}
    runs = lab.in_turns(cases, REPETITIONS)
    rows = []
    for name, reports in runs.items():
        rate, errors = figure(reports, "requests_s"), int(sum(report["errors"]["total"] for report in reports))
        rows.append([name, figure(reports, "server", "cpu_us").text() if all(r["server"] for r in reports) else "",
                     rate.text(0), figure(reports, "latency", "p50").text(0), figure(reports, "latency", "p99").text(0),
                     errors])
        part.figures[name] = {"requests_s": rate.json(), "p99_us": figure(reports, "latency", "p99").json(),
                              "errors": errors}
        if name.endswith("alone"):
            part.claim(f"framework_{name.split(',')[0].replace(' ', '_')}", f"framework: the light route, {name}",
                       f"{STUDY_RATE}/s, no errors", f"{rate.text(0)}/s, {errors} errors",
                       rate.median >= STUDY_RATE and not errors)
    part.table("/hello, 100 connections", ["server", "CPU us", "requests/s", "p50 us", "p99 us", "errors"], rows)
    part.notes.append(f"The computation is fib({LONG}), asked for by {BESIDE} connections, one request each; its CPU "
                      "time is in the first column of the rows beside it. The study's mistake, a call of the pool that "
                      "the event side waits for, came to 3 requests a second and 2.9 million errors; here the loop "
                      "cannot wait for a pool, and the mistake costs what the last row says. All threads of the server "
                      "share one core.")
