"""What the socket-server study measured: connect, first reply, detection; and memory of idle connections."""
from lab import Figure, figure, idle_connections

TITLE = "connections: from connect to the first reply, and what an idle one costs"

IDLE = 5000
REPETITIONS = 3


def first_replies(lab, part):
    sluiced = lab.sluiced()
    rows = []
    for transport in ("unix", "tcp"):
        address = getattr(sluiced, transport)

        def ping(*arguments):
            return lab.load(sluiced, address, "--mode", "ping", "-c", 1, *arguments, cpus=lab.server_cpus, seconds=0.5)
        runs = lab.in_turns({"new": lambda: ping("--requests-per-conn", 1), "open": ping}, REPETITIONS)
        latency = {label: figure(reports, "latency", "p50") for label, reports in runs.items()}
        cpu = {label: figure(reports, "server", "cpu_us") for label, reports in runs.items()}
        rows.append([transport, latency["new"].text(1), latency["open"].text(1), cpu["new"].text(1),
                     cpu["open"].text(1), f"{cpu['new'].median - cpu['open'].median:.1f}"])
        part.figures[transport] = {"first_reply_us": latency["new"].json(), "reply_us": latency["open"].json()}
    part.table("A ping, client and server on one core: p50 and server CPU in us",
               ["transport", "connect to first reply", "reply on an open connection", "CPU, new connection",
                "CPU, open connection", "accept, detection and close"], rows)
    part.notes.append("The study measured 500 us for accept, 100 for a read and 200 for a dispatch, and set 50, 10, 20 "
                      "and, for detection, 1 us as targets: the last column is accept, detection and close together.")


def idle_memory(lab, part):
    starts = {"sluiced": lab.sluiced, "thread-per-connection": lambda: lab.baseline("thread-per-connection"),
              "request-pool 8": lambda: lab.baseline("request-pool")}
    rows = []
    for name, start in starts.items():
        server = start()
        lab.load(server, server.unix, "--mode", "fdpass", "--key", "4k", "-c", 100, seconds=0.2)
        before = server.rss()
        with idle_connections(server.unix, IDLE):
            server.await_connections(IDLE)
            grown = Figure.of([(server.rss() - before) / IDLE])
            rows.append([name, f"{grown.median:.0f}", server.threads()])
        part.figures[f"idle bytes, {name}"] = grown.median
    part.table(f"{IDLE} idle connections: growth of VmRSS for each", ["server", "bytes", "threads"], rows)


def run(lab, part):
    first_replies(lab, part)
    lab.stop_servers()
    idle_memory(lab, part)
