"""Metrics in other formats than our own, as their senders send them."""
import gzip
import json
import shutil
import struct
import subprocess

from ingest_case import IngestCase, wall_ms


# OTLP's messages: the number and the type of each field; a tuple is packed.
OTLP = {
    "request": {"resourceMetrics": (1, ["resource metrics"])},
    "resource metrics": {"resource": (1, "resource"), "scopeMetrics": (2, ["scope metrics"])},
    "resource": {"attributes": (1, ["attribute"])},
    "attribute": {"key": (1, "text"), "value": (2, "value")},
    "value": {"stringValue": (1, "text"), "boolValue": (2, "varint"), "intValue": (3, "varint"),
              "doubleValue": (4, "double"),
              "arrayValue": (5, "array")},
    "array": {"values": (1, ["value"])},
    "scope metrics": {"metrics": (2, ["metric"])},
    "metric": {"name": (1, "text"), "gauge": (5, "numbers"), "sum": (7, "numbers"), "histogram": (9, "histograms"),
               "exponentialHistogram": (10, "histograms")},
    "numbers": {"dataPoints": (1, ["number"]), "aggregationTemporality": (2, "varint"), "isMonotonic": (3, "varint")},
    "number": {"timeUnixNano": (3, "fixed"), "asDouble": (4, "double"), "asInt": (6, "fixed"),
               "attributes": (7, ["attribute"]),
               "flags": (8, "varint")},
    "histograms": {"dataPoints": (1, ["histogram point"]), "aggregationTemporality": (2, "varint")},
    "histogram point": {"timeUnixNano": (3, "fixed"), "count": (4, "fixed"), "sum": (5, "double"),
                        "bucketCounts": (6, ("fixed",)),
                        "explicitBounds": (7, ("double",)), "attributes": (9, ["attribute"])},
}


def varint(number):
    number &= (1 << 64) - 1
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


def encoded(type, value):
    """The wire type, and the value without a length."""
    if type == "varint":
        return 0, varint(value)
    if type in ("fixed", "double"):
        return 1, struct.pack("<q" if type == "fixed" else "<d", value)
    if isinstance(type, tuple):
        return 2, b"".join(encoded(type[0], one)[1] for one in value)
    return 2, value.encode() if type == "text" else protobuf(type, value)


def protobuf(message, fields):
    """A message of OTLP from what stands for it in JSON, but for numbers, which are not quoted."""
    out = b""
    for name, value in fields.items():
        number, type = OTLP[message][name]
        for one in value if isinstance(type, list) else [value]:
            wire, data = encoded(type[0] if isinstance(type, list) else type, one)
            out += varint(number << 3 | wire) + (varint(len(data)) if wire == 2 else b"") + data
    return out


class Formats(IngestCase):
    def setUp(self):
        super().setUp()
        self.link = self.http(self.ingest())

    def logged(self):
        return [(s["name"], s["value"], s["tags"]) for s in self.cat()]

    def test_a_record_that_cannot_be_read_spoils_no_other(self):
        good = '{"name":"good","value":1}'
        for bad in '{"name":"a","value":1e400}', '{"name":"a","name":"b","value":1}':
            answer = self.post(self.link, f"[{good},{bad},{good}]")
            self.assertRefused(answer, 200, "syntax", ("index", 1), "/1")
            self.assertEqual((answer.json["accepted"], answer.json["rejected"]), (2, 1))
        answer = self.post(self.link, f"nonsense\n{good}\n{good}\n")
        self.assertRefused(answer, 200, "syntax", ("line", 1))
        self.assertEqual((answer.json["accepted"], answer.json["rejected"]), (2, 1))

    def test_long_whole_numbers_are_numbers(self):
        long = '{"name":"long","value":100000000000000000000}'
        for body in long, f"[{long}]", f"{long}\n{long}\n":
            self.assertEqual(self.post(self.link, body).json["rejected"], 0)
        self.assertEqual({sample["value"] for sample in self.cat()}, {1e20})

    def test_influx(self):
        now = wall_ms()
        body = f"cpu,host=a usage=0.5,idle=99i {now}000000\nmem used=1\n"
        for path in "/write?db=x", "/api/v2/write?precision=ns":
            answer = self.post(self.link, body, path)
            self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(answer.ack, "fsync; seq=4-6")
        self.assertEqual(self.logged()[:3], [("cpu_usage", 0.5, {"host": "a"}), ("cpu_idle", 99, {"host": "a"}),
                                             ("mem_used", 1, {})])
        self.assertEqual(self.cat()[0]["timestamp"], now)
        answer = self.post(self.link, "cpu usage=1\ncpu usage=\n", "/write")
        self.assertRefused(answer, 200, "syntax", ("line", 2, 11))
        self.assertEqual((answer.json["accepted"], answer.json["rejected"]), (1, 1))
        answer = self.post(self.link, "cpu usage=1 1", "/write?precision=fortnights")
        self.assertIn("precision", self.assertRefused(answer, 400, "syntax", ("line", 1))["message"])
        self.assertEqual(self.post(self.link, "cpu usage=1", "/write", Idempotency_Key="k").status, 204)
        again = self.post(self.link, "cpu usage=1", "/write", Idempotency_Key="k")
        self.assertEqual((again.status, again.ack), (204, "fsync; seq=8"))

    def test_influx_senders_do_not_retry_what_was_taken(self):
        """Telegraf drops a batch on 4xx, is content with 204, and else looks for these words in `error`."""
        answer = self.post(self.link, 'system uptime="10 days",load1=0.5', "/write")
        self.assertRefused(answer, 200, "bad_value", ("line", 1, 15))
        self.assertEqual(answer.json["error"], "partial write: line 1, column 15: a string is no metric")
        self.assertEqual(self.logged(), [("system_load1", 0.5, {})])
        answer = self.post(self.link, "system load1=x", "/write?precision=")
        self.assertEqual((answer.status, answer.json["error"][:16]), (400, "unable to parse:"))

    def test_influx_integers_and_blank_lines(self):
        body = "a v=18446744073709551615u\n  \n  # a comment\r\n\t\n b v=-9223372036854775808i\n"
        self.assertEqual(self.post(self.link, body, "/write").status, 204)
        self.assertEqual(self.logged(), [("a_v", 2.0**64, {}), ("b_v", -2.0**63, {})])
        for value in "18446744073709551616u", "-1u", "9223372036854775808i":
            self.assertRefused(self.post(self.link, f"a v={value}", "/write"), 400, "syntax", ("line", 1, 5))

    def test_a_character_is_escaped_once(self):
        self.assertEqual(self.post(self.link, "m\u00f6bel,\u00f6rt=x v=1".encode(), "/write").status, 204)
        self.assertEqual(self.logged(), [("m_bel_v", 1, {"_rt": "x"})])

    def test_openmetrics_exemplars_and_types(self):
        body = '# TYPE hits counter\nhits_total 5 # {trace_id="x"} 0.5 1234.5\n'
        body += f'took{{le="1"}} 2 {wall_ms()} # {{}} 1\n# EOF\n'
        self.assertEqual(self.post(self.link, body, "/api/v1/import/prometheus").status, 204)
        self.assertEqual(self.logged(), [("hits_total", 5, {}), ("took", 2, {"le": "1"})])
        for line, column in ("hits 1 # x", 8), ("# TYPE hits number", 13):
            answer = self.post(self.link, line, "/api/v1/import/prometheus")
            self.assertRefused(answer, 400, "syntax", ("line", 1, column))

    def test_prometheus(self):
        body = '# TYPE hits counter\nhits{code="200"} 5\nhits{code="500"} 1\ntemp 20.5\n'
        self.assertEqual(self.post(self.link, body, "/api/v1/import/prometheus").status, 204)
        self.assertEqual(self.logged(),
                         [("hits", 5, {"code": "200"}), ("hits", 1, {"code": "500"}), ("temp", 20.5, {})])
        self.assertEqual(self.post(self.link, body.replace(" 5", " 7"), "/api/v1/import/prometheus").status, 204)
        self.assertIn('\nhits{code="200"} 7\n', self.get(self.link, "/metrics")[1])
        self.assertRefused(self.post(self.link, "hits{", "/api/v1/import/prometheus"), 400, "syntax", ("line", 1))

    def test_what_we_expose_can_be_imported(self):
        self.post(self.link,
                  [{"name": "a", "value": 1, "tags": {"x": 'q"\\\n'}}, {"name": "h", "type": "histogram", "value": 2}])
        body = ('# TYPE s_seconds summary\ns_seconds{quantile="0.5"} 2\ns_seconds_sum 5\ns_seconds_count 2\n'
                '# TYPE n_total counter\nn_total 3\n')
        self.assertEqual(self.post(self.link, body, "/api/v1/import/prometheus").status, 204)
        text = self.get(self.link, "/metrics")[1]
        self.assertIn(body[:body.index("# TYPE n_total")], text)
        self.log = self.directory() / "second"
        link = self.http(self.ingest())
        answer = self.post(link, text, "/api/v1/import/prometheus")
        self.assertEqual(answer.status, 204, answer)
        self.assertEqual([sample["type"] for sample in self.cat()], ["gauge", "histogram", "summary", "counter"])
        self.assertEqual(sorted(self.get(link, "/metrics")[1].splitlines()), sorted(text.splitlines()))

    def otlp(self, *points):
        return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [
            {"name": "http.requests",
             "sum": {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": list(points)}}]}]}]}

    def test_otlp_json(self):
        nano = str(wall_ms() * 1_000_000)
        answer = self.post(self.link, self.otlp({"asInt": "5", "timeUnixNano": nano}), "/v1/metrics",
                           Content_Type="application/json")
        self.assertEqual((answer.status, answer.json), (200, {}))
        answer = self.post(self.link,
                           self.otlp({"asInt": "6", "timeUnixNano": nano}, {"asInt": "-1", "timeUnixNano": nano}),
                           "/v1/metrics", Content_Type="application/json; charset=utf-8")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.json["partialSuccess"]["rejectedDataPoints"], "1")
        self.assertEqual([name for name, _, _ in self.logged()], ["http_requests"] * 2)
        answer = self.post(self.link, b"{", "/v1/metrics", Content_Type="application/json")
        self.assertEqual((answer.status, answer.json["code"]), (400, 3))
        self.assertIn("line 1, column 2: ", answer.json["message"])
        self.assertEqual(self.post(self.link, b"{}", "/v1/metrics", Content_Type="text/plain").status, 415)

    def metric(self, metric, resource=None):
        """What becomes of an OTLP metric: the error message, or the sample."""
        attributes = [{"key": key, "value": {"stringValue": value}} for key, value in (resource or {}).items()]
        body = {"resourceMetrics": [{"resource": {"attributes": attributes}, "scopeMetrics": [{"metrics": [metric]}]}]}
        answer = self.post(self.link, body, "/v1/metrics", Content_Type="application/json")
        self.assertEqual(answer.status, 200, answer)
        return answer.json.get("partialSuccess", {}).get("errorMessage") or self.cat()[-1]

    def test_otlp_points_that_are_refused_have_their_place(self):
        place = "/resourceMetrics/0/scopeMetrics/0/metrics/0/"
        buckets = {"count": "4", "sum": 1, "bucketCounts": ["1", "2"], "explicitBounds": [1]}
        for kind, more, point in (("gauge", {}, {"asInt": None}), ("gauge", {}, {"asDouble": "NaN"}),
                                  ("summary", {}, {"count": 1}),
                                  ("histogram", {"aggregationTemporality": 2}, buckets)):
            message = self.metric({"name": "m", kind: {**more, "dataPoints": [point]}})
            self.assertTrue(message.startswith(f"{place}{kind}/dataPoints/0: "), message)

    def test_otlp_null_is_not_there(self):
        point = {"asDouble": None, "asInt": "3", "timeUnixNano": None, "attributes": None, "flags": None}
        self.assertEqual(self.metric({"name": "m", "sum": None, "gauge": {"dataPoints": [point]}})["value"], 3)

    def test_otlp_resources_say_who_sends(self):
        gauge = {"name": "m", "gauge": {"dataPoints": [{"asInt": 1}]}}
        resource = {"service.name": "shop", "service.instance.id": "i-1", "host.name": "h"}
        self.assertEqual(self.metric(gauge, resource)["tags"], {"job": "shop", "instance": "i-1"})
        self.assertEqual(self.metric(gauge, {**resource, "service.namespace": "eu"})["tags"]["job"], "eu/shop")
        gauge["gauge"]["dataPoints"][0]["attributes"] = [{"key": "job", "value": {"stringValue": "mail"}}]
        self.assertEqual(self.metric(gauge, resource)["tags"], {"job": "shop", "instance": "i-1"})
        self.assertEqual(self.metric(gauge)["tags"], {"job": "mail"})

    def test_otlp_json_of_another_shape_is_no_success(self):
        for body, member in (({"resourceMetrics": 5}, "resourceMetrics"),
                             ({"resourceMetrics": ["x"]}, "resourceMetrics"),
                             ({"resourceMetrics": [{"scopeMetrics": {}}]}, "scopeMetrics"),
                             ({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"gauge": 1}]}]}]}, "gauge"),
                             ({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"gauge": {"dataPoints": "x"}}]}]}]},
                              "dataPoints")):
            answer = self.post(self.link, body, "/v1/metrics", Content_Type="application/json")
            self.assertEqual((answer.status, answer.ack), (400, None), answer)
            self.assertIn(member, answer.json["message"])
        for body in ({}, {"resourceMetrics": None}, {"other": 5, "resourceMetrics": [{"scopeMetrics": []}]}):
            self.assertEqual(self.post(self.link, body, "/v1/metrics", Content_Type="application/json").json, {})

    def test_otlp_json_numbers(self):
        def gauge(point):
            metric = {"name": "g", "gauge": {"dataPoints": [point]}}
            return json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]})

        long = gauge({"asDouble": "LONG"}).replace('"LONG"', "100000000000000000000")
        for body in long, gauge({"asInt": 5.0}):
            self.assertEqual(self.post(self.link, body, "/v1/metrics", Content_Type="application/json").json, {})
        self.assertEqual([value for _, value, _ in self.logged()], [1e20, 5])
        answer = self.post(self.link, gauge({"asInt": 5.5}), "/v1/metrics", Content_Type="application/json")
        self.assertEqual(answer.json["partialSuccess"]["rejectedDataPoints"], "1")
        for body, member in ((gauge({"asInt": 5, "attributes": {"a": "b"}}), "attributes"),
                             ("[]", "object"), ("", "object")):
            answer = self.post(self.link, body, "/v1/metrics", Content_Type="application/json")
            self.assertEqual(answer.status, 400, answer)
            self.assertIn(member, answer.json["message"])

    def test_otlp_histogram_without_buckets(self):
        body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "h", "histogram": {
            "aggregationTemporality": 1, "dataPoints": [{"count": "6", "sum": 3.5}]}}]}]}]}
        self.assertEqual(self.post(self.link, body, "/v1/metrics", Content_Type="application/json").json, {})
        self.assertIn('h_bucket{le="+Inf"} 6\nh_sum 3.5\nh_count 6\n', self.get(self.link, "/metrics")[1])

    def test_otlp_of_a_batch_that_is_refused_whole(self):
        self.log = self.directory() / "whole"
        link = self.http(self.ingest("partial = no"))
        answer = self.post(link, self.otlp({"asInt": "6"}, {"asInt": "x"}, {"asInt": "7"}), "/v1/metrics",
                           Content_Type="application/json")
        self.assertEqual((answer.status, answer.ack, answer.json["partialSuccess"]["rejectedDataPoints"]),
                         (200, None, "3"))
        self.assertEqual(self.cat(), [])

    def test_an_empty_body(self):
        for body in ("", " \n"):
            error = self.assertRefused(self.post(self.link, body), 400, "syntax", ("line", 1, 1))
            self.assertEqual(error["message"], "the body is empty")

    def test_otlp_protobuf(self):
        body = protobuf("request", {"resourceMetrics": [{"scopeMetrics": [{"metrics": [
            {"name": "up", "gauge": {"dataPoints": [{"asInt": 7, "timeUnixNano": wall_ms() * 1_000_000}]}}]}]}]})
        answer = self.post(self.link, gzip.compress(body), "/v1/metrics", Content_Type="application/x-protobuf",
                           Content_Encoding="gzip")
        self.assertEqual((answer.status, answer.body, answer.fields["Content-Type"]),
                         (200, b"", "application/x-protobuf"))
        self.assertEqual(self.logged(), [("up", 7, {})])
        for _ in range(2):
            answer = self.post(self.link, body, "/v1/metrics", Content_Type="application/x-protobuf",
                               Idempotency_Key="k")
            self.assertEqual((answer.status, answer.ack, answer.fields["Content-Type"]),
                             (200, "fsync; seq=2", "application/x-protobuf"))
        answer = self.post(self.link, body[:-3], "/v1/metrics", Content_Type="application/x-protobuf")
        self.assertEqual(answer.status, 400)
        self.assertTrue(answer.body.startswith(b"\x08\x03\x12"))

    def test_otlp_protobuf_means_what_json_means(self):
        now = wall_ms() * 1_000_000
        attributes = [{"key": key, "value": value} for key, value in (
            ("text", {"stringValue": "ü"}), ("yes", {"boolValue": True}), ("no", {"boolValue": False}),
            ("whole", {"intValue": -5}), ("real", {"doubleValue": 0.1}))]
        resource = [{"key": f"service.{key}", "value": {"stringValue": key}}
                    for key in ("namespace", "name", "instance.id")]
        complex = [{"key": "a", "value": {"arrayValue": {"values": [{"intValue": 1}]}}}]
        buckets = {"count": 6, "sum": -2.5, "timeUnixNano": now,
                   "bucketCounts": [1, 2, 3], "explicitBounds": [0.5, 1e9]}
        delta, cumulative = {"aggregationTemporality": 1}, {"aggregationTemporality": 2}
        rising, other = {"isMonotonic": True}, {"isMonotonic": False}
        kinds = (  # the last five are refused
            ("gauge", {}, [{"asDouble": -0.25, "timeUnixNano": now, "attributes": attributes}]),
            ("gauge", {}, [{"asInt": -3, "timeUnixNano": now - 1_000_000}]),
            ("sum", {**cumulative, **rising}, [{"asDouble": 1e300, "timeUnixNano": now}]),
            ("sum", {**delta, **rising}, [{"asInt": 2, "timeUnixNano": now}]),
            ("sum", {**cumulative, **other}, [{"asInt": 4, "timeUnixNano": now}]),
            ("histogram", cumulative, [buckets, {**buckets, "attributes": attributes}]),
            ("gauge", {}, [{"asInt": 1, "flags": 1}, {"timeUnixNano": now}]),
            ("gauge", {}, [{"asInt": 1, "attributes": complex}]),
            ("exponentialHistogram", cumulative, [{"count": 1}]),
            ("sum", {**delta, **other}, [{"asInt": 1}]))
        metrics = [{"name": f"m{n}", kind: {"dataPoints": points, **more}}
                   for n, (kind, more, points) in enumerate(kinds)]
        body = {"resourceMetrics": [{"resource": {"attributes": resource}, "scopeMetrics": [{"metrics": metrics}]}]}
        answer = self.post(self.link, body, "/v1/metrics", Content_Type="application/json")
        self.assertEqual(answer.json["partialSuccess"]["rejectedDataPoints"], "5", answer)
        answer = self.post(self.link, protobuf("request", body), "/v1/metrics", Content_Type="application/x-protobuf")
        self.assertEqual((answer.status, answer.body[2:4]), (200, b"\x08\x05"))
        told = [[sample[key] for key in ("name", "type", "value", "tags", "timestamp")] for sample in self.cat()]
        self.assertEqual(len(told), 14)
        self.assertEqual(told[7:], told[:7])
        self.assertEqual(told[0][2:4], [-0.25, {"text": "ü", "yes": "true", "no": "false", "whole": "-5",
                                               "real": "0.10000000000000001", "job": "namespace/name",
                                               "instance": "instance.id"}])

    def test_otlp_errors_are_statuses(self):
        self.log = self.directory() / "limited"
        link = self.http(self.ingest("rate = 1", "rate_burst = 1"))
        json_type, protobuf = "application/json", "application/x-protobuf"
        for status, code, fields in (415, 3, {"Content_Encoding": "br"}), (400, 3,
                                                                           {"Content_Encoding": "gzip"}), (429, 8, {}):
            if status == 429:
                self.post(link, [{"name": "a", "value": 1}] * 100)
            answer = self.post(link, b"x", "/v1/metrics", Content_Type=json_type, **fields)
            self.assertEqual((answer.status, answer.json["code"]), (status, code))
            text = answer.json["message"].encode()
            answer = self.post(link, b"x", "/v1/metrics", Content_Type=protobuf, **fields)
            self.assertEqual((answer.status, answer.fields["Content-Type"]), (status, protobuf))
            self.assertEqual(answer.body, b"\x08" + bytes([code]) + b"\x12" + bytes([len(text)]) + text)
        self.assertGreater(int(answer.fields["Retry-After"]), 0)
        self.assertIn("RateLimit", answer.fields)

    def test_curl(self):
        if not shutil.which("curl"):
            self.skipTest("curl is not installed")
        url = f"http://{self.link.host}:{self.link.port}/metrics"
        done = subprocess.run(["curl", "-sS", "-d", '{"name":"from_curl","value":1}', url], capture_output=True,
                              text=True)
        self.assertEqual(json.loads(done.stdout), {"accepted": 1, "rejected": 0}, done)
        self.assertEqual(self.logged(), [("from_curl", 1, {})])
