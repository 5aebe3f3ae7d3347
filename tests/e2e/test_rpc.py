"""JSON-RPC 2.0 on every transport: the specification's examples, batches, ids, errors; and the object methods."""
import base64
import json
import os

from case import MIB, Case
from daemon import until
from rpc import TRANSPORTS, Frames, Lines, Post, as_text, call, parse

# https://www.jsonrpc.org/specification, 7: what is sent, byte for byte, and what must come back; None: nothing.
EXAMPLES = [
    ('{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
     '{"jsonrpc": "2.0", "result": 19, "id": 1}'),
    ('{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
     '{"jsonrpc": "2.0", "result": -19, "id": 2}'),
    ('{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
     '{"jsonrpc": "2.0", "result": 19, "id": 3}'),
    ('{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
     '{"jsonrpc": "2.0", "result": 19, "id": 4}'),
    ('{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', None),
    ('{"jsonrpc": "2.0", "method": "foobar"}', None),
    ('{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
     '{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}'),
    ('{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
     '{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}'),
    ('{"jsonrpc": "2.0", "method": 1, "params": "bar"}',
     '{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}'),
    ('[ {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},'
     ' {"jsonrpc": "2.0", "method" ]',
     '{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}'),
    ('[]', '{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}'),
    ('[1]', '[{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}]'),
    ('[1,2,3]',
     '[{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},'
     ' {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},'
     ' {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}]'),
    ('[ {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},'
     ' {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},'
     ' {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"}, {"foo": "boo"},'
     ' {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},'
     ' {"jsonrpc": "2.0", "method": "get_data", "id": "9"} ]',
     '[ {"jsonrpc": "2.0", "result": 7, "id": "1"}, {"jsonrpc": "2.0", "result": 19, "id": "2"},'
     ' {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},'
     ' {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "5"},'
     ' {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"} ]'),
    ('[ {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},'
     ' {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]} ]', None),
]

# Exactly these bytes must come back as the id.
IDS = ["0", "1", "-1", "null", '""', '"a"', "9007199254740993", "9223372036854775807", "-9223372036854775808",
       "18446744073709551616", "123456789012345678901234567890", "1.5", "1e3", "0.10", '"\\u0041\\n\\ud83d\\ude00"',
       '"ünï ✓"', '"a\\"b\\\\"']

MALFORMED = [
    b"{", b"}", b'{"jsonrpc"', b"nul", b"{\"a\":1,}", b"[1,]", b"[1 2]", b'{"a" 1}', b"{'a':1}", b'{"a":01}',
    b'{"a":+1}',
    b'{"a":.5}', b'{"a":1.}', b'{"a":1e}', b'{"a":0x1}', b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-}', b'{"a":"\t"}',
    b'{"a":"\\x"}', b'{"a":"\\u12"}', b'{"a":"\\u0000"}', b'{"a":"\\ud800"}', b'{"a":"\\udc00"}',
    b'{"a":"\\ud800\\u0041"}', b'{"a":"\xff"}', b'{"a":"\xc0\xaf"}', b'{"a":"\xed\xa0\x80"}',
    b'{"a":"\xf4\x90\x80\x80"}',
    b'{"a":"\x00"}', b'{"a":1}{"b":2}', b'{"a":1} x', b'{"a":"\xe2\x82"}', b"[" * 65 + b"]" * 65, b"[" * 100000,
    b'{"a":' * 65 + b"1" + b"}" * 65, b'{"a":tru}', b'{a:1}', b'{"a":1,"b"}', b'[1}', b'{"a":1]', b'\xef\xbb\xbf[]x',
]

INVALID = [b"{}", b'{"jsonrpc":"2.0"}', b'{"jsonrpc":"1.0","method":"ping"}', b'{"jsonrpc":2.0,"method":"ping"}',
           b'{"method":"ping","id":null}', b'{"jsonrpc":"2.0","method":null}', b'{"jsonrpc":"2.0","method":[]}',
           b'{"jsonrpc":"2.0","method":"ping","params":1}', b'{"jsonrpc":"2.0","method":"ping","params":"x"}',
           b'{"jsonrpc":"2.0","method":"ping","params":null}', b'{"jsonrpc":"2.0","method":"ping","id":[]}',
           b'{"jsonrpc":"2.0","method":"ping","id":{}}', b'{"jsonrpc":"2.0","method":"ping","id":true}']

ARGUMENTS = [
    ({"key": 5}, "/key"), ({}, "/key"), ({"key": "hello", "count": -1}, "/count"),
    ({"key": "hello", "count": 1.5}, "/count"),
    ({"key": "hello", "count": "1"}, "/count"), ({"key": "hello", "encoding": "hex"}, "/encoding"),
    ({"key": "hello", "coding": "text"}, "/coding"), ({"key": "../x"}, "/key"), ({"key": ""}, "/key"),
    ({"key": "a" * 1025}, "/key"), (["hello", 0, 0, "auto", 1], ""), ([5], "/key"),
    ({"key": "hello", "offset": True}, "/offset"), ({"key": "hello", "offset": None}, "/offset"),
]


def members(reply):
    """As a set, for replies in any order."""
    return sorted(json.dumps(one, sort_keys=True) for one in reply)


class OnEach(Case):
    """The same over the three framings, over Unix and TCP."""

    def setUp(self):
        self.server = self.daemon("--demo-routes", "yes")

    def each(self):
        for name, kind in TRANSPORTS.items():
            for address in (self.server.unix, self.server.tcp):
                with self.subTest(name, address=address):
                    client = kind(address)
                    self.addCleanup(client.close)
                    yield client

    def test_the_examples_of_the_specification(self):
        for client in self.each():
            for sent, expected in EXAMPLES:
                if expected is None:
                    self.assertSilent(client, sent.encode())
                elif expected.startswith("["):
                    self.assertEqual(members(client.ask(sent.encode())), members(json.loads(expected)))
                else:
                    self.assertEqual(client.ask(sent.encode()), json.loads(expected))

    def assertSilent(self, client, message):
        """Nothing comes back before the answer to what is asked next; over HTTP 204."""
        if isinstance(client, Post):
            self.assertEqual(client.post(message).status, 204)
            return
        client.say(message)
        self.assertEqual(client.ask(call("ping", id="next"))["id"], "next")

    def test_ids_come_back_as_they_were_written(self):
        for client in self.each():
            for id in IDS:
                message = f'{{"jsonrpc":"2.0","method":"ping","id":{id}}}'.encode()
                want = f'{{"jsonrpc":"2.0","result":{{}},"id":{id}}}'.encode()
                self.assertEqual(self.raw(client, message), want)

    @staticmethod
    def raw(client, message):
        if isinstance(client, Post):
            return client.post(message).body
        client.say(message)
        if isinstance(client, Frames):
            return client.hear_frame()[4]
        while b"\n" not in client.buffer:
            client.receive()
        return client.take(client.buffer.index(b"\n") + 1)[:-1]

    def test_malformed_messages_are_errors_and_the_connection_goes_on(self):
        for client in self.each():
            for message in MALFORMED:
                reply = client.ask(message)
                self.assertEqual((reply["error"]["code"], reply["id"]), (-32700, None), message)
            for message in INVALID:
                reply = client.ask(message)
                self.assertEqual((reply["error"]["code"], reply["id"]), (-32600, None), message)
            self.assertEqual(client.ask(call("ping"))["result"], {})

    def test_a_message_cut_at_every_byte_is_an_error(self):
        whole = as_text(call("object.info", {"key": "hello"}, id=0))
        for client in self.each():
            for cut in range(1, len(whole)):
                self.assertEqual(client.ask(whole[:cut])["error"]["code"], -32700)

    def test_of_members_with_one_name_the_last_counts(self):
        for client in self.each():
            reply = client.ask(b'{"jsonrpc":"1.0","method":"x","id":1,"id":2,"method":"ping","jsonrpc":"2.0"}')
            self.assertEqual(reply, {"jsonrpc": "2.0", "result": {}, "id": 2})
            reply = client.ask(b'{"jsonrpc":"2.0","method":"object.info","id":1,"params":{"key":"no","key":"hello"}}')
            self.assertEqual(reply["result"]["key"], "hello")

    def test_names_may_be_escaped(self):
        for client in self.each():
            reply = client.ask(b'{"\\u006asonrpc":"2\\u002e0","m\\u0065thod":"p\\u0069ng","id":1}')
            self.assertEqual(reply["result"], {})

    def test_numbers_out_of_range_are_bad_params(self):
        for client in self.each():
            for number in (b"1" * 40, b"1e999"):
                reply = client.ask(b'{"jsonrpc":"2.0","method":"object.read","params":{"count":%s},"id":1}' % number)
                self.assertEqual(reply["error"]["code"], -32602)

    def test_a_sum_out_of_range_is_a_bad_param(self):
        for client in self.each():
            self.assertEqual(client.ask(call("sum", [2**63 - 1, -1, 1]))["result"], 2**63 - 1)
            self.assertEqual(client.ask(call("sum", [1, 2**63 - 1]))["error"]["data"]["path"], "/1")

    def test_nesting_up_to_the_limit(self):
        for client in self.each():
            deep = b"[" * 63 + b"]" * 63
            self.assertEqual(client.ask(b'{"jsonrpc":"2.0","method":"ping","id":1,"x":%s}' % deep)["result"], {})

    def test_arguments_are_checked_and_the_error_names_the_bad_one(self):
        for client in self.each():
            for params, path in ARGUMENTS:
                error = client.ask(call("object.read", params))["error"]
                self.assertEqual((error["code"], error["data"]["path"]), (-32602, path), params)
                self.assertTrue(error["data"]["reason"])

    def test_the_range_of_a_number_is_told_exactly(self):
        for client in self.each():
            error = client.ask(call("object.read", {"key": "hello", "offset": -1}))["error"]
            self.assertEqual(error["data"], {"path": "/offset", "reason": "must be from 0 to 9007199254740991"})

    def test_a_whole_number_is_an_integer_however_it_is_written(self):
        for client in self.each():
            reply = client.ask(b'{"jsonrpc":"2.0","method":"object.read","id":1,'
                               b'"params":{"key":"hello","offset":1.0,"count":3e0}}')
            self.assertEqual(reply["result"]["data"], "ell")
            reply = client.ask(call("object.read", {"key": "hello", "offset": 1.5}))
            self.assertEqual(reply["error"]["data"]["path"], "/offset")

    def test_a_batch_of_a_thousand(self):
        for client in self.each():
            batch = [call("object.info", {"key": "hello"}, id=i) for i in range(1000)]
            replies = client.ask(batch)
            self.assertEqual(sorted(reply["id"] for reply in replies), list(range(1000)))
            self.assertEqual({reply["result"]["size"] for reply in replies}, {13})

    def test_a_batch_over_the_limit_is_one_error(self):
        for client in self.each():
            reply = client.ask([call("ping", id=i) for i in range(1001)])
            self.assertEqual((reply["error"]["code"], reply["id"]), (-32600, None))

    def test_members_of_a_batch_fail_each_for_itself(self):
        for client in self.each():
            replies = client.ask([call("object.info", {"key": "hello"}, id=1), call("object.info", {"key": "no"}, id=2),
                                  call("nothing", id=3), call("fib", {"n": 20}, id=4), call("fib", {"n": 99}, id=5)])
            found = {reply["id"]: reply.get("error", {}).get("code") for reply in replies}
            self.assertEqual(found, {1: None, 2: -32010, 3: -32601, 4: None, 5: -32602})

    def test_discovery_names_every_method_and_its_parameters(self):
        for client in self.each():
            document = client.ask(call("rpc.discover"))["result"]
            self.assertEqual(document["openrpc"], "1.3.2")
            names = [method["name"] for method in document["methods"]]
            self.assertEqual(names, sorted(names))
            self.assertLessEqual({"object.list", "object.info", "object.read", "object.open", "stats.get", "config.get",
                                  "drain", "rpc.discover", "ping", "upstream.list", "upstream.set", "metrics.query",
                                  "metrics.push"}, set(names))
            for method in document["methods"]:
                self.assertTrue(method["description"])
                self.assertIn("type", method["result"]["schema"])
                for param in method["params"]:
                    self.assertLessEqual({"name", "schema", "required", "description"}, set(param))
            push = next(method for method in document["methods"] if method["name"] == "metrics.push")
            self.assertEqual(push["params"][0]["schema"]["items"]["required"], ["name", "value"])


class Objects(Case):
    def setUp(self):
        self.server = self.daemon()
        self.client = Lines(self.server.unix)
        self.addCleanup(self.client.close)

    def result(self, method, **params):
        return self.client.ask(call(method, params))["result"]

    def code(self, method, **params):
        return self.client.ask(call(method, params))["error"]["code"]

    def test_list_in_pages(self):
        names = sorted([*self.tree.files, "1g"], key=str.encode)
        self.assertEqual(self.result("object.list"), {"keys": names, "more": False})
        keys, after = [], {}
        while True:
            page = self.result("object.list", limit=5, **after)
            keys += page["keys"]
            after = {"after": keys[-1]}
            if not page["more"]:
                break
        self.assertEqual(keys, names)
        self.assertEqual(self.result("object.list", prefix="size/10"),
                         {"keys": [n for n in names if n.startswith("size/10")], "more": False})

    def test_what_is_longer_than_a_key_begins_none(self):
        for name in ("prefix", "after"):
            self.assertEqual(self.result("object.list", **{name: "~" * 1024})["keys"], [])
            error = self.client.ask(call("object.list", {name: "~" * 1025}))["error"]
            self.assertEqual((error["code"], error["data"]["path"]), (-32602, f"/{name}"))

    def test_info_is_what_the_object_protocol_says(self):
        with self.connect(self.server.unix) as slc:
            for key in self.tree.files:
                fields = slc.get("I", key).fields
                info = self.result("object.info", key=key)
                self.assertEqual((info["size"], info["version"], info["key"]),
                                 (fields.size, f"{fields.version:016x}", key))
        self.assertEqual(self.code("object.info", key="none"), -32010)
        self.assertEqual(self.code("object.info", key="size"), -32013)

    def test_read_every_size(self):
        for key, data in self.tree.files.items():
            read = self.result("object.read", key=key, encoding="base64")
            want = data[:MIB]
            self.assertEqual(base64.b64decode(read["data"]), want)
            self.assertEqual((read["count"], read["size"], read["more"]), (len(want), len(data), len(data) > MIB))

    def test_text_is_cut_between_characters(self):
        text = "aé✓😀 " * 20
        server = self.daemon("--rpc-read", 7, root=self.directory({"t": text.encode(), "x": "✓".encode()}))
        client = Lines(server.unix)
        self.addCleanup(client.close)
        for encoding in ("auto", "text"):
            got, more = "", True
            while more:
                read = client.ask(call("object.read",
                                       {"key": "t", "offset": len(got.encode()), "encoding": encoding}))["result"]
                self.assertEqual((read["encoding"], read["count"]), ("text", len(read["data"].encode())))
                got, more = got + read["data"], read["more"]
            self.assertEqual(got, text)
        self.assertEqual(client.ask(call("object.read", {"key": "x", "count": 2}))["result"]["encoding"], "base64")
        prompt = client.ask(call("prompts/get", {"name": "explain-object", "arguments": {"key": "t"}}))["result"]
        self.assertEqual(prompt["messages"][0]["content"]["resource"]["text"], "aé✓")

    def test_read_ranges(self):
        data = self.tree.files["size/65553"]
        for offset, count in ((0, 1), (1, 2), (2, 3), (65552, 0), (65552, 5), (65553, 0), (4095, 8194)):
            read = self.result("object.read", key="size/65553", offset=offset, count=count, encoding="base64")
            want = data[offset:offset + count] if count else data[offset:]
            self.assertEqual(base64.b64decode(read["data"]), want)
        self.assertEqual(self.code("object.read", key="size/65553", offset=65554), -32012)

    def test_text_where_the_bytes_are_text(self):
        read = self.result("object.read", key="hello")
        self.assertEqual((read["encoding"], read["data"]), ("text", "hello, world\n"))
        read = self.result("object.read", key="size/4096")
        self.assertEqual(read["encoding"], "base64")
        reply = self.client.ask(call("object.read", {"key": "size/4096", "encoding": "text"}))
        self.assertEqual((reply["error"]["code"], reply["error"]["data"]["path"]), (-32602, "/encoding"))

    def test_open_passes_a_descriptor(self):
        for key, data in self.tree.files.items():
            reply = self.client.ask(call("object.open", {"key": key}))
            self.assertEqual(os.pread(reply["fd"], len(data) + 1, 0), data)
            os.close(reply["fd"])

    def test_open_pipelined_with_other_calls(self):
        keys = list(self.tree.files)
        self.client.say(*[call("object.open", {"key": key}, id=key) for key in keys],
                        *[call("ping", id=i) for i in range(5)])
        seen = set()
        for _ in range(len(keys) + 5):
            reply = self.client.hear()
            seen.add(reply["id"])
            if "fd" in reply:
                self.assertEqual(os.fstat(reply["fd"]).st_size, len(self.tree.files[reply["id"]]))
                os.close(reply["fd"])
        self.assertEqual(seen, {*keys, *range(5)})
        self.assertFalse(self.client.fds)

    def test_open_without_an_id_passes_nothing(self):
        server = self.daemon()
        client = Lines(server.unix)
        self.addCleanup(client.close)
        unasked = call("object.open", {"key": "hello"}, id=...)
        client.say(*[unasked] * 10, [unasked, call("ping", id=1)], call("ping", id=2))
        heard = [client.hear(), client.hear()]
        self.assertIn([{"jsonrpc": "2.0", "result": {}, "id": 1}], heard)
        until(lambda: server.counter("reactor", "fds_object") == 0, "descriptors that nobody gets are closed")
        self.assertEqual(server.counter("reactor", "fds_passed"), 0)

    def test_open_in_frames_says_nfds(self):
        client = Frames(self.server.unix)
        self.addCleanup(client.close)
        client.say(call("object.open", {"key": "hello"}), tag=9)
        op, status, tag, nfds, payload = client.hear_frame()
        self.assertEqual((op, status, tag, nfds), ("J", "OK", 9, 1))
        self.assertEqual(parse(payload)["result"]["fds"], 1)
        self.assertEqual(len(client.fds), 1)

    def test_open_elsewhere_is_unsupported(self):
        for client in (Lines(self.server.tcp), Post(self.server.unix)):
            self.addCleanup(client.close)
            self.assertEqual(client.ask(call("object.open", {"key": "hello"}))["error"]["code"], -32601)

    def test_a_reply_carries_one_descriptor(self):
        replies = self.client.ask([call("object.open", {"key": "hello"}, id=i) for i in range(3)])
        self.assertEqual(sorted(reply.get("error", {}).get("code", 0) for reply in replies), [-32016, -32016, 0])
        until(lambda: self.client.fds or self.client.ask(call("ping")), "the descriptor")
        self.assertEqual(len(self.client.fds), 1)

    def test_replies_within_the_limit(self):
        client = Lines(self.daemon("--rpc-reply", "3m").unix)
        self.addCleanup(client.close)
        replies = client.ask([call("object.read", {"key": "size/1048576", "encoding": "base64"}, id=i)
                              for i in range(4)])
        codes = sorted(reply.get("error", {}).get("code", 0) for reply in replies)
        self.assertEqual(codes, [-32014, -32014, 0, 0])

    def test_a_result_beyond_the_limit_passes_no_descriptor(self):
        server = self.daemon("--rpc-reply", "64k")
        client = Lines(server.unix)
        self.addCleanup(client.close)
        reply = client.ask([call("object.open", {"key": "hello"}, id="x" * 70000)])[0]
        self.assertEqual(reply["error"]["code"], -32014)
        self.assertEqual(client.ask(call("ping"))["result"], {})
        self.assertFalse(client.fds)
        self.assertEqual(server.counter("objects", "served_fd"), 0)
