"""80% descriptors and 20% copies on the same connections: one pool against separate paths, and pool sizes."""
from lab import figure

TITLE = "mixed load: 80% fdpass, 20% copy of 100 KiB, 100 connections"

POOLS = [8, 16, 32, 64]
REPETITIONS = 3
CLAIMS = [("mixed_per_request", "thread-per-request", 12), ("mixed_one_pool", "request-pool 8", 60),
          ("mixed_separate", "sluiced --offload always --pool 8", 75), ("mixed_sluiced", "sluiced", 75)]


def queue_wait(lab, server):
    """p50 and p99 of the files pool's queue, in us."""
    wait = lab.stats(server)["offload"].get("files_wait")
    return f"{wait['p50'] / 1e3:.1f} / {wait['p99'] / 1e3:.1f}" if wait and wait["count"] else ""


def run(lab, part):
    servers = {f"request-pool {size}": lab.baseline("request-pool", size) for size in POOLS}
    servers["thread-per-request"] = lab.baseline("thread-per-request")
    servers["sluiced"] = lab.sluiced()
    always = {size: lab.sluiced("--offload", "always", "--pool", size, name=f"always{size}") for size in (2, *POOLS)}
    servers.update({f"sluiced --offload always --pool {size}": server for size, server in always.items()})
    loads = {name: (lambda server=server: lab.load(server, server.unix, "--mode", "mixed", "--fd-ratio", 0.8, "--key",
                                                   "100k", "-c", 100, seconds=0.5))
             for name, server in servers.items()}
    runs = lab.in_turns(loads, REPETITIONS)
    rows = []
    for name, reports in runs.items():
        waits = queue_wait(lab, servers[name]) if name.startswith("sluiced") else ""
        rows.append([name, figure(reports, "server", "cpu_us").text(),
                     figure(reports, "requests_s", scale=1e-3).text(1),
                     figure(reports, "fd", "p50").text(0), figure(reports, "fd", "p99").text(0),
                     figure(reports, "copy", "p50").text(0), figure(reports, "copy", "p99").text(0), waits])
        part.figures[name] = figure(reports, "server", "cpu_us").json()
    part.table("", ["server", "CPU us", "k requests/s", "fd p50 us", "fd p99 us", "copy p50 us", "copy p99 us",
                    "queue wait p50 / p99 us"], rows)
    for name, label, predicted in CLAIMS:
        rate = figure(runs[label], "requests_s", scale=1e-3)
        part.claim(name, f"object server: mixed load, {label}", f"{predicted} k/s a core", f"{rate.text(1)} k/s",
                   rate.median >= predicted)
    wait = lab.stats(always[8])["offload"]["files_wait"]["p50"] / 1e3
    part.claim("queue_wait", "object server: queue wait under load, pool of 8 (p50)", "10 us", f"{wait:.1f} us",
               wait <= 10)
    part.notes.append("One pool does both kinds of work in request-pool; sluiced --offload always separates them, "
                      "descriptors by the pool and bytes by the ring; sluiced does both on the loop as far as nothing "
                      "would wait. The study predicts per core: thread per request 12 k/s, one pool 60 k/s, "
                      "separate paths 75 k/s.")
