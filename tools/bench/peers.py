"""Other servers, when they are installed (tools/setup.sh --bench), configured to be compared fairly: one process or
thread on one core, no access log, connections kept for ever, sendfile, and what each offers for asking less often of
the file system (sluiced looks again after a second at most).

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

# Pieces of 256 KiB, as lighttpd has them: the caches hold one until its reader is there, which costs less than the
# 2 MiB of the default.
NGINX = """
%(user)s daemon off; master_process off; pid %(directory)s/nginx.pid; error_log /dev/null crit;
events { worker_connections 8192; }
http {
    access_log off; sendfile on; tcp_nopush on; sendfile_max_chunk 256k;
    keepalive_requests 100000000; keepalive_timeout 600s;
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
server.document-root = "%(directory)s/files"
server.event-handler = "linux-sysepoll"
server.network-backend = "sendfile"
server.max-fds = 16384
server.max-connections = 8192
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 60
server.stat-cache-engine = "simple"
"""

# Threads, not processes: one thread is one core's worth. Its handles of open files are its own cache.
H2O = """
num-threads: 1
%(h2o_user)s
pid-file: %(directory)s/h2o.pid
error-log: /dev/null
max-connections: 8192
http1-request-timeout: 60
file.send-gzip: OFF
listen:
  host: 127.0.0.1
  port: %(port)d
hosts:
  default:
    paths:
      /:
        file.dir: %(directory)s/files
"""

HAPROXY = """
global
    nbthread 1
    maxconn 8000
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend hello
    bind 127.0.0.1:%(port)d
    http-request return status 200 content-type application/json string '%(hello)s'
"""


def free_ports(count):
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def find(program):
    return shutil.which(program, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")


def launch(lab, name, command, port, cpus=None):
    """A program that does not say when it is ready, but listens at this port then."""
    announced = f'echo "ready: tcp:127.0.0.1:{port}" >&2; exec "$@" 2>/dev/null'
    peer = lab.start(name, ["sh", "-c", announced, name, *command], cpus)
    end = time.monotonic() + PATIENCE
    while True:
        try:
            connect(peer.tcp).close()
            return peer
        except OSError:
            if time.monotonic() > end:
                raise Failed(f"{name} does not listen") from None
            time.sleep(0.02)


def start(lab, name, config, command):
    """command: the words to start it with, given program and configuration file."""
    program = find(name)
    if not program:
        return None
    port, = free_ports(1)
    file = lab.directory / f"{name}.conf"
    file.write_text(config % {"port": port, "directory": lab.directory, "tree": lab.tree, "hello": HELLO,
                              "user": "user root;" if os.geteuid() == 0 else "",
                              "h2o_user": "user: root" if os.geteuid() == 0 else ""})
    return launch(lab, name, command(program, file), port)


def nginx(lab):
    return start(lab, "nginx", NGINX, lambda program, file: [program, "-c", file])


def files(lab):
    """A document root for servers that know nothing but files."""
    root = lab.directory / "files"
    if not root.exists():
        root.mkdir()
        (root / "objects").symlink_to(lab.tree)
        (root / "hello").write_text(HELLO)


def lighttpd(lab):
    files(lab)
    return start(lab, "lighttpd", LIGHTTPD, lambda program, file: [program, "-D", "-f", file])


def h2o(lab):
    files(lab)
    return start(lab, "h2o", H2O, lambda program, file: [program, "-m", "worker", "-c", file])


def haproxy(lab):
    return start(lab, "haproxy", HAPROXY, lambda program, file: [program, "-db", "-f", file])


def all_of(lab):
    """{name: server} of those that are installed."""
    servers = {start.__name__: start(lab) for start in (nginx, haproxy, lighttpd, h2o)}
    return {name: server for name, server in servers.items() if server}


def note_missing(part, servers):
    missing = sorted({"nginx", "haproxy", "lighttpd", "h2o"} - set(servers))
    if missing:
        part.notes.append(f"Not installed: {', '.join(missing)} (tools/setup.sh --bench).")
