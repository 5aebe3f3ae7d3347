"""The gateway where it is full: bulk through a tunnel beside HAProxy, closes for each request, many clients over few
upstream connections."""
from lab import Failed, figure, ratios, values
from parts.gateway import start_all
from peers import free_ports

TITLE = "gateway: bulk, closes, 10,000 clients over 64 connections"

CLIENTS = 10000
UPSTREAM_CONNECTIONS = 64

CROWD = """
upstream "nginx" {{ servers = {{"{server}"}} max_connections = {connections} max_pending = {clients}
                    timeout_pending = 60 }}
route "/*" {{ upstream = "nginx" }}
listen "tcp:127.0.0.1:{port}" {{ }}
"""


def bulk(lab, part, gateways):
    """1 GiB in one answer: bytes a second, and the CPU time that they cost."""
    loads = {name: lambda server=server, address=addresses["tcp"]: lab.load(
        server, address, "--mode", "http", "--key", "/1g", "-c", 1, "--requests", 2)
        for name, (server, addresses) in gateways.items()}
    runs = lab.in_turns(loads, 3)
    rows = []
    for name, reports in runs.items():
        rows.append([name, figure(reports, "server", "cpu_us", scale=1e-3).text(0),
                     figure(reports, "requests_s").text()])
    part.table("1 GiB through the tunnel; HAProxy with its default buffers", ["gateway", "CPU ms", "GiB/s"], rows)
    if "haproxy" in runs:
        speed = {name: values(reports, "requests_s") for name, reports in runs.items()}
        part.figures["bulk, speed of sluiced / haproxy"] = ratios(speed["sluiced"], speed["haproxy"]).json()


def crowd(lab, part, upstream):
    port, = free_ports(1)
    file = lab.directory / "crowd.conf"
    file.write_text(CROWD.format(server=upstream, connections=UPSTREAM_CONNECTIONS, clients=2 * CLIENTS, port=port))
    server = lab.sluiced("-c", file, "--connections", CLIENTS + 100, name="crowd")
    report = lab.load(server, f"tcp:127.0.0.1:{port}", "--mode", "http", "--key", "/small", "-c", CLIENTS,
                      seconds=2 * lab.seconds)
    endpoint, = lab.stats(server)["upstream"].values()
    if endpoint["connects"] - endpoint["closes"] > UPSTREAM_CONNECTIONS:
        raise Failed(f"{endpoint['connects']} upstream connections")
    part.figures["errors of 10,000 clients"] = report["errors"]["total"]
    part.table(f"{CLIENTS} clients over {UPSTREAM_CONNECTIONS} upstream connections",
               ["CPU us", "requests", "errors", "p50 ms", "p99 ms", "upstream connections opened", "closes a request"],
               [[f"{report['server']['cpu_us']:.2f}", report["requests"], report["errors"]["total"],
                 f"{report['latency']['p50'] / 1e3:.0f}", f"{report['latency']['p99'] / 1e3:.0f}", endpoint["connects"],
                 f"{endpoint['closes'] / max(1, endpoint['requests']):.6f}"]])


def closes_per_request(lab, server, address, more):
    arguments = ["--mode", "http", "--key", "/small", "-c", 50, "--requests", 20000, *more]
    lab.load(server, address, *arguments)  # fills the pool
    before = lab.stats(server)["reactor"]["ledger_closed"]
    report = lab.load(server, address, *arguments)
    return (lab.stats(server)["reactor"]["ledger_closed"] - before) / report["requests"]


def run(lab, part):
    gateways = start_all(lab)
    bulk(lab, part, gateways)
    server, addresses = gateways["sluiced"]
    for words, more in (("keep-alive", []), ("one-shot", ["--requests-per-conn", 1])):
        closes = closes_per_request(lab, server, addresses["http"], more)
        part.figures[f"closes per request, {words}"] = closes
        part.notes.append(f"{words} clients: {closes:.6f} closes for each request, all descriptors counted.")
    upstream = next(iter(lab.stats(server)["upstream"])).split(" ", 1)[1]
    crowd(lab, part, upstream)
