"""Other servers, when they are installed (tools/setup.sh --bench), configured to be compared fairly: one process on one
core, no access log, connections kept for ever, sendfile, and what each offers for asking less often of the file system
(sluiced looks again after a second at most).

    peers.nginx(lab) -> Server, or None: not installed
"""
import contextlib
import os
import shutil
import socket
import time

from lab import Failed, connect

PATIENCE = 10  # seconds until a peer listens
HELLO = '{"message":"Hello, World!"}'

NGINX = """
%(user)s daemon off; master_process off; pid %(directory)s/nginx.pid; error_log /dev/null crit;
events { worker_connections 4096; }
http {
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
    open_file_cache max=1000; open_file_cache_valid 1s;
    client_body_temp_path %(directory)s/b; proxy_temp_path %(directory)s/p; fastcgi_temp_path %(directory)s/f;
    uwsgi_temp_path %(directory)s/u; scgi_temp_path %(directory)s/s;
    server {
        listen 127.0.0.1:%(port)d backlog=4096;
        location /hello { default_type application/json; return 200 '%(hello)s'; }
        location /objects/ { alias %(tree)s/; }
    }
}
"""

LIGHTTPD = """
server.bind = "127.0.0.1"
server.port = %(port)d
server.document-root = "%(directory)s/lighttpd"
server.event-handler = "linux-sysepoll"
server.network-backend = "sendfile"
server.max-fds = 8192
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 60
server.stat-cache-engine = "simple"
"""

HAPROXY = """
global
    nbthread 1
    maxconn 4000
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend hello
    bind 127.0.0.1:%(port)d
    http-request return status 200 content-type application/json string '%(hello)s'
"""


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find(program):
    return shutil.which(program, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")


def start(lab, name, config, command):
    """A program that does not say when it is ready. command: its words, given program and configuration file."""
    program = find(name)
    if not program:
        return None
    port = free_port()
    file = lab.directory / f"{name}.conf"
    file.write_text(config % {"port": port, "directory": lab.directory, "tree": lab.tree, "hello": HELLO,
                              "user": "user root;" if os.geteuid() == 0 else ""})
    announced = f'echo "ready: tcp:127.0.0.1:{port}" >&2; exec "$@" 2>/dev/null'
    peer = lab.start(name, ["sh", "-c", announced, name, *command(program, file)])
    end = time.monotonic() + PATIENCE
    while True:
        try:
            connect(peer.tcp).close()
            return peer
        except OSError:
            if time.monotonic() > end:
                raise Failed(f"{name} does not listen") from None
            time.sleep(0.02)


def nginx(lab):
    return start(lab, "nginx", NGINX, lambda program, file: [program, "-c", file])


def lighttpd(lab):
    root = lab.directory / "lighttpd"
    root.mkdir(exist_ok=True)
    if not (root / "objects").exists():
        (root / "objects").symlink_to(lab.tree)
        (root / "hello").write_text(HELLO)
    return start(lab, "lighttpd", LIGHTTPD, lambda program, file: [program, "-D", "-f", file])


def haproxy(lab):
    return start(lab, "haproxy", HAPROXY, lambda program, file: [program, "-db", "-f", file])
