"""The reverse proxy: what reaches the upstream byte for byte, and what routes change on the way."""
from daemon import until
from gateway_case import GatewayCase
from http1 import head


class WhatTheUpstreamSees(GatewayCase):
    def setUp(self):
        self.server = self.upstream()
        self.daemon_ = self.gateway(self.server)

    def seen(self, *fields, target="/x", method="GET", **options):
        response = self.fetch(self.daemon_, target, *fields, method=method, **options)
        self.assertEqual(response.status, 200, response)
        return self.server.seen[-1]

    def test_byte_for_byte(self):
        seen = self.seen("Accept: */*", "X-Custom:   spaces  around ", "Cookie: a=b; c=d", target="/a/b?q=1&r=%20")
        self.assertEqual(seen.head, b"GET /a/b?q=1&r=%20 HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n"
                                    b"X-Custom: spaces  around\r\nCookie: a=b; c=d\r\n"
                                    b"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n"
                                    b"X-Forwarded-Host: localhost\r\nVia: 1.1 sluice\r\n\r\n")

    def test_hop_by_hop(self):
        seen = self.seen("Connection: close, X-Private, X-Forwarded-For", "X-Private: 1", "Keep-Alive: timeout=5",
                         "TE: trailers", "Trailer: X-T", "Proxy-Authorization: Basic x", "Proxy-Connection: close",
                         "X-Open: 2")
        names = {name.lower() for name, _ in seen.fields}
        self.assertEqual(names & {"connection", "x-private", "keep-alive", "te", "trailer", "proxy-authorization",
                                  "proxy-connection"}, set())
        self.assertEqual(seen.get("X-Open"), "2")
        self.assertEqual(seen.get("X-Forwarded-For"), "127.0.0.1")

    def test_no_upgrade_to_http2(self):
        """Its requests would pass the gateway's routes and fields unseen."""
        for protocol in ("h2c", "H2C", "websocket, h2c", "HTTP/2.0"):
            seen = self.seen("Connection: Upgrade, HTTP2-Settings", f"Upgrade: {protocol}", "HTTP2-Settings: AAMAAABk")
            self.assertEqual((seen.get("Upgrade"), seen.get("Connection"), seen.get("HTTP2-Settings")), (None,) * 3)
        self.assertIsNone(self.seen("HTTP2-Settings: AAMAAABk").get("HTTP2-Settings"))

    def test_forged_forwarding_fields_are_dropped(self):
        seen = self.seen("X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil",
                         "X-Forwarded-Port: 1", "x-forwarded-prefix: /evil", "Forwarded: for=1.2.3.4")
        self.assertEqual(seen.get("X-Forwarded-For"), "127.0.0.1")
        self.assertEqual(seen.get("X-Forwarded-Proto"), "http")
        self.assertEqual(seen.get("X-Forwarded-Host"), "localhost")
        for name in ("Forwarded", "X-Forwarded-Port", "X-Forwarded-Prefix"):
            self.assertIsNone(seen.get(name), name)

    def test_ids_pass(self):
        seen = self.seen("X-Request-ID: abc", "traceparent: 00-1-2-01")
        self.assertEqual((seen.get("X-Request-ID"), seen.get("traceparent")), ("abc", "00-1-2-01"))

    def test_one_path(self):
        self.assertEqual(self.seen(target="/a/./b/../%7Ec//d?x=../y").target, "/a/~c//d?x=../y")

    def test_absolute_form(self):
        seen = self.seen(target="http://localhost/abs?x")
        self.assertEqual((seen.target, seen.get("Host")), ("/abs?x", "localhost"))

    def test_http10(self):
        seen = self.seen(version="1.0")
        self.assertTrue(seen.line.endswith("HTTP/1.1"))
        self.assertEqual(seen.get("Via"), "1.0 sluice")

    def test_http10_without_host(self):
        """An empty Host, as servers refuse it, is not made up."""
        client = self.open(self.daemon_)
        client.send(b"GET /ok HTTP/1.0\r\n\r\n")
        self.assertEqual(client.response().status, 200)
        self.assertEqual(self.server.seen[-1].get("Host"), self.server.address.removeprefix("tcp:"))

    def test_via_grows(self):
        self.assertEqual(self.seen("Via: 1.0 other").get("Via"), "1.0 other, 1.1 sluice")

    def test_max_forwards(self):
        self.assertEqual(self.seen("Max-Forwards: 3", method="OPTIONS").get("Max-Forwards"), "2")
        count = len(self.server.seen)
        self.assertEqual(self.fetch(self.daemon_, "/x", "Max-Forwards: 0", method="OPTIONS").status, 200)
        self.assertEqual(len(self.server.seen), count, "the last recipient answers itself")

    def test_smuggling(self):
        """Nothing that two parsers could read in two ways reaches the server."""
        for lines, body in [
                (["Content-Length: 5", "Transfer-Encoding: chunked"], b"0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n"),
                (["Content-Length: 5", "Content-Length: 6"], b"hello!"),
                (["Content-Length: 5, 5"], b"hello"),
                (["Content-Length: +5"], b"hello"),
                (["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], b"0\r\n\r\n"),
                (["Transfer-Encoding: xchunked"], b"0\r\n\r\n"),
                (["Transfer-Encoding : chunked"], b"0\r\n\r\n"),
                (["Content-Length: 5", " folded: x"], b"hello"),
                (["X: a\rContent-Length: 5"], b"hello"),
                (["X: a\0b"], b"")]:
            client = self.open(self.daemon_)
            client.send(head("POST", "/x", *lines) + body)
            response = client.response("POST")
            self.assertIn(response.status, (400, 501), lines)
            self.assertTrue(response.closes)
        self.assertEqual(self.server.seen, [])

    def test_bad_chunk_of_the_client(self):
        client = self.open(self.daemon_)
        client.send(head("POST", "/echo", "Transfer-Encoding: chunked") + b"5\r\nhello\r\nxyz\r\n")
        self.assertEqual(client.response("POST").status, 400)
        self.assertEqual(client.rest(), b"")
        self.assertEqual(self.server.seen, [], "the server never saw the end of it")
        self.assertEqual(self.fetch(self.daemon_, "/ok").body, b"ok")

    def test_client_leaves_inside_its_body(self):
        client = self.open(self.daemon_)
        client.send(head("POST", "/echo", "Content-Length: 100") + b"half")
        until(lambda: self.endpoint(self.daemon_, self.server)["requests"] == 1, "the head is on its way")
        client.close()
        until(lambda: self.server.open == 0, "the server's connection ends too")
        self.assertEqual(self.server.seen, [])

    def test_client_leaves_before_the_answer(self):
        client = self.open(self.daemon_)
        client.send(head("GET", "/hold"))
        self.server.wait_seen(1)
        client.close()
        self.server.release.set()
        until(lambda: self.endpoint(self.daemon_, self.server)["active"] == 0, "nothing is under way")


class Transforms(GatewayCase):
    def test_fields_and_prefix(self):
        server = self.upstream()
        daemon = self.gateway(server, route='strip_prefix = "/api" add_prefix = "/v2" host = "inner:80" '
                              'request_set = {"X-Set: new"} request_add = {"X-Add: 2"} request_remove = {"Cookie"} '
                              'request_rename = {"X-Old: X-New"} '
                              'response_set = {"Server: me", "Cache-Control: no-store, max-age=0"} '
                              'response_remove = {"X-Open"}')
        self.fetch(daemon, "/api/x?q", "X-Set: old", "X-Add: 1", "Cookie: c", "X-Old: o")
        seen = server.seen[-1]
        self.assertEqual((seen.target, seen.get("Host")), ("/v2/x?q", "inner:80"))
        self.assertEqual((seen.get("X-Set"), seen.all("X-Add"), seen.get("Cookie"), seen.get("X-New"),
                          seen.get("X-Old")), ("new", ["1", "2"], None, "o", None))
        self.assertEqual(seen.get("X-Forwarded-Host"), "localhost")
        response = self.fetch(daemon, "/hop")
        self.assertEqual((response.get("Server"), response.get("X-Open")), ("me", None))
        self.assertEqual(response.get("Cache-Control"), "no-store, max-age=0", "a value may hold commas")

    def test_fields_of_answers(self):
        server = self.upstream(fields=["X-Add: 1", "X-Old: o"])
        daemon = self.gateway(server, route='response_add = {"X-Add: 2"} response_rename = {"X-Old: X-New"}')
        response = self.fetch(daemon, "/ok")
        self.assertEqual((response.fields["x-add"], response.get("X-New"), response.get("X-Old")),
                         (["1", "2"], "o", None))

    def test_redirect_and_answer(self):
        daemon = self.gateway(self.upstream(), more='route "/old/*" { redirect = "https://new$path?$query" '
                              'redirect_status = 308 }\nroute "old/*" { redirect = "$path" }\n'
                              'route "/gone" { answer_status = 410 answer_body = "no more" }\n'
                              'route "/no" { answer_status = 403 }\nroute "/empty" { answer_status = 204 }')
        response = self.fetch(daemon, "/old/a?b=c")
        self.assertEqual((response.status, response.get("Location")), (308, "https://new/old/a?b=c"))
        self.assertEqual(self.fetch(daemon, "/old/a").get("Location"), "https://new/old/a", "no query, no mark")
        response = self.fetch(daemon, "//evil/a//b", host="old")
        self.assertEqual(response.get("Location"), "/evil/a//b", "a path leads to no other host")
        response = self.fetch(daemon, "/gone")
        self.assertEqual((response.status, response.body), (410, b"no more"))
        for target, status in ("/no", 403), ("/empty", 204):
            response = self.fetch(daemon, target)
            self.assertEqual((response.status, response.body), (status, b""))

    def test_trusted_hops(self):
        server = self.upstream()
        daemon = self.gateway(server, route='trusted_hops = 1 forwarded = both')
        self.fetch(daemon, "/", "X-Forwarded-For: 6.6.6.6, 1.2.3.4", "X-Forwarded-Proto: https",
                   "X-Forwarded-Port: 443", "Forwarded: for=6.6.6.6", "Forwarded: for=1.2.3.4")
        seen = server.seen[-1]
        self.assertEqual(seen.get("X-Forwarded-For"), "1.2.3.4, 127.0.0.1")
        self.assertEqual((seen.get("X-Forwarded-Proto"), seen.get("X-Forwarded-Port")), ("https", "443"))
        self.assertEqual(seen.get("Forwarded"), 'for=1.2.3.4, for=127.0.0.1;host="localhost";proto=http')

    def test_forwarding_fields_are_the_route_s_to_change(self):
        """Behind what ends TLS, https has to be said by somebody."""
        server = self.upstream()
        daemon = self.gateway(server, route='request_set = {"X-Forwarded-Proto: https"} '
                              'request_rename = {"X-Forwarded-For: X-Client"} request_remove = {"X-Forwarded-Host"}')
        self.fetch(daemon, "/", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: http")
        seen = server.seen[-1]
        self.assertEqual((seen.get("X-Forwarded-Proto"), seen.get("X-Client"), seen.get("X-Forwarded-For"),
                          seen.get("X-Forwarded-Host")), ("https", "127.0.0.1", None, None))


class Clients(GatewayCase):
    def test_ipv6_client_of_a_trusted_proxy(self):
        server = self.upstream()
        daemon = self.gateway(server, more='listen "tcp:127.0.0.1:0" { proxy_from = {"127.0.0.0/8"} }')
        client = self.open(daemon, daemon.addresses[-1])
        client.send(b"PROXY TCP6 2001:db8::1:2 ::1 56324 443\r\n" + head("GET", "/ok"))
        self.assertEqual(client.response().body, b"ok")
        self.assertEqual(server.seen[-1].get("X-Forwarded-For"), "2001:db8::1:2")
