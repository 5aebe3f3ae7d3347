"""Memory that runs out at any place: requests fail alone, with an error or with their connection, never in silence; the
daemon goes on, and nothing is left of them."""
import json
import mmap
import pathlib
import shutil
import struct
import subprocess
import unittest

import exposition
import probe
from case import Case, content
from daemon import BUILD, MODE
from http1 import HttpClient, chunks, head
from mcp import META, Modern, events
from slc import Client

SHIM = pathlib.Path(__file__).resolve().parents[1] / "fault" / "memory.c"
ROUNDS = 150
BODY = content(20000)


@unittest.skipIf(BUILD.name in ("asan", "tsan", "ubsan"), "the sanitizers' own allocators come first")
@unittest.skipUnless(shutil.which("cc") or shutil.which("gcc"), "no compiler for tests/fault/memory.c")
class Memory(Case):
    def start(self, *arguments, **options):
        """A daemon whose memory fails() controls."""
        directory = self.directory({"control": bytes(8)})
        library = directory / "memory.so"
        compiler = shutil.which("cc") or shutil.which("gcc")
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, SHIM, "-ldl"], check=True)
        with open(directory / "control", "r+b") as file:
            self.control = mmap.mmap(file.fileno(), 8)
        self.addCleanup(self.control.close)
        before = dict(MODE["environment"])
        MODE["environment"].update(LD_PRELOAD=str(library), SLUICE_MEMORY=str(directory / "control"))
        try:
            return self.daemon(*arguments, **options)
        finally:
            MODE["environment"] = before

    def fails(self, one_in):
        self.control[:4] = struct.pack("=I", one_in)

    def run_rounds(self, daemon, one):
        """one(address, n) for each round, until it has met failures and can be sure of their absence afterwards."""
        for one_in in (300, 40):
            self.fails(one_in)
            for n in range(ROUNDS):
                one((daemon.tcp, daemon.unix)[n % 2], n)
        self.fails(0)
        self.assertGreater(struct.unpack("=I", self.control[4:])[0], 20)
        self.assertTrue(daemon.running, daemon.stderr)
        daemon.check_rest()

    def test_http(self):
        daemon = self.start("--demo-routes=yes", "--access-log", "json", "--access-log-file", "/dev/null")
        post = head("POST", "/echo", f"Content-Length: {len(BODY)}") + BODY
        put = head("PUT", "/echo", "Transfer-Encoding: chunked") + chunks(BODY[:7], BODY[7:])
        requests = [(head("GET", "/objects/hello"), b"hello, world\n"), (post, BODY), (head("GET", "/fib/10"), None),
                    (put, BODY), (head("GET", "/objects/size/65553"), self.tree.files["size/65553"]),
                    (head("GET", "/objects/hello", "Range: bytes=0-0,2-2"), None),
                    (head("GET", "/echo?describe=1&" + "a=b&" * 300), json.loads),
                    (head("GET", "/_/conns"), json.loads), (head("GET", "/_/stats"), json.loads),
                    (head("GET", "/_/metrics"), lambda text: exposition.parse(text.decode()))]

        def pipeline(address, n):
            turned = requests[n % len(requests):] + requests[:n % len(requests)]
            with HttpClient(address) as client:
                sender = client.send_in_background(b"".join(data for data, _ in turned))
                try:
                    for _, body in turned:
                        response = client.response()
                        self.assertIn(response.status, (200, 206, 503))
                        if response.status == 200 and callable(body):
                            body(response.body)
                        elif response.status == 200 and body is not None:
                            self.assertTrue(response.body == body)
                        if response.closes:
                            break
                except (EOFError, ConnectionResetError, BrokenPipeError):
                    pass
            sender.join()
        self.run_rounds(daemon, pipeline)

    def test_objects(self):
        daemon = self.start()

        def operations(address, n):
            try:
                with Client(address) as client:
                    for op in "CISLTAN":
                        reply = client.call(op, b"" if op == "T" else bytes(16) + (b"" if op == "L" else b"hello"))
                        self.assertIn(reply.status, ("OK", "BUSY"))
                        reply.close()
            except (EOFError, ConnectionResetError, BrokenPipeError):
                pass
        self.run_rounds(daemon, operations)

    def test_rpc(self):
        module = probe.build('''
            #include <sluice/rpc.h>
            #include <stdio.h>
            #include <string.h>
            static void measure(struct sluice_call *call, const char *params, void *user) {
                char text[40];
                (void)user;
                snprintf(text, sizeof text, "{\\"n\\":%zu}", strlen(params));
                sluice_call_result(call, text);
            }
            SLUICE_MODULE;
            int sluice_module_init(struct sluice_module *module) {
                return sluice_module_offer(module, &(struct sluice_offer){
                    .name = "measure", .schema = "{}", .kinds = SLUICE_METHOD, .handler = measure});
            }''', self.directory() / "measure.so")
        daemon = self.start("--modules", module)
        names = {f"a name of {n:05}": n for n in range(30)}  # with its quotes 16 bytes: buffers grow at such lengths
        length = len(json.dumps(names, separators=(",", ":")))
        wanted = {"measure": {"n": length}.__eq__, "config.get": lambda result: "# descriptors:" in result["text"]}
        methods = [*["measure"] * 8, "config.get", "ping", "object.list", "object.read", "object.info", "stats.get",
                   "rpc.discover", "tools/list"]
        params = {"measure": names, "object.read": {"key": "hello"}, "object.info": {"key": "hello"}}
        calls = [{"jsonrpc": "2.0", "id": n, "method": method, "params": params.get(method, {})}
                 for n, method in enumerate(methods)]

        def check(reply):
            good = wanted.get(methods[reply["id"]]) if "result" in reply else None
            self.assertTrue(not good or good(reply["result"]), reply)
            self.assertNotEqual(reply.get("error", {}).get("code"), -32602, reply)

        def lines(address, n):
            messages = calls if n % 3 else [calls]
            try:
                with Client(address) as client:
                    client.send(b"".join(json.dumps(message).encode() + b"\n" for message in messages))
                    for _ in messages:
                        while b"\n" not in client.buffer:
                            if not client.receive():
                                raise EOFError
                        replies = json.loads(client.take(client.buffer.index(b"\n") + 1))
                        for reply in replies if isinstance(replies, list) else [replies]:
                            check(reply)
            except (EOFError, ConnectionResetError, BrokenPipeError):
                pass
        self.run_rounds(daemon, lines)

    def test_ingestion(self):
        """What is accepted is in the log as it was sent, and of what is not nobody says that it is wrong."""
        log = self.directory() / "log"
        daemon = self.start(config=f'ingest {{ path = "{log}" ack = write }}\n')
        accepted = {}

        def own(name, tag):
            return "/metrics", {"name": name, "value": 1, "tags": {"t": tag}, "more": [None]}

        def otlp(name, tag):
            point = {"asDouble": 1, "attributes": [{"key": "t", "value": {"stringValue": tag}}]}
            return "/v1/metrics", {"resourceMetrics": [{"scopeMetrics": [{"metrics": [
                {"name": name, "gauge": {"dataPoints": [point]}}]}]}]}

        def post(address, n):
            name, tag = f"n{len(accepted)}_{n}", "x" * (2 ** (4 + n % 6) - 2)
            path, sample = (own, otlp)[n % 2](name, tag)
            try:
                with HttpClient(address) as client:
                    response = client.ask("POST", path, "Content-Type: application/json",
                                          body=json.dumps(sample).encode())
            except (EOFError, ConnectionResetError, BrokenPipeError):
                return
            self.assertIn(response.status, (200, 503))
            if response.status == 200:
                self.assertIn(json.loads(response.body), ({}, {"accepted": 1, "rejected": 0}))
                accepted[name] = tag
        self.run_rounds(daemon, post)
        self.assertGreater(len(accepted), ROUNDS / 2)
        lines = subprocess.run([BUILD / "sluice", "log", "cat", log], capture_output=True,
                               check=True).stdout.splitlines()
        found = {sample["name"]: sample["tags"]["t"] for sample in map(json.loads, lines)}
        self.assertEqual({name: found.get(name) for name in accepted}, accepted)

    TALKS = r'''
        #include <sluice/rpc.h>
        SLUICE_MODULE;
        static void talks(struct sluice_call *call, const char *params, void *user) {
            (void)params, (void)user;
            for (int i = 0; i < 10; i++)
                sluice_call_log(call, "info", "{\"words\":\"WORDS\"}");
            sluice_call_result(call, "{}");
        }
        int sluice_module_init(struct sluice_module *module) {
            struct sluice_offer offer = {.name = "talks", .kinds = SLUICE_TOOL, .handler = talks};
            return sluice_module_offer(module, &offer);
        }'''

    def test_streams_of_events(self):
        source = self.TALKS.replace("WORDS", "x" * 700)
        daemon = self.start("--modules", probe.build(source, self.directory() / "talks.so"))

        def talk(address, n):
            client = Modern(address)
            try:
                response = client.post("tools/call", {"name": "talks", "arguments": {}}, **{META + "logLevel": "info"})
                if response.get("Content-Type") == "text/event-stream":
                    self.assertIn("id", events(response.body)[-1])
            except (EOFError, ConnectionResetError, BrokenPipeError):
                pass
            finally:
                client.close()
        self.run_rounds(daemon, talk)
