"""Handlers over HTTP: the built-in ones, routes, and what handlers read and say."""
import json
import os

from case import MIB
from http1 import HttpClient, chunks, head
from http_case import HttpCase
from probe_case import HELLO, ProbeCase, alphabet


class BuiltIn(HttpCase):
    def test_hello(self):
        response = self.open().fetch("/hello")
        self.assertEqual((response.status, response.body, response.length), (200, HELLO, 27))
        self.assertEqual(response.get("Content-Type"), "application/json")

    def test_fib(self):
        client = self.open()
        for n, fib in ((0, 0), (1, 1), (2, 1), (10, 55), (29, 514229), (32, 2178309)):
            response = client.fetch(f"/fib/{n}")
            self.assertEqual((response.status, json.loads(response.body)), (200, {"n": n, "fib": fib}))

    def test_fib_of_anything_else_is_bad(self):
        client = self.open()
        for n in ("46", "100", "-1", "x", "1x", "%31x", "1.0", "4294967296", "%20", "1%20"):
            response = client.fetch(f"/fib/{n}")
            self.assertEqual((response.status, json.loads(response.body)["error"]), (400, "BAD_REQUEST"), n)
        self.assertEqual(client.fetch("/fib/%31").status, 200)

    def test_echo(self):
        client = self.open()
        for body in (b"x", b"\0\xff\r\n", b"y" * 16384, b"z" * 16385, b"w" * 300000):
            response = client.ask("POST", "/echo", "Content-Type: text/x-anything; a=b", body=body)
            self.assertEqual((response.status, response.body), (200, body))
            self.assertEqual(response.get("Content-Type"), "text/x-anything; a=b")
        self.assertEqual(client.ask("DELETE", "/echo").body, b"")
        client.send(head("PUT", "/echo", "Transfer-Encoding: chunked") + chunks(b"a", b"bc" * 5000))
        self.assertEqual(client.response().body, b"a" + b"bc" * 5000)

    def test_echo_describes_the_request_as_it_was_parsed(self):
        client = self.open()
        told = json.loads(client.ask("POST", "/echo?a=1&b=%20+x&describe=1&c&a=2&%zz=1", "X-One: 1", "x-one:\t2 ",
                                     "X-Latin: caf\xe9", "X-Request-ID: id-7", body=b"12345", host="Example.ORG").body)
        self.assertEqual(told["method"], "POST")
        self.assertEqual(told["target"], "/echo?a=1&b=%20+x&describe=1&c&a=2&%zz=1")
        self.assertEqual((told["path"], told["version"], told["body_length"]), ("/echo", "HTTP/1.1", 5))
        self.assertEqual(told["query"], [["a", "1"], ["b", "  x"], ["describe", "1"], ["c", ""], ["a", "2"],
                                         [None, "1"]])
        self.assertEqual(told["headers"], [["Host", "Example.ORG"], ["X-One", "1"], ["x-one", "2"],
                                           ["X-Latin", "café"], ["X-Request-ID", "id-7"],
                                           ["Content-Length", "5"]])
        self.assertRegex(told["peer"], r"^127\.0\.0\.1:\d+$")
        self.assertEqual(told["request_id"], "id-7")

    def test_echo_describes_peer_and_id_over_unix(self):
        client = self.open(self.server.unix)
        first, second = (json.loads(client.fetch("/echo?describe=1").body) for _ in range(2))
        self.assertEqual(first["peer"], f"uid:{os.getuid()}")
        self.assertRegex(first["request_id"], "^[0-9a-f]{32}$")
        self.assertNotEqual(first["request_id"], second["request_id"])

    def test_paths_are_normalised_before_they_are_matched(self):
        client = self.open()
        for path in ("/%68ello", "/./hello", "/x/../hello", "/x/%2e%2E/hello"):
            self.assertEqual(client.fetch(path).body, HELLO, path)
        self.assertEqual(client.fetch("//hello").status, 404)

    def test_a_thousand_pipelined_in_order(self):
        client = self.open()
        sender = client.send_in_background(b"".join(
            head("GET", f"/fib/{n % 20}" if n % 3 else "/hello") for n in range(1000)))
        for n in range(1000):
            response = client.response()
            want = HELLO if n % 3 == 0 else b'{"n":%d' % (n % 20)
            self.assertTrue(response.body.startswith(want), (n, response))
        sender.join()


class Methods(HttpCase):
    def test_head_is_get_without_the_body(self):
        client = self.open()
        for target in ("/hello", "/fib/20"):
            get, no_body = client.fetch(target), client.ask("HEAD", target)
            self.assertEqual((no_body.status, no_body.length, no_body.get("Content-Type")),
                             (200, len(get.body), get.get("Content-Type")))

    def test_other_methods_are_told_what_there_is(self):
        client = self.open()
        for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE"):
            response = client.ask(method, "/hello")
            self.assertEqual((response.status, response.get("Allow")), (405, "GET, HEAD, OPTIONS"))
            self.assertEqual(json.loads(response.body)["error"], "METHOD_NOT_ALLOWED")
        self.assertGoesOn(client)

    def test_a_body_for_a_method_that_is_not_there_ends_the_connection(self):
        client = self.open()
        client.send(head("POST", "/hello", "Content-Length: 1000000"))
        response = client.response()
        self.assertEqual((response.status, response.closes), (405, True))
        self.assertEnds(client)

    def test_options_of_a_path(self):
        client = self.open()
        response = client.ask("OPTIONS", "/hello")
        self.assertEqual((response.status, response.get("Allow")), (204, "GET, HEAD, OPTIONS"))
        self.assertEqual(client.ask("OPTIONS", "/nowhere").status, 404)
        self.assertGoesOn(client)

    def test_options_of_the_server(self):
        client = self.open()
        response = client.ask("OPTIONS", "*")
        self.assertEqual(response.status, 204)
        self.assertLessEqual({"GET", "HEAD", "OPTIONS"}, set(response.get("Allow").split(", ")))
        self.assertGoesOn(client)

    def test_a_route_for_any_method_gets_options_too(self):
        told = json.loads(self.open().ask("OPTIONS", "/echo?describe=1").body)
        self.assertEqual(told["method"], "OPTIONS")

    def test_unknown_paths(self):
        client = self.open()
        for path in ("/", "/hell", "/hello/", "/fib", "/fib/", "/fib/1/2"):
            self.assertEqual(client.fetch(path).status, 404, path)

    def test_no_routes_by_default(self):
        daemon = self.daemon()
        self.assertEqual(self.fetch(daemon.tcp, "/hello").status, 404)


class Configured(HttpCase):
    CONFIG = """
        demo_routes = no
        body_limit = 100
        route "GET example.org/x" { handler = "hello" }
        route "GET /x" { handler = "echo" body_limit = 1k }
        route "POST /x" { handler = "echo" body_limit = 10 }
        route "PUT /x" { handler = "echo" }
        route "GET /files/*" { handler = "echo" }
        route "GET /files/hello" { handler = "hello" mode = worker }
        route "GET /n/:n" { handler = "fib" mode = inline }
        route "* /any/:a/:b/*" { handler = "echo" }
    """

    def test_hosts(self):
        daemon = self.daemon(config=self.CONFIG)
        for host, body in (("example.org", HELLO), ("EXAMPLE.org:8080", HELLO), ("example.com", b"")):
            self.assertEqual(self.fetch(daemon.tcp, "/x", host=host).body, body, host)
        self.assertEqual(self.fetch(daemon.tcp, "http://example.org/x", host="example.org").body, HELLO)
        response = self.fetch(daemon.tcp, "/x", method="DELETE", host="example.org")
        self.assertEqual(response.get("Allow"), "GET, HEAD, POST, PUT, OPTIONS")

    def test_literal_before_star(self):
        daemon = self.daemon(config=self.CONFIG)
        self.assertEqual(self.fetch(daemon.tcp, "/files/hello").body, HELLO)
        self.assertEqual(self.fetch(daemon.tcp, "/files/hello/x").body, b"")
        self.assertEqual(self.fetch(daemon.tcp, "/files/").status, 200)
        self.assertEqual(self.fetch(daemon.tcp, "/files").status, 404)

    def test_body_limits_are_the_routes(self):
        daemon = self.daemon(config=self.CONFIG)
        for method, most in (("POST", 10), ("PUT", 100)):
            self.assertEqual(self.fetch(daemon.tcp, "/x", method=method, body=b"x" * most).body, b"x" * most)
            response = self.fetch(daemon.tcp, "/x", method=method, body=b"x" * (most + 1))
            self.assertEqual((response.status, response.closes), (413, True))
            with HttpClient(daemon.tcp) as client:
                client.send(head(method, "/x", "Transfer-Encoding: chunked") + chunks(b"x" * most, b"y"))
                self.assertEqual(client.response().status, 413)
        self.assertEqual(self.fetch(daemon.tcp, "/x", body=b"x" * 1024).status, 200)

    def test_where_they_run_is_the_routes_to_say(self):
        daemon = self.daemon(config=self.CONFIG)
        self.fetch(daemon.tcp, "/n/5")
        self.fetch(daemon.tcp, "/files/hello")
        http = daemon.stats()["http"]
        self.assertEqual((http["handlers_inline"], http["handlers_worker"]), (1, 1))

    def test_without_workers_everything_runs_on_the_loop(self):
        daemon = self.daemon("--workers", "off", config=self.CONFIG)
        self.assertEqual(self.fetch(daemon.tcp, "/files/hello").body, HELLO)
        http = daemon.stats()["http"]
        self.assertEqual((http["handlers_inline"], http["handlers_worker"]), (1, 0))


    def test_built_in_paths_have_the_methods_that_no_route_has(self):
        daemon = self.daemon(config="""
            route "POST /objects/*" { handler = "echo" }
            route "GET /rpc" { handler = "hello" }""")
        with HttpClient(daemon.tcp) as client:
            self.assertEqual(client.fetch("/objects/hello").body, self.tree.files["hello"])
            self.assertEqual(client.ask("POST", "/objects/hello", body=b"new").body, b"new")
            self.assertEqual(client.fetch("/rpc").body, HELLO)
            call = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
            self.assertEqual(json.loads(client.ask("POST", "/rpc", body=call).body)["result"], {})
            for path in ("/objects/hello", "/objects/none", "/rpc"):
                for method, status in (("DELETE", 405), ("OPTIONS", 204)):
                    response = client.ask(method, path)
                    self.assertEqual((response.status, response.get("Allow")), (status, "GET, HEAD, POST, OPTIONS"))


class Saying(ProbeCase):
    def say(self, client, query="", fields=b"", method="POST"):
        return client.ask(method, f"/say?{query}", "Content-Type: application/x-www-form-urlencoded", body=fields)

    def test_bodies_of_every_size(self):
        client = self.open()
        for size in (0, 1, 511, 512, 513, 4000, 4096, 16384, 16385, 65536, 3 * MIB):
            for copy in ("", "&copy=1"):
                response = self.say(client, f"size={size}{copy}")
                self.assertEqual((response.status, response.body), (200, alphabet(size)), size)

    def test_statuses(self):
        client = self.open()
        for status in (200, 201, 299, 301, 404, 418, 451, 500, 599):
            response = self.say(client, f"status={status}&size=3")
            self.assertEqual((response.status, response.body), (status, b"abc"))
        self.assertEqual(self.say(client, "status=600&size=1").status, 500)
        self.assertEqual(self.say(client, "status=101&size=1").status, 500)

    def test_204_205_and_304_have_no_body(self):
        client = self.open()
        for status, length in ((204, None), (205, 0), (304, None)):
            for size in ("", "&size=10", "&size=100000"):
                response = self.say(client, f"status={status}{size}")
                self.assertEqual((response.status, response.length), (status, length))
        self.assertGoesOn(client)

    def test_head_of_any_body(self):
        client = self.open()
        for size in (0, 10, 100000):
            response = client.ask("HEAD", f"/say?size={size}")
            self.assertEqual((response.status, response.length), (200, size))
        self.assertEqual(client.ask("HEAD", "/stream?size=100000").status, 200)
        self.assertGoesOn(client)

    def test_fields(self):
        response = self.say(self.open(), "size=1", b"X-A=1&X-B=a+b&X-A=2&Content-Type=text/x-mine")
        self.assertEqual(response.fields["x-a"], ["1", "2"])
        self.assertEqual(response.get("X-B"), "a b")
        self.assertIsNone(response.get("X-Refused"))

    def test_fields_that_would_break_a_message_are_left_out(self):
        client = self.open()
        for field in (b"X=a%0d%0aX-Evil:+1", b"X%0d%0aEvil=1", b"Content-Length=0", b"Transfer-Encoding=chunked",
                      b"Connection=close", b"Date=now", b"X:=1", b"=1"):
            response = self.say(client, "size=1", field)
            self.assertEqual((response.status, response.body, response.get("X-Refused")), (200, b"a", "yes"), field)
            self.assertNotIn("x-evil", response.fields)

    def test_an_error_says_when_to_come_again_unless_the_handler_does(self):
        client = self.open()
        for status in (429, 503):
            self.assertEqual(self.say(client, f"error={status}").get("Retry-After"), "1")
            self.assertEqual(self.say(client, f"error={status}", b"retry-after=30").get("Retry-After"), "30")
        self.assertIsNone(self.say(client, "error=404").get("Retry-After"))

    def test_many_fields_fit_and_the_rest_is_left_out(self):
        response = self.say(self.open(), "size=1", b"&".join(b"X-%d=%s" % (n, b"v" * 30) for n in range(100)))
        self.assertGreater(len(response.fields), 40)
        self.assertEqual(response.body, b"a")

    def test_a_handler_that_says_nothing(self):
        response = self.open().fetch("/silent")
        self.assertEqual((response.status, json.loads(response.body)["message"]), (500, "the handler did not reply"))

    def test_hooks(self):
        client = self.open()
        response = client.fetch("/hooked")
        self.assertEqual((response.status, response.get("X-Before"), response.get("X-After")),
                         (200, "hook", "hook 200"))
        response = client.fetch("/hooked", "X-Deny: yes")
        self.assertEqual((response.status, response.get("X-Before"), response.get("X-After")),
                         (403, "hook", "hook 403"))
        self.assertEqual(json.loads(response.body)["message"], "denied by the hook")

    def test_forms_and_queries(self):
        client = self.open()
        for kind in ("application/x-www-form-urlencoded", "APPLICATION/X-WWW-Form-URLEncoded; charset=utf-8"):
            response = client.ask("POST", "/form/a%2Fb/%c3%bc?a=q%26", f"Content-Type: {kind}", "X-Request-ID: r1",
                                  body=b"b=1&a=x%20y+z&a=2")
            self.assertEqual(json.loads(response.body), {"form": "x y z", "query": "q&", "id": "r1", "param": "a/b/ü"})
        for malformed in (b"a=x%00y", b"a=x\0y", b"a=%4", b"a\0=x"):  # a text would end at the NUL
            response = client.ask("POST", "/form/", "Content-Type: application/x-www-form-urlencoded", body=malformed)
            self.assertEqual(json.loads(response.body)["form"], None)
        response = client.ask("POST", "/form/", "Content-Type: text/plain", body=b"a=1")
        self.assertEqual(json.loads(response.body)["form"], None)

    def test_json_documents(self):
        client = self.open()
        self.assertEqual(json.loads(client.ask("POST", "/sum", body=b"[1, 2.5, -3]").body), {"sum": 0.5})
        for body in (b"{}", b"[1,", b'{"a":1,"a":2}'):
            self.assertEqual(client.ask("POST", "/sum", body=body).status, 400, body)
        self.assertEqual(self.fetch(self.server.tcp, "/sum", method="POST", body=b"[" + b" " * 100).status, 413)
