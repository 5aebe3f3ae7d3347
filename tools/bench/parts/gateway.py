"""The gateway beside HAProxy, both in front of the same nginx: reverse proxy and L4 tunnel."""
import os

from lab import Failed, figure, ratios, values
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
defaults
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend http
    mode http
    http-reuse always
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

# name, what, kind, path, connections, limit of the ratio of CPU times
CASES = [
    ("proxy_small", "reverse proxy, small JSON", "http", "/small", 100, 0.9),
    ("proxy_1m", "reverse proxy, 1 MiB", "http", "/1m", 20, 1.0),
    ("tunnel_small", "tunnel, small JSON", "tcp", "/small", 100, 1.0),
    ("tunnel_1m", "tunnel, 1 MiB", "tcp", "/1m", 20, 1.0),
]


def start_all(lab):
    """{name: (server, {kind: address})} of those that are installed."""
    nginx, haproxy = find("nginx"), find("haproxy")
    if not nginx:
        raise Failed("nginx is not installed")
    port, *ports = free_ports(5)

    def config(name, text, **values):
        file = lab.directory / f"{name}.conf"
        file.write_text(text.format(dir=lab.directory, tree=lab.tree, port=port, **values))
        return file
    user = "" if os.geteuid() else "user root;"
    launch(lab, "nginx", [nginx, "-c", config("nginx", NGINX, user=user)], port, lab.load_cpus)
    gateways = {}
    http, tcp = ports[:2]
    server = lab.sluiced("-c", config("sluiced", SLUICED, http=http, tcp=tcp), name="gateway")
    gateways["sluiced"] = server, {"http": f"tcp:127.0.0.1:{http}", "tcp": f"tcp:127.0.0.1:{tcp}"}
    if haproxy:
        http, tcp = ports[2:]
        command = [haproxy, "-db", "-f", config("haproxy", HAPROXY, http=http, tcp=tcp)]
        server = launch(lab, "haproxy", command, http, lab.server_cpus)
        gateways["haproxy"] = server, {"http": f"tcp:127.0.0.1:{http}", "tcp": f"tcp:127.0.0.1:{tcp}"}
    return gateways


def reuse(lab, server):
    """The share of requests on pooled connections, and closes for each request."""
    stats = lab.stats(server)
    endpoint, = stats["upstream"].values()
    uses = endpoint["hits"] + endpoint["misses"]
    return endpoint["hits"] / uses if uses else 0, endpoint["closes"] / max(1, endpoint["requests"])


def run(lab, part):
    gateways = start_all(lab)
    rows = []
    for case, words, kind, path, connections, limit in CASES:
        loads = {name: lambda server=server, address=addresses[kind]: lab.load(
            server, address, "--mode", "http", "--key", path, "-c", connections)
            for name, (server, addresses) in gateways.items()}
        runs = lab.in_turns(loads)
        if "haproxy" in runs:
            cpu = {name: values(reports, "server", "cpu_us") for name, reports in runs.items()}
            gain = ratios(cpu["sluiced"], cpu["haproxy"])
            part.ratio(f"gateway_{case}", f"gateway, {words}: server CPU, sluiced / HAProxy", gain, limit)
            part.figures[words] = gain.json()
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
