"""JSON-RPC and MCP: tools/call of a trivial tool, on keep-alive HTTP and pipelined on sockets; what idle ones cost."""
import contextlib
import json

from lab import Failed, Figure, connect, figure, idle_connections, ratios, values

TITLE = "JSON-RPC and MCP: calls of a trivial tool, beside the HTTP hello"

CONNECTIONS = 10000
SESSIONS = 20000
# name, words, address, arguments
CASES = [
    ("hello", "HTTP hello", "tcp", ["--mode", "http", "--key", "/hello"]),
    ("post", "JSON-RPC echo, POST /rpc", "tcp", ["--mode", "rpc", "--key", "echo", "--over", "http"]),
    ("mcp", "tools/call, POST /mcp", "tcp", ["--mode", "mcp", "--over", "http"]),
    ("lines", "tools/call, lines over TCP, pipelined 16", "tcp", ["--mode", "mcp", "--pipeline", 16]),
    ("unix", "tools/call, lines over Unix, pipelined 16", "unix", ["--mode", "mcp", "--pipeline", 16]),
    ("frames", "tools/call, MCP1 frames over Unix, pipelined 16", "unix",
     ["--mode", "mcp", "--over", "frame", "--pipeline", 16]),
]
# case, requests a second at least
GOALS = [("mcp", 50000), ("lines", 100000), ("unix", 100000)]

PING = b'{"jsonrpc":"2.0","method":"ping","id":1}\n'
INITIALIZE = json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
    "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}})


def calls(lab, part):
    server = lab.sluiced("--demo-routes", "yes")
    runs = lab.in_turns({
        name: (lambda kind=kind, words=words: lab.load(server, getattr(server, kind), "-c", 50, *words))
        for name, _, kind, words in CASES})
    cpu = {name: values(reports, "server", "cpu_us") for name, reports in runs.items()}
    part.ratio("rpc_cpu", "tools/call over HTTP: server CPU, against the hello", ratios(cpu["mcp"], cpu["hello"]), 2.5)
    for name, goal in GOALS:
        part.ratio(f"rpc_{name}", f"{goal} tools/call a second / those reached: {name}",
                   Figure.of([goal / rate for rate in values(runs[name], "requests_s")]), 1,
                   beside=f"{figure(runs[name], 'requests_s').text(0)} a second")
    part.table("", ["calls", "CPU us", "k a second", "p50 us", "p99 us"],
               [[words, figure(runs[name], "server", "cpu_us").text(),
                 figure(runs[name], "requests_s", scale=1e-3).text(1), figure(runs[name], "latency", "p50").text(0),
                 figure(runs[name], "latency", "p99").text(0)] for name, words, _, _ in CASES])
    for name, _, _, _ in CASES:
        part.figures[f"{name}_cpu_us"] = figure(runs[name], "server", "cpu_us").json()
        part.figures[f"{name}_s"] = figure(runs[name], "requests_s").json()


def idle(lab, part):
    """Connections that were asked for a ping once."""
    server = lab.sluiced(name="idle")
    lab.load(server, server.unix, "--mode", "rpc", "-c", 100)
    before = server.rss()
    with idle_connections(server.unix, CONNECTIONS, PING):
        grown = (server.rss() - before) / CONNECTIONS
    part.ratio("rpc_bytes", f"memory of one of {CONNECTIONS} idle JSON-RPC connections (VmRSS)", Figure.of([grown]),
               512, unit=" B")
    part.figures["bytes_per_idle_connection"] = grown


def sessions(lab, part):
    """MCP sessions over HTTP, which are nothing but their signed id."""
    server = lab.sluiced(name="sessions")
    head = ("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(INITIALIZE)}\r\n\r\n")
    with contextlib.closing(connect(server.unix)) as connection:
        def initialize(count):
            for _ in range(count):
                connection.sendall((head + INITIALIZE).encode())
                if b"Mcp-Session-Id" not in connection.recv(4096):
                    raise Failed("initialize without a session")
        initialize(1000)
        before = server.rss()
        initialize(SESSIONS)
        grown = (server.rss() - before) / SESSIONS
    part.ratio("rpc_session", f"memory of one of {SESSIONS} idle MCP sessions (VmRSS)", Figure.of([grown]), 1,
               unit=" B")
    part.figures["bytes_per_session"] = grown


def run(lab, part):
    calls(lab, part)
    idle(lab, part)
    sessions(lab, part)
