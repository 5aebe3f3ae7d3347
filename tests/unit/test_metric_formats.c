/* The formats of metrics: samples from their specifications come out as they went in, and malformed ones are named
 * with their place. */
#include "handlers/ingest/json_records.h"
#include "handlers/ingest/lines.h"
#include "handlers/ingest/otlp.h"
#include "handlers/ingest/statsd_sets.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define NOW 1700000000000

static struct statsd_sets sets;
static struct decoding decoding;
static struct sample samples[16];
static unsigned count;

static void setup(void) {
    decoding = (struct decoding){.batch = batch_new(RECORD_NONE),
                                 .sets = &sets,
                                 .rules = {.labels = 32,
                                           .name_length = 100,
                                           .value_length = 100,
                                           .now_ms = NOW,
                                           .max_age_ms = 3600000,
                                           .max_ahead_ms = 60000}};
}

static void teardown(void) {
    statsd_sets_free(&sets);
    rules_free(&decoding.rules);
    batch_free(decoding.batch);
}

static void decode_bytes(ingest_decoder *decoder, const char *text, size_t n) {
    char *copy = malloc(n + 1);
    memcpy(copy, text, n);
    batch_free(decoding.batch);
    decoding.batch = batch_new(RECORD_NONE);
    decoder(&decoding, span_of(copy, n));
    free(copy);
    ck_assert_int_eq(decoding.error, 0);
    struct span rest = batch_samples(decoding.batch);
    for (count = 0; count < 16 && sample_decode(&rest, &samples[count]) == 0; count++)
        continue;
    ck_assert_uint_eq(rest.n, 0);
    ck_assert_uint_eq(count, decoding.batch->count);
}

static void decode(ingest_decoder *decoder, const char *text) {
    decode_bytes(decoder, text, strlen(text));
}

/* name{label=value,...} value @time */
static void expect(unsigned i, const char *wanted) {
    char text[512];
    ck_assert_uint_lt(i, count);
    int n = snprintf(text, sizeof(text), "%.*s{", (int)samples[i].name.n, samples[i].name.p);
    for (unsigned l = 0; l < samples[i].labels_n; l++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%.*s=%.*s", l ? "," : "",
                      (int)samples[i].labels[l].name.n, samples[i].labels[l].name.p,
                      (int)samples[i].labels[l].value.n, samples[i].labels[l].value.p);
    snprintf(text + n, sizeof(text) - (size_t)n, "} %g @%ld", samples[i].value,
             (long)(samples[i].time_ms - NOW));
    ck_assert_str_eq(text, wanted);
}

/* The only refusal, as its entry starts. */
static void expect_refusal(const char *start) {
    ck_assert_uint_eq(decoding.batch->refusals.count, 1);
    char text[512];
    snprintf(text, sizeof(text), "%.*s", (int)decoding.batch->refusals.text.n,
             decoding.batch->refusals.text.p);
    text[strlen(start)] = '\0';
    ck_assert_str_eq(text, start);
}

START_TEST(influx_values)
{
    decode(influx_decode,
           "weather,location=us-midwest,season=summer temperature=82,humidity=71i 1700000000001000000");
    ck_assert_uint_eq(count, 2);
    expect(0, "weather_temperature{location=us-midwest,season=summer} 82 @1");
    expect(1, "weather_humidity{location=us-midwest,season=summer} 71 @1");
    decode(influx_decode, "a,b\\ c=d\\=e\\,f value=-1.5e3\nflags on=true,off=F,large=18u\n");
    ck_assert_uint_eq(count, 3);
    expect(0, "flags_on{} 1 @0");
    expect(1, "flags_off{} 0 @0");
    expect(2, "flags_large{} 18 @0");
    expect_refusal("{\"line\":1,\"column\":3,\"code\":\"bad_label\"");
}
END_TEST

/* What a string says is no line; a backslash is one, unless an escaped character follows. */
START_TEST(influx_strings_and_backslashes)
{
    decode(influx_decode, "log msg=\"a\nfake v=1\r\n\",n=2 1700000000001000000\r\n"
                          "unc,p=\\\\s\\d\\\\\\,e v=3\nbad v=\nopen v=\"\nlast v=4");
    ck_assert_uint_eq(count, 3);
    expect(0, "log_n{} 2 @1");
    expect(1, "unc_v{p=\\\\s\\d\\\\,e} 3 @0");
    expect(2, "last_v{} 4 @0");
    const struct refusals *refusals = &decoding.batch->refusals;
    ck_assert_uint_eq(refusals->count, 3);
    ck_assert_ptr_nonnull(memmem(refusals->text.p, refusals->text.n, "{\"line\":5,\"column\":7", 20));
    ck_assert_ptr_nonnull(memmem(refusals->text.p, refusals->text.n, "{\"line\":6,\"column\":9", 20));
}
END_TEST

/* As Go and %f print it. */
START_TEST(numbers_written_out)
{
    char text[1600];
    snprintf(text, sizeof(text), "m value=%.1074f\nm value=%f\n", 5e-324, -1e300);
    decode(influx_decode, text);
    ck_assert_uint_eq(count, 2);
    ck_assert(samples[0].value == 5e-324 && samples[1].value == -1e300);
}
END_TEST

START_TEST(influx_precision)
{
    char *copy = strdup("a value=1 1700000001");
    decoding.query = span_text("db=x&precision=s");
    influx_decode(&decoding, span_of(copy, strlen(copy)));
    struct span rest = batch_samples(decoding.batch);
    ck_assert_int_eq(sample_decode(&rest, &samples[0]), 0);
    ck_assert_int_eq(samples[0].time_ms, NOW + 1000);
    free(copy);
}
END_TEST

START_TEST(malformed_influx)
{
    static const struct {
        const char *text, *refusal;
    } rows[] = {
        {"good value=1\nbad", "{\"line\":2,\"column\":4,\"code\":\"syntax\""},
        {",a=b value=1", "{\"line\":1,\"column\":1,\"code\":\"syntax\""},
        {"m,a value=1", "{\"line\":1,\"column\":4,\"code\":\"syntax\""},
        {"m,a= value=1", "{\"line\":1,\"column\":5,\"code\":\"syntax\""},
        {"m value=", "{\"line\":1,\"column\":9,\"code\":\"syntax\""},
        {"m value=12x", "{\"line\":1,\"column\":9,\"code\":\"syntax\""},
        {"m value=99999999999999999999i", "{\"line\":1,\"column\":9,\"code\":\"syntax\""},
        {"m value=\"open", "{\"line\":1,\"column\":14,\"code\":\"syntax\""},
        {"m value=1 soon", "{\"line\":1,\"column\":11,\"code\":\"syntax\""},
        {"m value=1 1700000000000000000 x", "{\"line\":1,\"column\":31,\"code\":\"syntax\""},
        {"m value=\"text\"", "{\"line\":1,\"column\":9,\"code\":\"bad_value\""},
        {"m value=1 5", "{\"line\":1,\"column\":11,\"code\":\"bad_time\""},
        {"m value=nan", "{\"line\":1,\"column\":9,\"code\":\"bad_value\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        decode(influx_decode, rows[i].text);
        expect_refusal(rows[i].refusal);
    }
}
END_TEST

START_TEST(prometheus_text)
{
    decode(prometheus_decode, "# HELP http_requests_total The total.\n# TYPE http_requests_total counter\n"
                              "http_requests_total{method=\"post\",code=\"200\"} 1027 1700000000005\n"
                              "http_requests_total{ text = \"a\\\\b\\\"c\\nd\" , }   3\n"
                              "# TYPE hits counter\nhits_total 5\nhits_created 7\nplain -1\n");
    ck_assert_uint_eq(decoding.batch->refusals.count, 0);
    ck_assert_uint_eq(count, 5);
    expect(0, "http_requests_total{code=200,method=post} 1027 @5");
    expect(1, "http_requests_total{text=a\\b\"c\nd} 3 @0");
    expect(2, "hits_total{} 5 @0");
    expect(4, "plain{} -1 @0");
    ck_assert(samples[0].type == SAMPLE_COUNTER && samples[0].cumulative);
    ck_assert(samples[2].type == SAMPLE_COUNTER && samples[2].cumulative);
    ck_assert(samples[3].type == SAMPLE_GAUGE && samples[4].type == SAMPLE_GAUGE);
    decode(prometheus_decode, "a 1 1700000001\nb 1 1700000000.004\nc 1 1.7e9 # {} 1\nd 1 1700000000005\n");
    ck_assert_uint_eq(count, 4);
    expect(0, "a{} 1 @1000");
    expect(1, "b{} 1 @4");
    expect(2, "c{} 1 @0");
    expect(3, "d{} 1 @5");
}
END_TEST

START_TEST(prometheus_histograms)
{
    decode(prometheus_decode,
           "# TYPE d histogram\nd_bucket{x=\"a\",le=\"0.5\"} 2\nd_bucket{x=\"b\",le=\"+Inf\"} 4\nother 1\n"
           "d_bucket{le=\"+Inf\",x=\"a\"} 5 1700000000005\nd_bucket{x=\"a\",le=\"1e0\"} 2\n"
           "d_sum{x=\"a\"} 2.5e-3 1700000000005\nd_count{x=\"a\"} 5 1700000000005\nd_sum{x=\"b\"} 9\n"
           "# TYPE e histogram\ne_count 3\n");
    ck_assert_uint_eq(decoding.batch->refusals.count, 0);
    ck_assert_uint_eq(count, 4);
    expect(1, "d{x=a} 0.0025 @5");
    expect(2, "d{x=b} 9 @0");
    expect(3, "e{} 0 @0");
    ck_assert(samples[1].type == SAMPLE_HISTOGRAM && samples[1].cumulative && samples[1].bounds_n == 2);
    ck_assert(samples[1].bounds[0] == 0.5 && samples[1].bounds[1] == 1);
    ck_assert(samples[1].counts[0] == 2 && samples[1].counts[1] == 0 && samples[1].counts[2] == 3);
    ck_assert(samples[2].bounds_n == 0 && samples[2].counts[0] == 4 && samples[3].counts[0] == 3);
}
END_TEST

START_TEST(prometheus_summaries)
{
    decode(prometheus_decode, "# TYPE d summary\nd{quantile=\"0.9\"} 7\nd{quantile=\"0.5\"} 3\n"
                              "d{quantile=\"0.99\"} NaN\nd_sum 11\nd_count 4\n");
    ck_assert_uint_eq(decoding.batch->refusals.count, 0);
    ck_assert_uint_eq(count, 1);
    expect(0, "d{} 11 @0");
    ck_assert(samples[0].type == SAMPLE_SUMMARY && samples[0].bounds_n == 2 && samples[0].counts[0] == 4);
    ck_assert(samples[0].bounds[0] == 0.5 && samples[0].values[0] == 3);
    ck_assert(samples[0].bounds[1] == 0.9 && samples[0].values[1] == 7);
}
END_TEST

START_TEST(malformed_prometheus_text)
{
    static const struct {
        const char *text, *refusal;
    } rows[] = {
        {"a 1\nb", "{\"line\":2,\"column\":2,\"code\":\"syntax\""},
        {"a{x=1} 1", "{\"line\":1,\"column\":5,\"code\":\"syntax\""},
        {"a{x=\"1} 1", "{\"line\":1,\"column\":10,\"code\":\"syntax\""},
        {"a{x=\"\\q\"} 1", "{\"line\":1,\"column\":7,\"code\":\"syntax\""},
        {"a{x=\"1\" y=\"2\"} 1", "{\"line\":1,\"column\":9,\"code\":\"syntax\""},
        {"a{=\"1\"} 1", "{\"line\":1,\"column\":3,\"code\":\"syntax\""},
        {"a 1 x", "{\"line\":1,\"column\":5,\"code\":\"syntax\""},
        {"a 1 1700000000000 x", "{\"line\":1,\"column\":19,\"code\":\"syntax\""},
        {"a NaN", "{\"line\":1,\"column\":3,\"code\":\"bad_value\""},
        {"a +Inf", "{\"line\":1,\"column\":3,\"code\":\"bad_value\""},
        {"a-b 1", "{\"line\":1,\"column\":1,\"code\":\"bad_name\""},
        {"# TYPE a", "{\"line\":1,\"column\":9,\"code\":\"syntax\""},
        {"a{b=\"1\",b=\"2\"} 1", "{\"line\":1,\"column\":9,\"code\":\"bad_label\""},
        {"a 1 5", "{\"line\":1,\"column\":5,\"code\":\"bad_time\""},
        {"# TYPE a counter\na -1", "{\"line\":2,\"column\":3,\"code\":\"bad_value\""},
        {"# TYPE a histogram\na_sum 1", "{\"line\":2,\"column\":1,\"code\":\"bad_value\""},
        {"# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count -1",
         "{\"line\":3,\"column\":9,\"code\":\"bad_value\""},
        {"# TYPE a histogram\na_bucket{le=\"1\"} 2\na_count 1",
         "{\"line\":2,\"column\":1,\"code\":\"bad_value\""},
        {"# TYPE a histogram\na_count 1\na_bucket{le=\"x\"} 2",
         "{\"line\":3,\"column\":1,\"code\":\"bad_label\""},
        {"# TYPE a summary\na{quantile=\"2\"} 1", "{\"line\":2,\"column\":1,\"code\":\"bad_value\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        decode(prometheus_decode, rows[i].text);
        expect_refusal(rows[i].refusal);
    }
}
END_TEST

START_TEST(statsd_lines)
{
    decode(statsd_decode, "hits:2|c|@0.1|#app:web,canary\ntemp:21.5|g\nlag:320|ms\nsize:3|h|@0.5");
    ck_assert_uint_eq(decoding.batch->refusals.count, 0);
    ck_assert_uint_eq(count, 4);
    expect(0, "hits{app=web,canary=true} 20 @0");
    expect(1, "temp{} 21.5 @0");
    expect(2, "lag{} 0.32 @0");
    expect(3, "size{} 6 @0");
    ck_assert_uint_eq(samples[2].counts[6], 1);
    ck_assert_uint_eq(samples[3].counts[9], 2);
}
END_TEST

START_TEST(statsd_of_datadog)
{
    decode(statsd_decode, "hits:1:2|c|@0.5|#b:x,,a:y,|c:in-1|T1700000001\nlevel:5:+2:-1|g\nlag:5:70|ms|#");
    ck_assert_uint_eq(decoding.batch->refusals.count, 0);
    ck_assert_uint_eq(count, 7);
    expect(0, "hits{a=y,b=x} 2 @1000");
    expect(1, "hits{a=y,b=x} 4 @1000");
    for (unsigned i = 2; i < 5; i++)
        ck_assert(samples[i].type == SAMPLE_GAUGE && samples[i].cumulative == (i > 2));
    expect(4, "level{} -1 @0");
    expect(6, "lag{} 0.07 @0");
}
END_TEST

/* The gauges at the end of an interval. */
static void flush(int64_t now_ms) {
    batch_free(decoding.batch);
    decoding.batch = batch_new(RECORD_NONE);
    statsd_sets_flush(&sets, decoding.batch, now_ms);
    struct span rest = batch_samples(decoding.batch);
    for (count = 0; count < 16 && sample_decode(&rest, &samples[count]) == 0; count++)
        continue;
}

START_TEST(statsd_sets)
{
    decode(statsd_decode, "users:7|s\nusers:a:b|s\nusers:7|s|#x:y\nusers:7|s\n:|s\nusers:|s");
    ck_assert_uint_eq(count, 0);
    expect_refusal("{\"line\":5");
    flush(NOW + 5);
    ck_assert_uint_eq(count, 2);
    expect(0, "users{} 3 @5");
    expect(1, "users{x=y} 1 @5");
    ck_assert(samples[0].type == SAMPLE_GAUGE && !samples[0].cumulative);
    decode(statsd_decode, "users:9|s\n");
    flush(NOW + 10);
    ck_assert_uint_eq(count, 2);
    expect(0, "users{} 1 @10");
    expect(1, "users{x=y} 0 @10");
    flush(NOW);
    flush(NOW);
    ck_assert(count == 0 && !sets.table);
}
END_TEST

START_TEST(values_of_sets_are_bounded)
{
    struct sample sample = {.name = span_text("s")};
    char text[4096] = "";
    unsigned n = 0;
    while (statsd_sets_add(&sets, &sample, span_of(text, sizeof(text))) == 0)
        memcpy(text, &(unsigned){++n}, sizeof(n));
    ck_assert_uint_gt(n, 4000);
    ck_assert_uint_le(n, STATSD_SETS_BYTES / sizeof(text));
    ck_assert_int_eq(statsd_sets_add(&sets, &sample, span_of(text, sizeof(text))), -ENOSPC);
    sample.name = span_text("t");
    ck_assert_int_eq(statsd_sets_add(&sets, &sample, span_text("more")), -ENOSPC);
    flush(NOW);
    ck_assert(count == 1 && samples[0].value == n);
    for (unsigned i = 0; i < 10000; i++)
        ck_assert_int_eq(statsd_sets_add(&sets, &sample, span_of((char *)&i, sizeof(i))), 0);
}
END_TEST

START_TEST(malformed_statsd)
{
    static const struct {
        const char *text, *refusal;
    } rows[] = {
        {"hits", "{\"line\":1,\"column\":5,\"code\":\"syntax\""},
        {"hits:1", "{\"line\":1,\"column\":7,\"code\":\"syntax\""},
        {":1|c", "{\"line\":1,\"column\":1,\"code\":\"syntax\""},
        {"hits:x|c", "{\"line\":1,\"column\":6,\"code\":\"syntax\""},
        {"hits:1|q", "{\"line\":1,\"column\":8,\"code\":\"syntax\""},
        {"hits:1|c|@2", "{\"line\":1,\"column\":10,\"code\":\"syntax\""},
        {"hits:1|c|#:x", "{\"line\":1,\"column\":11,\"code\":\"syntax\""},
        {"hits:1:x:2|c", "{\"line\":1,\"column\":8,\"code\":\"syntax\""},
        {"hits:1:|c", "{\"line\":1,\"column\":8,\"code\":\"syntax\""},
        {"hits:1:-1|c", "{\"line\":1,\"column\":8,\"code\":\"bad_value\""},
        {"hits:1|c|T1.5", "{\"line\":1,\"column\":10,\"code\":\"syntax\""},
        {"hits:1|c|T1", "{\"line\":1,\"column\":1,\"code\":\"bad_time\""},
        {"users:7|s|#__a:b", "{\"line\":1,\"column\":1,\"code\":\"bad_label\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        decode(statsd_decode, rows[i].text);
        expect_refusal(rows[i].refusal);
    }
}
END_TEST

/* The example of opentelemetry-proto (examples/metrics.json), its names shortened and its times ours. */
START_TEST(otlp_json)
{
    decode(otlp_json_decode,
           "{\"resourceMetrics\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{"
           "\"stringValue\":"
           "\"my.service\"}}]},\"scopeMetrics\":[{\"scope\":{\"name\":\"lib\"},\"metrics\":["
           "{\"name\":\"count\",\"unit\":\"1\",\"sum\":{\"aggregationTemporality\":1,\"isMonotonic\":true,"
           "\"dataPoints\":"
           "[{\"asDouble\":5,\"startTimeUnixNano\":\"1544712660300000000\",\"timeUnixNano\":"
           "\"1700000000002000000\","
           "\"attributes\":[{\"key\":\"attr\",\"value\":{\"stringValue\":\"some\"}}]}]}},"
           "{\"name\":\"level\",\"gauge\":{\"dataPoints\":[{\"asInt\":\"-10\",\"timeUnixNano\":"
           "1700000000000000000,"
           "\"attributes\":[{\"key\":\"i\",\"value\":{\"intValue\":\"7\"}},{\"key\":\"b\",\"value\":{"
           "\"boolValue\":true}}]}]}},"
           "{\"name\":\"hist\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{\"count\":\"2\","
           "\"sum\":2.5,"
           "\"bucketCounts\":[1,\"1\"],\"explicitBounds\":[1],\"timeUnixNano\":\"1700000000000000000\"}]}}]}]"
           "}]}");
    ck_assert_uint_eq(decoding.batch->refusals.count, 0);
    ck_assert_uint_eq(count, 3);
    expect(0, "count{attr=some,job=my.service} 5 @2");
    expect(1, "level{b=true,i=7,job=my.service} -10 @0");
    expect(2, "hist{job=my.service} 2.5 @0");
    ck_assert(samples[0].type == SAMPLE_COUNTER && !samples[0].cumulative);
    ck_assert(samples[2].cumulative && samples[2].counts[0] == 1 && samples[2].counts[1] == 1);
}
END_TEST

START_TEST(otlp_json_refusals)
{
    decode(otlp_json_decode,
           "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"a\",\"gauge\":{\"dataPoints\":"
           "[{\"asInt\":\"x\"},{\"asDouble\":1}]}}]}]}]}");
    ck_assert_uint_eq(count, 1);
    expect_refusal(
        "{\"index\":0,\"pointer\":\"/resourceMetrics/0/scopeMetrics/0/metrics/0/gauge/dataPoints/0\"");
    decode(otlp_json_decode, "{\"resourceMetrics\":[}");
    ck_assert(decoding.batch->malformed);
    expect_refusal("{\"index\":0,\"code\":\"syntax\",\"message\":\"line 1, column 21");
}
END_TEST

/* One resource, scope and metric abc: a cumulative monotonic sum of 42 at NOW, with k = 5. */
static const char protobuf[] =
    "\012\054\022\052\022\050\012\003\141\142\143\072\041\020\002\030\001\012\033\072"
    "\007\012\001\153\022\002\030\005\061\052\000\000\000\000\000\000\000\031\000\000"
    "\052\066\376\234\227\027";

START_TEST(otlp_protobuf)
{
    decode_bytes(otlp_protobuf_decode, protobuf, sizeof(protobuf) - 1);
    ck_assert_uint_eq(count, 1);
    expect(0, "abc{k=5} 42 @0");
    ck_assert(samples[0].cumulative && samples[0].type == SAMPLE_COUNTER);
}
END_TEST

START_TEST(cut_off_protobuf_is_malformed_as_a_whole)
{
    for (size_t n = 1; n < sizeof(protobuf) - 1; n++) {
        decode_bytes(otlp_protobuf_decode, protobuf, n);
        ck_assert(decoding.batch->malformed);
        ck_assert_uint_eq(count, 0);
        expect_refusal("{\"index\":0,\"code\":\"syntax\",\"message\":\"at byte ");
    }
}
END_TEST

START_TEST(rules_hold_for_all_formats)
{
    decode(json_records_decode, "{\"name\":\"a\",\"value\":1e308,\"tags\":{\"b\":\"\"}}");
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(samples[0].labels_n, 0); /* an empty label is none */
    decode(json_records_decode,
           "{\"name\":\"a\",\"value\":1,\"tags\":{\"b\":\"\\ud83d\\ude00\",\"a\":\"x\"}}");
    ck_assert(span_equal(samples[0].labels[0].name, span_text("a")));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("metric formats");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, influx_values);
    tcase_add_test(tests, influx_precision);
    tcase_add_test(tests, influx_strings_and_backslashes);
    tcase_add_test(tests, numbers_written_out);
    tcase_add_test(tests, malformed_influx);
    tcase_add_test(tests, prometheus_text);
    tcase_add_test(tests, prometheus_histograms);
    tcase_add_test(tests, prometheus_summaries);
    tcase_add_test(tests, malformed_prometheus_text);
    tcase_add_test(tests, statsd_lines);
    tcase_add_test(tests, statsd_of_datadog);
    tcase_add_test(tests, statsd_sets);
    tcase_add_test(tests, values_of_sets_are_bounded);
    tcase_add_test(tests, malformed_statsd);
    tcase_add_test(tests, otlp_json);
    tcase_add_test(tests, otlp_json_refusals);
    tcase_add_test(tests, otlp_protobuf);
    tcase_add_test(tests, cut_off_protobuf_is_malformed_as_a_whole);
    tcase_add_test(tests, rules_hold_for_all_formats);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
