"""Routes on the loop beside one that computes: what a worker on the loop's own core costs them, against a plain busy
program there; and how they fare when the same route runs on the loop."""
from lab import beside, figure, ratios, values

TITLE = "/hello beside /fib/35, server and its one worker on one core"
CLIENTS = 10
LIMIT = 2  # of p99, beside a worker over beside a busy program


def run(lab, part):
    options = ("--demo-routes", "yes", "--handler-threads", 1)
    workers, inline = lab.sluiced(*options), lab.sluiced(*options, "--workers", "off", name="inline")

    bench = lab.program("sluice-bench")

    def hello(server):
        return lab.load(server, server.tcp, "--mode", "http", "--key", "/hello", "-c", CLIENTS, seconds=2 * lab.seconds)

    def beside_fib(server):
        with beside([bench, "-s", server.tcp, "--mode", "http", "--key", "/fib/35", "-c", 2, "-d", 60], lab.load_cpus):
            return hello(server)

    def beside_busy_program():
        with beside(["python3", "-c", "while True: pass"], lab.server_cpus):
            return hello(workers)

    runs = lab.in_turns({"nothing": lambda: hello(workers), "a busy program": beside_busy_program,
                         "/fib/35 on a worker": lambda: beside_fib(workers),
                         "/fib/35 on the loop": lambda: beside_fib(inline)})
    part.ratio("handlers_p99", "/hello beside /fib/35 on a worker: p99 / beside a busy program",
               ratios(*(values(runs[label], "latency", "p99") for label in ("/fib/35 on a worker", "a busy program"))),
               LIMIT)
    rows = []
    for label, reports in runs.items():
        spread = {q: figure(reports, "latency", q) for q in ("p50", "p99", "p999")}
        part.figures[label] = {q: value.json() for q, value in spread.items()}
        rows.append([label, figure(reports, "server", "cpu_us").text(),
                     figure(reports, "requests_s", scale=1e-3).text(1), *(value.text(0) for value in spread.values())])
    part.notes.append("CPU is the whole server's: with /fib/35 it is in it.")
    part.table("", ["/hello beside", "CPU us", "k requests/s", "p50 us", "p99 us", "p99.9 us"], rows)
