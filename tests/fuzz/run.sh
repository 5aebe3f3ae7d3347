#!/bin/bash
# Fuzzes each target of BUILD for $FUZZ_SECONDS, from the committed corpus; finds go to BUILD/corpus/NAME,
# crashes to BUILD/crash-*: a new find worth keeping is copied to tests/fuzz/corpus/NAME by hand.
#
#     tests/fuzz/run.sh BUILD
set -u
build=$1
here=$(dirname "$0")
seconds=${FUZZ_SECONDS:-30}
export ASAN_OPTIONS=detect_leaks=1
failed=0
for program in "$build"/tests/fuzz_*; do
    name=${program##*/fuzz_}
    mkdir -p "$build/corpus/$name"
    log=$build/$name.log
    if "$program" -max_total_time="$seconds" -timeout=10 -print_final_stats=1 -artifact_prefix="$build/" \
        "$build/corpus/$name" "$here/corpus/$name" >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        echo "  ok    $name: $runs runs in $seconds s"
    else
        echo "  FAIL  $name"
        tail -n 40 "$log"
        failed=1
    fi
done
exit $failed
