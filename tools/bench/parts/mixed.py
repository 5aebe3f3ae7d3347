"""80% descriptors and 20% copies on the same connections: one pool against separate paths, and pool sizes."""
from lab import figure

TITLE = "mixed load: 80% fdpass, 20% copy of 100 KiB, 100 connections"

POOLS = [8, 16, 32, 64]
WAITED = 8  # its queue is looked at
REPETITIONS = 3
CLAIMS = [("mixed_per_request", "thread-per-request", 12), ("mixed_one_pool", "request-pool 8", 60),
          ("mixed_separate", "sluiced --offload always --pool 8", 75), ("mixed_sluiced", "sluiced", 75)]


def queue_wait(lab, server):
    """p50 and p99 of the files pool's queue so far, in us."""
    wait = lab.stats(server)["offload"]["files_wait"]
    return wait["p50"] / 1e3, wait["p99"] / 1e3


def queue_waits(lab, part, most):
    """The study's targets are for an idle server and a loaded one, not for one with 100 requests in front of it. most:
    requests a second that it can take."""
    rows = []
    for name, words, target, arguments in (
            ("idle", "idle: one connection", 5, ["-c", 1]),
            ("loaded", "loaded: half of what it can take, 100 connections", 10, ["-c", 100, "--rate", int(most / 2)])):
        server = lab.sluiced("--offload", "always", "--pool", WAITED, name=f"waits-{name}")
        report = lab.load(server, server.unix, "--mode", "fdpass", "--key", "4k", *arguments, seconds=0.5)
        p50, p99 = queue_wait(lab, server)
        lab.stop(server)
        rows.append([words, f"{report['server']['cpu_us']:.2f}", f"{report['requests_s']:.0f}", f"{p50:.1f}",
                     f"{p99:.1f}", f"{target} us"])
        part.figures[f"queue wait, {name}"] = {"p50_us": p50, "p99_us": p99}
        part.claim(f"queue_wait_{name}", f"object server: queue wait, pool of {WAITED}, {words} (p50)", f"{target} us",
                   f"{p50:.1f} us", p50 <= target)
    part.table(f"Wait in the queue of a pool of {WAITED}, fdpass, offload = always",
               ["load", "CPU us", "requests/s", "p50 us", "p99 us", "the study"], rows)


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
        pooled = name.startswith("sluiced --offload always")
        waits = " / ".join(f"{us:.1f}" for us in queue_wait(lab, servers[name])) if pooled else ""
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
    queue_waits(lab, part, figure(runs[f"sluiced --offload always --pool {WAITED}"], "requests_s").median)
    part.notes.append("One pool does both kinds of work in request-pool; sluiced --offload always separates them, "
                      "descriptors by the pool and bytes by the ring; sluiced does both on the loop as far as nothing "
                      "would wait. The study predicts per core: thread per request 12 k/s, one pool 60 k/s, "
                      "separate paths 75 k/s.")
