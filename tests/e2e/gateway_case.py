"""What the gateway's tests share: upstreams that go away with the test, a gateway in front of them, clients."""
import json

from case import Case
from http1 import HttpClient
from upstream import Upstream


class GatewayCase(Case):
    def upstream(self, **options):
        server = Upstream(**options)
        self.addCleanup(server.close)
        return server

    def gateway(self, *servers, options="", route="", more="", arguments=(), listen=("tcp:127.0.0.1:0",)):
        """A daemon whose route /* leads to the servers: upstreams, or texts as in the configuration."""
        words = ", ".join(json.dumps(getattr(server, "address", server)) for server in servers)
        config = f'upstream "api" {{ servers = {{{words}}} {options} }}\n' \
                 f'route "/*" {{ upstream = "api" {route} }}\n{more}\n'
        return self.daemon(*arguments, root=False, config=config, listen=listen)

    def open(self, daemon, address=None, **options):
        client = HttpClient(address or daemon.tcp, **options)
        self.addCleanup(client.close)
        return client

    def fetch(self, daemon, target, *fields, method="GET", **options):
        """One request on a connection of its own."""
        with HttpClient(daemon.tcp) as client:
            return client.ask(method, target, *fields, **options)

    def endpoint(self, daemon, server, upstream="api"):
        """The counters of a server."""
        return daemon.stats()["upstream"][f"{upstream} {server.address}"]
