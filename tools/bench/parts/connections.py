"""What the socket-server study measured: connect to first reply, read, dispatch, detection.

Read and dispatch are told apart by pipelining: requests that come together share one read, one send and one wake-up, so
that what one of many costs is its dispatch, and what one alone costs beyond that is its reading and sending."""
import json
import subprocess

from lab import figure, on_cpus

TITLE = "connections: from connect to the first reply"

REPETITIONS = 3
TOGETHER = 64


def first_replies(lab, part):
    sluiced = lab.sluiced()
    rows = []
    for transport in ("unix", "tcp"):
        address = getattr(sluiced, transport)

        def ping(*arguments):
            return lab.load(sluiced, address, "--mode", "ping", "-c", 1, *arguments, cpus=lab.server_cpus, seconds=0.5)
        runs = lab.in_turns({"new": lambda: ping("--requests-per-conn", 1), "open": ping,
                             "together": lambda: ping("--pipeline", TOGETHER)}, REPETITIONS)
        latency = {label: figure(reports, "latency", "p50") for label, reports in runs.items()}
        cpu = {label: figure(reports, "server", "cpu_us") for label, reports in runs.items()}
        dispatch, whole = cpu["together"], cpu["open"]
        read = whole.median - dispatch.median
        accept = cpu["new"].median - whole.median
        rows.append([transport, cpu["new"].text(1), whole.text(1), f"{accept:.1f}", f"{read:.1f}", dispatch.text(),
                     latency["new"].text(1), latency["open"].text(1)])
        part.figures[transport] = {"first_reply_us": latency["new"].json(), "reply_us": latency["open"].json(),
                                   "read_us": read, "dispatch_us": dispatch.json()}
        part.claim(f"first_reply_{transport}", f"socket server: connect to first reply, {transport}", "50 us (was 500)",
                   f"p50 {latency['new'].text(1)} us", latency["new"].median <= 50)
        part.claim(f"accept_{transport}", f"object server: accept adds to a request, {transport}; measured: detection "
                   "and close, too", "5 us", f"CPU {accept:.1f} us", accept <= 5)
        part.claim(f"read_{transport}", f"socket server: read, {transport}; measured: all but the dispatch, the wait "
                   "and the send too", "10 us (was 100)", f"CPU {read:.1f} us", read <= 10)
        part.claim(f"dispatch_{transport}", f"socket server: dispatch, {transport}; measured: a request among "
                   f"{TOGETHER} that share a read and a send", "20 us (was 200)", f"CPU {dispatch.text()} us",
                   dispatch.median <= 20)
    part.table("A ping, client and server on one core: server CPU and p50 in us",
               ["transport", "CPU, new connection", "CPU, open connection", "of accept, detection and close",
                "of wait, read and send", "of dispatch", "p50, connect to first reply", "p50, open connection"], rows)


def detection(lab, part):
    """The daemon's own functions in a loop, by build/bare/detect."""
    done = subprocess.run([lab.program("bare/detect")], capture_output=True, text=True, check=True,
                          preexec_fn=on_cpus(lab.server_cpus))
    times = json.loads(done.stdout)
    request = times.pop("request")
    part.table("Telling a connection's protocol from its first bytes, and decoding an object request: ns",
               [*times, "object request"], [[*(f"{ns:.1f}" for ns in times.values()), f"{request:.1f}"]])
    worst = max(times.values())
    part.claim("detection", "socket server: protocol detection", "1 us", f"{worst / 1e3:.3f} us", worst <= 1000)
    part.figures["detection_ns"] = times


def run(lab, part):
    first_replies(lab, part)
    detection(lab, part)
