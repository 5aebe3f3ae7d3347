#!/bin/bash
# Shows the object server at work: one large file by every delivery and transport, each compared with the
# original, then a list and some statistics. Uses $SLUICE_BUILD (default: build); leaves nothing behind.
set -eu
cd "$(dirname "$0")/.."
build=${SLUICE_BUILD:-build}
work=$(mktemp -d)
daemon=
drained=

# The daemon has ended when this returns.
drain() {
    [ -n "$daemon" ] || return 0
    kill -TERM "$daemon" 2>/dev/null || true
    drained=0
    wait "$daemon" || drained=$?
    daemon=
}

clean() {
    drain
    wait
    rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM

# large_file: a file of at least 20 MB: the compiler proper, the largest below /usr/lib, or one made here
large_file() {
    local compiler found
    compiler=$(gcc -print-prog-name=cc1 2>/dev/null || true)
    if [ -f "$compiler" ] && [ "$(stat -Lc %s "$compiler")" -ge 20000000 ]; then
        readlink -f "$compiler"
        return
    fi
    found=$(find /usr/lib -xdev -type f -readable -size +20000k -printf '%s %p\n' 2>/dev/null | sort -n | tail -n 1)
    if [ -n "$found" ]; then
        echo "${found#* }"
        return
    fi
    mkdir "$work/tree"
    head -c 32000000 /dev/urandom >"$work/tree/large"
    echo "$work/tree/large"
}

# start ROOT: sets daemon, unix and tcp
start() {
    local line
    mkfifo "$work/log"
    : >"$work/start"
    "$build/sluiced" --root "$1" --listen "unix:$work/sluice.sock" --listen tcp:127.0.0.1:0 2>"$work/log" &
    daemon=$!
    exec 3<"$work/log"
    while read -r line <&3; do
        case $line in
        ready:*)
            read -r _ unix tcp <<<"$line"
            cat <&3 >"$work/messages" &
            exec 3<&-
            return
            ;;
        *) echo "$line" >>"$work/start" ;;
        esac
    done
    echo "sluiced did not start:"
    cat "$work/start"
    exit 1
}

# fetch MODE TRANSPORT ADDRESS: one row of the table
fetch() {
    local begin end bytes sum
    begin=${EPOCHREALTIME/./}
    "$build/sluice" -s "$3" get --mode "$1" "$key" -o "$work/copy"
    end=${EPOCHREALTIME/./}
    bytes=$(stat -c %s "$work/copy")
    sum=$(sha256sum <"$work/copy")
    if [ "$sum" != "$original" ]; then
        echo "$1 over $2: the copy differs from the original"
        exit 1
    fi
    rm "$work/copy"
    awk -v mode="$1" -v transport="$2" -v bytes="$bytes" -v us=$((end - begin)) 'BEGIN {
        printf "  %-9s %-9s %12d %8.1f ms %8.0f   same\n", mode, transport, bytes, us / 1000, bytes / us }'
}

file=$(large_file)
root=$(dirname "$file")
key=$(basename "$file")
original=$(sha256sum <"$file")
start "$root"

echo "sluiced serves $root at unix:... and $tcp"
echo
echo "$key, each time written to a new file:"
echo "  delivery  transport        bytes        time     MB/s   sha256"
fetch fd unix "$unix"
fetch copy unix "$unix"
fetch splice unix "$unix"
fetch copy tcp "$tcp"
fetch splice tcp "$tcp"
echo
echo "sluice ls:"
"$build/sluice" -s "$unix" ls >"$work/list"
head -n 5 "$work/list" | sed 's/^/  /'
echo "  ... $(wc -l <"$work/list") objects in all"
echo
echo "sluice stats (of latencies: count, mean, p50, p99, p999, max in ns):"
"$build/sluice" -s "$unix" stats >"$work/stats"
sed '/^object_rates/,$d' "$work/stats" |
    grep -E '^  (fds_passed|jobs_(spot|pool|ring)|served_(fd|copy|splice)|latency_(fdpass|copy|splice)) '
echo
drain
echo "drained: exit status $drained"
[ "$drained" -eq 0 ]
