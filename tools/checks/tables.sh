#!/bin/bash
# The table of options in README.md is what the program prints; with -i it is written anew.
set -u
cd "$(dirname "$0")/../.." || exit
program=${SLUICE_BUILD:-build}/sluiced
wanted=$(mktemp)
trap 'rm -f "$wanted"' EXIT
{
    sed '/^<!-- options -->$/q' README.md
    "$program" --options || exit 1
    sed -n '/^<!-- \/options -->$/,$p' README.md
} >"$wanted"
if [ "${1:-}" = -i ]; then
    cat "$wanted" >README.md
elif ! diff -u README.md "$wanted"; then
    echo "README.md: the options are out of date: tools/checks/tables.sh -i"
    exit 1
fi
