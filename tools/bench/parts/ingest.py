"""Ingestion: the study's table, overload, and what the promise of the disk costs."""
import json
import resource
import time

from lab import WARMUP, Figure, figure, ratios, values

TITLE = "metric ingestion over HTTP"

CLIENTS = 100
RATES = [500, 1000, 2000, 5000, 10000, 20000]
CONNECTIONS = 256
BATCH = 10
SECONDS = 1.0
# The study's success at these rates, by model: thread per request, pool of 16 with a queue of 10,000.
STUDY = {"thread-per-request": ["98.5%", "88%", "50%", "44%", "20%", ""],
         "request-pool 16": ["99.5%", "98%", "95%", "85%", "70%", ""]}
LIMITED = 5000  # samples a second of a client in the overload table


def record(i=0):
    """Some 200 bytes."""
    return {"name": "http_requests_total", "type": "counter", "value": 12345.5,
            "tags": {"service": "checkout", "region": "eu-central-1", "host": f"web-{i}", "method": "GET",
                     "status": "200", "path": "/api/v1/orders/items"}}


class Bodies:
    def __init__(self, lab):
        self.one, self.batch = lab.directory / "one.json", lab.directory / "batch.json"
        self.one.write_text(json.dumps(record()))
        self.batch.write_text(json.dumps([record(i) for i in range(BATCH)]))


def sluiced(lab, *options):
    """With a log of its own and these options of the ingest section."""
    directory = lab.directory / f"log-{time.monotonic_ns()}"
    config = lab.directory / "ingest.conf"
    config.write_text(f"ingest {{ path = \"{directory}\"\n keep_bytes = 512m\n" + "\n".join(options) + "\n}\n")
    return lab.sluiced("-c", config, "--demo-routes", "yes", name=directory.name)


def baseline(lab, model, threads):
    return lab.start(f"{model} {threads}", [lab.program("baselines"), "--model", model, "--pool-size", threads,
                                            "--work", "ingest", lab.directory, "tcp:127.0.0.1:0"])


def post(lab, server, body, *arguments, **more):
    return lab.load(server, server.tcp, "--mode", "http", "--method", "POST", "--key", "/metrics", "--body", body,
                    *arguments, **more)


def observed(lab, start, body, rate, *arguments):
    """One run against a fresh server, with its memory, threads and context switches."""
    server = start()
    seen = {"rss": server.rss(), "threads": server.threads()}

    def look():
        seen.update(rss=max(seen["rss"], server.rss()), threads=max(seen["threads"], server.threads()))
    report = post(lab, server, body, "-c", CLIENTS, "--rate", rate, "--timeout", 1, *arguments, seconds=SECONDS,
                  good=False, during=look)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    lab.stop(server)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    switches = after.ru_nvcsw + after.ru_nivcsw - before.ru_nvcsw - before.ru_nivcsw
    return {**report, **seen, "switches": switches / (report["seconds"] + WARMUP)}


def cpu_text(report):
    return f"{report['server']['cpu_us']:.1f}" if report["server"] else ""


def study_row(part, way, name, at, report):
    rate = RATES[at]
    share = min(1.0, report["requests_s"] / rate)
    study = STUDY.get(name, [""] * len(RATES))[at] if way == "one-shot" else ""
    part.figures[f"{way}, {name}, {rate}"] = {"success": share, "p99_us": report["latency"]["p99"]}
    return [way, rate, name, cpu_text(report), f"{100 * share:.0f}%", study, f"{report['latency']['p50'] / 1e3:.1f}",
            f"{report['latency']['p99'] / 1e3:.1f}", report["errors"]["total"], report["threads"],
            f"{report['rss'] / 2 ** 20:.0f}", f"{report['switches']:.0f}"]


def study_table(lab, part, bodies):
    starts = {"thread-per-request": lambda: baseline(lab, "thread-per-request", 1),
              "request-pool 16": lambda: baseline(lab, "request-pool", 16),
              "sluiced fsync": lambda: sluiced(lab, "ack = fsync"),
              "sluiced write": lambda: sluiced(lab, "ack = write")}
    rows = []
    for way, arguments in (("one-shot", ["--requests-per-conn", 1]), ("keep-alive", [])):
        for at, rate in enumerate(RATES):
            for name, start in starts.items():
                report = observed(lab, start, bodies.one, rate, *arguments)
                rows.append(study_row(part, way, name, at, report))
    part.table(f"Open loop from {CLIENTS} clients: share of the intended requests that were acknowledged in time",
               ["connections", "requests/s", "server", "CPU us", "success", "the study", "p50 ms", "p99 ms", "failed",
                "threads", "RSS MiB", "context switches/s"], rows)


def overload(lab, part, bodies):
    """Twice what is allowed, and twice what the queue takes: every refusal is quick."""
    rows = []
    for name, options, arguments in (
            ("rate", [f"rate = {LIMITED}", "rate_burst = 100"], ["-c", CLIENTS, "--rate", 2 * LIMITED]),
            ("queue", ["queue_batches = 32"], ["-c", CONNECTIONS])):
        server = sluiced(lab, *options)
        for second in range(3):
            report = post(lab, server, bodies.one, *arguments, seconds=SECONDS, good=False)
            statuses = report["statuses"]
            good, refused = report["requests"], report["errors"]["status"]
            others = report["errors"]["total"] - refused
            rows.append([name, second + 1, cpu_text(report), good, refused, ", ".join(sorted(statuses)), others,
                         f"{report['latency']['p99'] / 1e3:.1f}",
                         f"{report['refused']['p99'] / 1e3:.1f}", f"{report['refused']['max'] / 1e3:.1f}"])
            part.figures[f"overload, {name}, {second + 1}"] = {"accepted": good, "refused": refused,
                                                               "refused_p99_us": report["refused"]["p99"]}
        lab.stop(server)
    part.table("Overload", ["limit", "second", "CPU us", "accepted", "refused", "statuses", "other errors",
                            "p99 ms", "p99 ms of refusals", "slowest refusal ms"], rows)


def promises(lab, part, bodies):
    servers = {ack: sluiced(lab, f"ack = {ack}") for ack in ("fsync", "write", "memory")}
    loads = {(ack, size): (lambda server=server, body=body: post(lab, server, body, "-c", CONNECTIONS))
             for ack, server in servers.items() for size, body in ((1, bodies.one), (BATCH, bodies.batch))}
    hello = servers["fsync"]
    loads["hello"] = lambda: lab.load(hello, hello.tcp, "--mode", "http", "--key", "/hello", "-c", CONNECTIONS)
    runs = lab.in_turns(loads)
    rows = []
    for (ack, size), reports in ((key, value) for key, value in runs.items() if key != "hello"):
        rows.append([ack, size, figure(reports, "server", "cpu_us", scale=1 / size).text(),
                     figure(reports, "requests_s", scale=size * 1e-3).text(1),
                     figure(reports, "latency", "p50", scale=1e-3).text(1),
                     figure(reports, "latency", "p99", scale=1e-3).text(1)])
    part.table(f"Records of 200 bytes at {CONNECTIONS} connections",
               ["ack", "records a POST", "CPU us a record", "k records/s", "p50 ms", "p99 ms"], rows)
    rate = {key: values(reports, "requests_s") for key, reports in runs.items()}
    cpu = {key: values(reports, "server", "cpu_us") for key, reports in runs.items()}
    part.ratio("ingest_memory_fsync", "throughput, ack from memory / fsync",
               ratios(rate["memory", 1], rate["fsync", 1]), 1 / 0.8)
    part.ratio("ingest_hello", "server CPU, small POST with fsync / HTTP hello",
               ratios(cpu["fsync", 1], cpu["hello"]), 2)
    work, most = figure(runs["fsync", 1], "server", "cpu_us"), Figure.of(rate["fsync", 1])
    part.claim("ingest_work", "ingestion: work of a POST of one record, measured: server CPU with fsync", "34 us",
               f"{work.text(1)} us", work.median <= 34)
    part.claim("ingest_rate", "ingestion: POSTs of one record with fsync", "20,000/s at most", f"{most.text(0)}/s",
               most.median >= 20000)
    records = [BATCH * value for value in rate["fsync", BATCH]]
    part.ratio("ingest_batches", f"100,000 / records a second in batches of {BATCH} with fsync",
               Figure.of([100000 / value for value in records]), 1, beside=f"{Figure.of(records).text(0)} a second")


def run(lab, part):
    bodies = Bodies(lab)
    promises(lab, part, bodies)
    overload(lab, part, bodies)
    study_table(lab, part, bodies)
    part.notes.append("The baselines write to a file and wait for nothing; sluiced fsync has the record on the disk "
                      "when it answers. Success: replies within the second of the measurement, against the intended "
                      "rate, so what the load generator could not send in time is missing too. Context switches "
                      "include start and end.")
