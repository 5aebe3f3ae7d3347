#!/bin/bash
# The tables of options and methods in README.md are what the program prints; with -i they are written anew.
set -u
cd "$(dirname "$0")/../.." || exit
program=${SLUICE_BUILD:-build}/sluiced
wanted=$(mktemp)
trap 'rm -f "$wanted"' EXIT
{
    sed '/^<!-- methods -->$/q' README.md
    "$program" --methods || exit 1
    sed -n '/^<!-- \/methods -->$/,/^<!-- options -->$/p' README.md
    "$program" --options || exit 1
    sed -n '/^<!-- \/options -->$/,$p' README.md
} >"$wanted"
if [ "${1:-}" = -i ]; then
    cat "$wanted" >README.md
elif ! diff -u README.md "$wanted"; then
    echo "README.md: the options or methods are out of date: tools/checks/tables.sh -i"
    exit 1
fi
