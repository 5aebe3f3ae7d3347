#!/bin/bash
# Installs what sluice needs to build on Debian, with apt-get and only what is missing.
#
#     tools/setup.sh                 to build and test
#     tools/setup.sh --lint          also what `make lint`, `make format` and `make fuzz` run
#     tools/setup.sh --conformance   also what others check us with: promtool, nginx, wrk; below build/, the MCP
#                                    conformance suite and SDK, and OpenTelemetry's exporters
#     tools/setup.sh --bench         also the servers and load generators that `make bench` compares with
#
# Says nothing and changes nothing when nothing is missing. Who may not install is told what is missing; that is a
# failure if the build needs it.
set -eu

packages=(
    gcc           # the default compiler
    libc6-dev     # the C library's headers
    make          # the build
    libev-dev     # the event loop
    liburing-dev  # io_uring: file reads and splices
    libconfuse-dev # the configuration file
    libjansson-dev # JSON: statistics, RPC
    zlib1g-dev    # gzip in HTTP and metrics
    libnats-dev   # NATS JetStream: the forwarder of ingestion
    libssl-dev    # libcrypto: signed session ids of MCP
    uthash-dev    # hash tables
    pkg-config    # what modules of handlers are built with
    check         # unit tests
    python3       # end-to-end tests, the Python client
)
test_packages=(   # tests are skipped without them
    nats-server   # broker that the forwarder is tested with
    openssl       # keys and certificates for that broker
    curl          # HTTP as others speak it, in tests and README
    man-db        # reads our manual pages in tests
)
lint_packages=(
    clang         # second compiler
    libclang-rt-dev # libFuzzer and the sanitizers for clang
    clang-format  # layout
    clang-tidy    # static analysis
    shellcheck    # the scripts
)
bench_packages=(
    nginx-light   # peer: HTTP, reverse proxy
    lighttpd      # peer: HTTP files
    h2o           # peer: HTTP
    haproxy       # peer: reverse proxy, TCP tunnel
    linux-perf    # counts system calls
    wrk           # load generator to check ours against
)
conformance_packages=(
    prometheus    # promtool, which reads our exposition
    nginx-light   # a real upstream for the gateway
    wrk           # a load that others wrote
    nodejs        # its HTTP server and client, which ours is compared with
)

guard=/usr/sbin/policy-rc.d

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Peers are started by the bench and the tests alone: keeps their packages from starting them as services.
forbid_services() {
    if [ ! -e "$guard" ]; then
        trap 'as_root rm -f "$guard"' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$guard" >/dev/null
        as_root chmod 755 "$guard"
    fi
}

# What checks us from npm, in these versions, below build/: the MCP conformance suite with the node that it needs, the
# TypeScript SDK of MCP (its client of the second version, too), and OpenTelemetry's exporters of metrics.
node_arch=x64
[ "$(uname -m)" = aarch64 ] && node_arch=arm64
from_npm=(
    "node-linux-$node_arch@22.23.3"
    @modelcontextprotocol/conformance@0.2.0-alpha.12
    @modelcontextprotocol/sdk@1.32.2
    @modelcontextprotocol/client@2.4.0
    @opentelemetry/exporter-metrics-otlp-http@0.301.0
    @opentelemetry/exporter-metrics-otlp-proto@0.301.0
    @opentelemetry/sdk-metrics@3.1.0
)
install_conformance() {
    local place
    place=$(dirname "$0")/../build/conformance
    [ "$(cat "$place/installed" 2>/dev/null)" = "${from_npm[*]}" ] && return
    if ! command -v npm >/dev/null; then
        echo "setup.sh: no npm: not installed: ${from_npm[*]}" >&2
        return
    fi
    echo "setup.sh: installing ${from_npm[*]}" >&2
    mkdir -p "$place"
    npm install --silent --no-save --prefix "$place" "${from_npm[@]}" </dev/null
    echo "${from_npm[*]}" >"$place/installed"
}

conformance=
for option in "$@"; do
    case $option in
    --lint) packages+=("${lint_packages[@]}") ;;
    --bench) packages+=("${bench_packages[@]}") ;;
    --conformance)
        conformance=yes
        packages+=("${conformance_packages[@]}")
        ;;
    *)
        echo "usage: tools/setup.sh [--lint] [--bench] [--conformance]" >&2
        exit 2
        ;;
    esac
done

[ -z "$conformance" ] || install_conformance

missing=()
add_missing() {
    local package
    for package in "$@"; do
        installed "$package" || missing+=("$package")
    done
}
add_missing "${packages[@]}"
needed=${#missing[@]}
add_missing "${test_packages[@]}"
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "setup.sh: no apt-get here: the equivalents of these are needed: ${missing[*]}" >&2
    exit 0
fi
if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    echo "setup.sh: not root and no sudo; as root run: apt-get install ${missing[*]}" >&2
    exit $((needed > 0))
fi
echo "setup.sh: installing ${missing[*]}" >&2
forbid_services
as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update
as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" \
    </dev/null >/dev/null
