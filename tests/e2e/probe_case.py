"""What the tests of handlers share: daemons with the module probe.c, gates at which its handlers wait, and clients that
leave."""
import errno
import json
import os
import socket
import struct

from daemon import until
from http_case import HttpCase
from probe import probe

HELLO = b'{"message":"Hello, World!"}'
NO_LINGER = struct.pack("ii", 1, 0)


def alphabet(size):
    """What probe.c sends: size bytes of a to z."""
    return (b"abcdefghijklmnopqrstuvwxyz" * (size // 26 + 1))[:size]


class ProbeCase(HttpCase):
    """Daemons with the module probe.c."""
    options = (*HttpCase.options, "--modules", probe())

    def probe_daemon(self, *options, **others):
        return self.daemon(*self.options, *options, root=False, **others)

    def gate(self):
        """The path of a FIFO at which a handler waits until the test opens it."""
        path = self.directory() / "gate"
        os.mkfifo(path)
        return path

    @staticmethod
    def open_gate(path):
        """Lets one who waits go on, or the next one who comes."""
        def opened():
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            except OSError as error:
                if error.errno != errno.ENXIO:  # nobody is there yet
                    raise
                return False
            return True
        until(opened, "somebody at the gate")

    @staticmethod
    def leave(client):
        """Goes so that the server notices: with a reset."""
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        client.close()

    def await_connections(self, daemon, count):
        """Those of the admin socket, which asks, are not counted."""
        until(lambda: daemon.counter("reactor", "connections") == count + 1, f"{count} connections")

    def counters(self, client):
        return json.loads(client.fetch("/counters").body)
