"""NATS servers with JetStream on loopback, alone or as a cluster, and a client of their text protocol.

    Cluster(3, directory).start() -> servers with .url, .pid      Nats(url).read("SLUICE") -> every message of a stream
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess

from daemon import Daemon, until
from slc import TIMEOUT

PROGRAM = shutil.which("nats-server") or next(
    (path for path in ("/usr/sbin/nats-server",) if os.access(path, os.X_OK)), None)

SOON = 1  # seconds for an answer of a server that may not have one yet


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class Server:
    def __init__(self, name, directory, port, cluster_port=None, routes=(), limits=""):
        self.url = f"nats://127.0.0.1:{port}"
        self.port = port
        self.directory = pathlib.Path(directory) / name
        self.directory.mkdir()
        self.config = self.directory / "server.conf"
        cluster = "" if cluster_port is None else (
            f"cluster {{ name: test, listen: \"127.0.0.1:{cluster_port}\", routes: ["
            + ", ".join(f'"nats://127.0.0.1:{port}"' for port in routes) + "] }\n")
        self.config.write_text(f"server_name: {name}\nlisten: \"127.0.0.1:{port}\"\n{limits}\n"
                               f"jetstream {{ store_dir: \"{self.directory}/store\" }}\n{cluster}")
        self.process = None

    def start(self):
        log = open(self.directory / "log", "ab")
        self.process = subprocess.Popen([PROGRAM, "-c", self.config], stdin=subprocess.DEVNULL, stdout=log,
                                        stderr=log, preexec_fn=lambda: Daemon._in_child(None, None))
        log.close()
        return self

    def kill(self, number=signal.SIGKILL):
        if self.process:
            self.process.send_signal(number)
            self.process.wait(TIMEOUT)
            self.process = None

    def client(self, timeout=TIMEOUT):
        return Nats(self.port, timeout)


class Cluster:
    """Servers that make one JetStream; a single one is no cluster."""

    def __init__(self, count, directory, limits=""):
        ports = free_ports(2 * count)
        own, routes = ports[:count], ports[count:]
        self.servers = [Server(f"n{i}", directory, own[i], routes[i] if count > 1 else None, routes, limits)
                        for i in range(count)]

    def start(self):
        for server in self.servers:
            server.start()
        for server in self.servers:
            until(lambda server=server: self._ready(server), "JetStream is ready", 3 * TIMEOUT)
        return self

    @staticmethod
    def _ready(server):
        try:
            with server.client(SOON) as client:  # without a leader there is no answer
                return "error" not in client.api("INFO")
        except (OSError, EOFError):
            return False

    def stop(self):
        for server in self.servers:
            server.kill()

    @property
    def urls(self):
        return [server.url for server in self.servers]

    def any(self, timeout=TIMEOUT):
        """A client of a server that lives."""
        return next(server for server in self.servers if server.process).client(timeout)

    def leader(self, stream):
        """The server that leads a stream."""
        def find():
            try:
                with self.any(SOON) as client:
                    name = client.api(f"STREAM.INFO.{stream}").get("cluster", {}).get("leader")
            except OSError:
                return None
            return next((server for server in self.servers if server.process and server.directory.name == name), None)
        return until(find, "a leader", 3 * TIMEOUT)


class Message:
    def __init__(self, subject, reply, headers, data):
        self.subject, self.reply, self.headers, self.data = subject, reply, headers, data


class Nats:
    def __init__(self, port, timeout=TIMEOUT):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.file = self.socket.makefile("rb")
        self.numbers = 0
        self.waiting = []  # messages that came while an answer was waited for
        json.loads(self._line().removeprefix("INFO "))
        self._send('CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nPING\r\n')
        while self._line() != "PONG":
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def _send(self, text, data=b"", end=b""):
        self.socket.sendall(text.encode() + data + end)

    def _line(self):
        line = self.file.readline()
        if not line:
            raise EOFError("the server has closed the connection")
        return line.decode().rstrip("\r\n")

    def receive(self):
        """The next message."""
        return self.waiting.pop(0) if self.waiting else self._receive()

    def _receive(self):
        while True:
            words = self._line().split(" ")
            if words[0] == "PING":
                self._send("PONG\r\n")
            if words[0] not in ("MSG", "HMSG"):
                continue
            headers_n = int(words[-2]) if words[0] == "HMSG" else 0
            data = self.file.read(int(words[-1]) + 2)[:-2]
            reply = words[3] if len(words) == (6 if headers_n else 5) else None
            lines = data[:headers_n].decode().split("\r\n")[1:]
            headers = dict(line.split(": ", 1) if ": " in line else line.split(":", 1) for line in lines if line)
            return Message(words[1], reply, headers, data[headers_n:])

    def subscribe(self):
        self.numbers += 1
        subject = f"_INBOX.{os.getpid()}.{id(self)}.{self.numbers}"
        self._send(f"SUB {subject} {self.numbers}\r\n")
        return subject

    def api(self, action, **body):
        """A request of the JetStream API; its answer."""
        subject = self.subscribe()
        data = json.dumps(body).encode() if body else b""
        self._send(f"PUB $JS.API.{action} {subject} {len(data)}\r\n", data, b"\r\n")
        while (answer := self._receive()).subject != subject:
            self.waiting.append(answer)
        return json.loads(answer.data) if answer.data else {"error": answer.headers}

    def messages(self, stream):
        """How many a stream has."""
        return self.api(f"STREAM.INFO.{stream}").get("state", {}).get("messages", 0)

    def read(self, stream):
        """All messages of a stream, as a consumer gets them."""
        count, subject = self.messages(stream), self.subscribe()
        answer = self.api(f"CONSUMER.CREATE.{stream}", stream_name=stream,
                          config={"deliver_subject": subject, "ack_policy": "none", "deliver_policy": "all"})
        assert "error" not in answer, answer
        return [self.receive() for _ in range(count)]

    def samples(self, stream):
        """The samples in them, each a dict."""
        return [json.loads(line) for message in self.read(stream) for line in message.data.splitlines()]
