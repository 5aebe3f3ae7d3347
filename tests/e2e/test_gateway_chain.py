"""client -> Unix sidecar -> TCP gateway -> service: each hop is killed under traffic, reports it, and comes back."""
import pathlib
import subprocess
import sys
import threading

from daemon import until
from gateway_case import GatewayCase
from http1 import HttpClient

SERVICE = ("import sys; from upstream import Upstream; "
           "print(Upstream(port=int(sys.argv[1])).port, flush=True); sys.stdin.read()")


class Service:
    """An upstream in a process of its own, which can be killed and started again on its port."""

    def __init__(self):
        self.port = 0
        self.start()

    def start(self):
        self.process = subprocess.Popen([sys.executable, "-c", SERVICE, str(self.port)], text=True,
                                        stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, cwd=pathlib.Path(__file__).parent)
        self.port = int(self.process.stdout.readline())
        self.address = f"tcp:127.0.0.1:{self.port}"

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Traffic:
    """Clients that ask without a pause, each on one connection as long as that lasts. outcomes: statuses, or "cut"."""

    def __init__(self, address, clients=4):
        self.address = address
        self.over = False
        self.outcomes = []
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _run(self):
        while not self.over:
            try:
                with HttpClient(self.address) as client:
                    while not self.over:
                        response = client.ask("GET", "/ok")
                        self.outcomes.append(response.status)
                        if response.closes:
                            break
            except (OSError, EOFError):
                self.outcomes.append("cut")
                threading.Event().wait(0.01)

    def wait(self, what, count=20):
        """Until count more outcomes of what have come."""
        start = len(self.outcomes)
        until(lambda: self.outcomes[start:].count(what) >= count, f"{count} times {what}")

    def stop(self):
        self.over = True
        for thread in self.threads:
            thread.join()


class Chain(GatewayCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(lambda: self.service.kill())
        self.start_gateway("tcp:127.0.0.1:0")
        self.side = f"unix:{self.directory()}/side.sock"
        self.start_sidecar()

    def tearDown(self):
        """From the client's end on, for each keeps idle connections to the next."""
        self.sidecar.check_rest()
        self.sidecar.stop()
        self.front.check_rest()

    def start_gateway(self, listen):
        self.front = self.gateway(self.service, listen=(listen,))

    def start_sidecar(self):
        self.sidecar = self.gateway(self.front.tcp, listen=(self.side,))

    def kill(self, daemon):
        daemon.kill()
        daemon.process.returncode = 0  # as it was meant

    def ask(self):
        with HttpClient(self.side) as client:
            return client.ask("GET", "/ok")

    def during(self, kill, error, start):
        """Traffic while a hop dies and comes back: outcomes."""
        traffic = Traffic(self.side)
        try:
            traffic.wait(200)
            kill()
            traffic.wait(error)
            start()
            traffic.wait(200)
        finally:
            traffic.stop()
        return set(traffic.outcomes)

    def test_service_is_killed(self):
        outcomes = self.during(self.service.kill, 502, self.service.start)
        self.assertEqual(outcomes, {200, 502})

    def test_gateway_is_killed(self):
        outcomes = self.during(lambda: self.kill(self.front), 502, lambda: self.start_gateway(self.front.tcp))
        self.assertEqual(outcomes, {200, 502}, "the sidecar knows who is missing; no client loses its connection")

    def test_sidecar_is_killed(self):
        outcomes = self.during(lambda: self.kill(self.sidecar), "cut", self.start_sidecar)
        self.assertEqual(outcomes, {200, "cut"})

    def test_errors_say_who_failed(self):
        self.assertEqual(self.ask().status, 200)
        self.service.kill()
        answer = self.ask()
        self.assertEqual((answer.status, b"no server took the connection" in answer.body), (502, True), answer.body)
        self.assertGreater(self.front.counter("gateway", "bad_gateway"), 0)
        self.assertEqual(self.sidecar.counter("gateway", "bad_gateway"), 0, "it only passes on what the gateway says")
        self.kill(self.front)
        answer = self.ask()
        self.assertEqual((answer.status, b"no server took the connection" in answer.body), (502, True), answer.body)
        self.assertEqual(self.sidecar.counter("gateway", "bad_gateway"), 1)
        self.start_gateway(self.front.tcp)
        self.service.start()
        self.assertEqual(self.ask().status, 200)
