// OpenTelemetry's own exporters: node otlp_exporter.js MODULES http|proto URL COMPRESSION
// Records a counter, an up-down counter, a gauge and a histogram, exports them once, and says how that went.
const [modules, kind, url, compression] = process.argv.slice(2);
const load = require("node:module").createRequire(modules + "/");
const { MeterProvider, PeriodicExportingMetricReader } = load("@opentelemetry/sdk-metrics");
const { OTLPMetricExporter } = load("@opentelemetry/exporter-metrics-otlp-" + kind);

const exporter = new OTLPMetricExporter({ url, compression });
const send = exporter.export.bind(exporter);
exporter.export = (metrics, done) => send(metrics, (result) => {
    console.log(result.code === 0 ? "exported" : "failed: " + result.error);
    done(result);
});
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3600000 });
const provider = new MeterProvider({ readers: [reader] });
const meter = provider.getMeter("sluice");
const requests = meter.createCounter("http.requests");
requests.add(3, { "http.method": "GET" });
requests.add(4, { "http.method": "PUT" });
meter.createUpDownCounter("queue.length").add(-2);
meter.createObservableGauge("room.temperature").addCallback((result) => result.observe(21.5, { room: "a" }));
const latency = meter.createHistogram("latency", { advice: { explicitBucketBoundaries: [1, 10, 100] } });
for (const value of [0.5, 5, 50, 500]) latency.record(value);
provider.shutdown();
