"""The gateway in front of real servers: nginx, and node for server-sent events and an upgraded connection."""
import hashlib
import os
import shutil
import socket
import subprocess
import time
import unittest

from daemon import until
from gateway_case import GatewayCase
from http1 import head

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
NODE = shutil.which("node")

NGINX_CONFIG = """
{user} daemon off; worker_processes 1; pid {dir}/pid; error_log {dir}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off; keepalive_timeout {keepalive}; keepalive_requests 1000000; client_max_body_size 100m;
    client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
    uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
    server {{
        listen 127.0.0.1:{port}; root {dir}/www; gzip on; gzip_proxied any; gzip_min_length 1; gzip_types text/plain;
        location = /hello {{ return 200 "hello"; }}
    }}
}}
"""

NODE_SCRIPT = """
const http = require('http');
const server = http.createServer((request, response) => {
    response.writeHead(200, {'Content-Type': 'text/event-stream'});
    let n = 0;
    const timer = setInterval(() => {
        response.write(`data: ${n++}\\n\\n`);
        if (n === 5) { clearInterval(timer); response.end(); }
    }, 10);
});
server.on('upgrade', (request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n\\r\\n');
    socket.pipe(socket);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@unittest.skipUnless(NGINX, "nginx is not installed")
class Nginx(GatewayCase):
    def nginx(self, keepalive="75s"):
        directory, port = self.directory({"www/file": os.urandom(3_000_000),
                                          "www/text.txt": b"text " * 5000}), free_port()
        config = directory / "nginx.conf"
        config.write_text(NGINX_CONFIG.format(dir=directory, port=port, keepalive=keepalive,
                                              user="" if os.geteuid() else "user root;"))
        process = subprocess.Popen([NGINX, "-c", config], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)

        def listens():
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return True
            except OSError:
                return False
        until(listens, "nginx listens")
        return directory, f"tcp:127.0.0.1:{port}"

    def test_files(self):
        directory, address = self.nginx()
        daemon = self.gateway(address)
        client = self.open(daemon)
        want = hashlib.sha256((directory / "www/file").read_bytes()).hexdigest()
        for _ in range(5):
            self.assertEqual(hashlib.sha256(client.fetch("/file").body).hexdigest(), want)
        self.assertEqual(client.fetch("/file", "Range: bytes=10-19").status, 206)
        response = client.fetch("/text.txt", "Accept-Encoding: gzip")
        self.assertEqual((response.get("Content-Encoding"), response.chunked), ("gzip", True))
        etag = client.ask("HEAD", "/file").get("ETag")
        self.assertEqual(client.fetch("/file", f"If-None-Match: {etag}").status, 304)
        counters = daemon.stats()["upstream"][f"api {address}"]
        self.assertEqual((counters["misses"], counters["hits"]), (1, 8))

    def test_short_keepalive(self):
        """nginx that closes after a second: clients never see it."""
        _, address = self.nginx(keepalive="1s")
        daemon = self.gateway(address)
        closes = 0

        def learned():
            """Was a closing seen when it happened? On a busy machine it may be seen late."""
            nonlocal closes
            start, closes = time.monotonic(), closes + 1
            self.fetch(daemon, "/hello")
            until(lambda: daemon.stats()["upstream"][f"api {address}"]["idle_closes"] == closes, "a closing is seen")
            return time.monotonic() - start < 1.1
        until(learned, "a closing is seen in time")
        for pause in (0.7, 0.79, 0.81, 0.9, 0.95, 0.99, 1.0, 1.01):
            self.fetch(daemon, "/hello")
            time.sleep(pause)
            self.assertIn(self.fetch(daemon, "/hello", method="POST", body=b"x").status, (200, 405))
        self.assertEqual(daemon.stats()["upstream"][f"api {address}"]["stale_reuse"], 0)


@unittest.skipUnless(NODE, "node is not installed")
class Node(GatewayCase):
    def setUp(self):
        process = subprocess.Popen([NODE, "-e", NODE_SCRIPT], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.daemon_ = self.gateway(f"tcp:127.0.0.1:{process.stdout.readline().strip()}")

    def test_events(self):
        response = self.fetch(self.daemon_, "/")
        self.assertEqual(response.body, b"".join(b"data: %d\n\n" % i for i in range(5)))

    def test_upgrade(self):
        client = self.open(self.daemon_)
        client.send(head("GET", "/", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
        self.assertEqual(client.response().status, 101)
        data = os.urandom(500_000)
        client.send_in_background(data)
        self.assertEqual(client.take(len(data)), data)
