#!/bin/bash
# Runs all checks; says which failed.
set -u
here=$(dirname "$0")
failed=0
for check in floors headers sizes tables scripts format analyse; do
    if output=$("$here/$check.sh" 2>&1); then
        echo "  ok    $check"
    else
        echo "  FAIL  $check"
        failed=1
    fi
    [ -z "$output" ] || echo "$output"
done
exit $failed
