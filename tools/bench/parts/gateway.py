"""The gateway beside HAProxy, both in front of the same nginx: reverse proxy and L4 tunnel.

Both have one thread and keep connections to nginx open. HAProxy may splice where it finds that better, and has its
default buffers of 16 KiB, which small messages are cheapest with; what larger ones do for bulk is beside it."""
import os

from lab import KIB, Failed, figure, ratios, size_text, values
from peers import find, free_ports, launch

TITLE = "gateway: reverse proxy and tunnel"

NGINX = """
{user} daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log /dev/null crit;
events {{ worker_connections 4096; }}
http {{
    access_log off; sendfile on; keepalive_requests 100000000;
    client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
    uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
    server {{
        listen 127.0.0.1:{port}; root {tree};
        location /small {{ default_type application/json; return 200 '{{"hello":"world","n":[1,2,3]}}'; }}
    }}
}}
"""

HAPROXY = """
global
    nbthread 1
    maxconn 4000
    tune.bufsize {bufsize}
defaults
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend http
    mode http
    bind 127.0.0.1:{http}
    default_backend http
backend http
    mode http
    http-reuse always
    server s 127.0.0.1:{port}
frontend tcp
    mode tcp
    option splice-auto
    bind 127.0.0.1:{tcp}
    default_backend tcp
backend tcp
    mode tcp
    option splice-auto
    server s 127.0.0.1:{port}
"""

SLUICED = """
upstream "nginx" {{ servers = {{"tcp:127.0.0.1:{port}"}} }}
route "/*" {{ upstream = "nginx" }}
listen "tcp:127.0.0.1:{http}" {{ }}
tunnel "tcp:127.0.0.1:{tcp}" {{ upstream = "nginx" }}
"""

LARGE = 128 * KIB  # buffers of HAProxy for bulk
LARGE_HAPROXY = f"haproxy, buffers of {size_text(LARGE)}"
SECONDS = 0.75
# name, what, kind, path, connections, limit of the ratio of CPU times
CASES = [
    ("proxy_small", "reverse proxy, small JSON", "http", "/small", 100, 0.9),
    ("proxy_1m", "reverse proxy, 1 MiB", "http", "/1m", 20, 1.0),
    ("tunnel_small", "tunnel, small JSON", "tcp", "/small", 100, 1.0),
    ("tunnel_1m", "tunnel, 1 MiB", "tcp", "/1m", 20, 1.0),
]


def configure(lab, name, text, **values):
    file = lab.directory / f"{name}.conf"
    file.write_text(text.format(dir=lab.directory, tree=lab.tree, **values))
    return file


def start_gateway(lab, name, port, bufsize=16 * KIB):
    """(server, {kind: address}) in front of what listens at port; bufsize: of HAProxy, for anything but sluiced."""
    http, tcp = free_ports(2)
    addresses = {"http": f"tcp:127.0.0.1:{http}", "tcp": f"tcp:127.0.0.1:{tcp}"}
    if name == "sluiced":
        file = configure(lab, name, SLUICED, port=port, http=http, tcp=tcp)
        return lab.sluiced("-c", file, name="gateway"), addresses
    file = configure(lab, f"haproxy-{bufsize}", HAPROXY, port=port, http=http, tcp=tcp, bufsize=bufsize)
    return launch(lab, name, [find("haproxy"), "-db", "-f", file], http, lab.server_cpus), addresses


def start_all(lab, large=False):
    """{name: (server, {kind: address})} of those that are installed. large: HAProxy with large buffers, too."""
    nginx = find("nginx")
    if not nginx:
        raise Failed("nginx is not installed")
    port, = free_ports(1)
    file = configure(lab, "nginx", NGINX, port=port, user="" if os.geteuid() else "user root;")
    launch(lab, "nginx", [nginx, "-c", file], port, lab.load_cpus)
    gateways = {"sluiced": start_gateway(lab, "sluiced", port)}
    if find("haproxy"):
        gateways["haproxy"] = start_gateway(lab, "haproxy", port)
        if large:
            gateways[LARGE_HAPROXY] = start_gateway(lab, LARGE_HAPROXY, port, LARGE)
    return gateways


def reuse(lab, server):
    """The share of requests on pooled connections, and closes for each request."""
    stats = lab.stats(server)
    endpoint, = stats["upstream"].values()
    uses = endpoint["hits"] + endpoint["misses"]
    return endpoint["hits"] / uses if uses else 0, endpoint["closes"] / max(1, endpoint["requests"])


def run(lab, part):
    gateways = start_all(lab, large=True)
    rows = []
    for case, words, kind, path, connections, limit in CASES:
        loads = {name: lambda server=server, address=addresses[kind]: lab.load(
            server, address, "--mode", "http", "--key", path, "-c", connections, seconds=SECONDS)
            for name, (server, addresses) in gateways.items()
            if name != LARGE_HAPROXY or path == "/1m"}
        runs = lab.in_turns(loads)
        if "haproxy" in runs:
            cpu = {name: values(reports, "server", "cpu_us") for name, reports in runs.items()}
            gain = ratios(cpu["sluiced"], cpu["haproxy"])
            part.ratio(f"gateway_{case}", f"gateway, {words}: server CPU, sluiced / HAProxy", gain, limit)
            part.figures[words] = gain.json()
        for name, reports in runs.items():
            part.figures[f"{case} {name} cpu_us"] = figure(reports, "server", "cpu_us").json()
        for name, reports in runs.items():
            rows.append([words, name, figure(reports, "server", "cpu_us").text(),
                         figure(reports, "requests_s", scale=1e-3).text(1), figure(reports, "latency", "p99").text(0)])
    part.table("", ["requests", "gateway", "CPU us", "k requests/s", "p99 us"], rows)
    share, closes = reuse(lab, gateways["sluiced"][0])
    part.figures["reuse"] = share
    part.figures["upstream closes per request"] = closes
    part.notes.append(f"Reuse ratio of upstream connections {share:.4f}, closes of them for each request {closes:.6f} "
                      "(the study found 23.7 in a broken gateway).")
    if "haproxy" not in gateways:
        part.notes.append("HAProxy is not installed: no peer.")
