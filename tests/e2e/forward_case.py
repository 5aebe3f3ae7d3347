"""What the tests of the forwarder share: brokers, a daemon that ships to them, and what arrived there."""
import unittest

import nats
from daemon import until
from ingest_case import IngestCase
from slc import TIMEOUT

STREAM = "SLUICE"
SMALL = ("segment = 64k", "group_bytes = 16k")


@unittest.skipUnless(nats.PROGRAM, "no nats-server")
class ForwardCase(IngestCase):
    def brokers(self, count=1, limits=""):
        cluster = nats.Cluster(count, self.directory(), limits)
        self.addCleanup(cluster.stop)
        return cluster

    def forwarding(self, brokers, *options, forward=("keep = 0",), log=None):
        """A daemon that ships its log to these brokers, or to what is at these URLs."""
        if log:
            self.log = log
        servers = ", ".join(f'"{url}"' for url in getattr(brokers, "urls", brokers))
        section = (f"\nforward \"nats\" {{ servers = {{{servers}}}\n retry = 0.05 timeout = 2\n "
                   + "\n ".join(forward) + "}\n")
        daemon = self.ingest(*options, extra=section)
        daemon.foreign = 1
        return daemon

    def caught_up(self, daemon):
        forward = until(lambda: (f := daemon.stats()["forward"]["nats"])["lag_samples"] == 0 and f["connected"] and f,
                        "all is forwarded", 3 * TIMEOUT)
        self.assertEqual((forward["lag_bytes"], forward["lag_seconds"]), (0, 0))
        return forward

    def arrived(self, brokers):
        def read():
            try:
                with brokers.any() as client:
                    return [client.samples(STREAM)]
            except (OSError, EOFError, AssertionError):  # of a cluster that is not whole again
                return None
        return until(read, "the stream", 4 * TIMEOUT)[0]

    def assertSame(self, brokers):
        """The stream has what the log has, once."""
        self.assertEqual(self.arrived(brokers), self.cat())
