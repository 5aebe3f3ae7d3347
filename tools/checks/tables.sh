#!/bin/bash
# The table of methods in README.md and those of options in docs/options.md are what the program prints; with -i they
# are written anew.
set -u
cd "$(dirname "$0")/../.." || exit
program=${SLUICE_BUILD:-build}/sluiced
mode=${1:-}
failed=0
wanted=$(mktemp)
trap 'rm -f "$wanted"' EXIT

# check FILE NAME: what stands in FILE between <!-- NAME --> and <!-- /NAME --> against `sluiced --NAME`
check() {
    local file=$1 name=$2
    {
        sed "/^<!-- $name -->\$/q" "$file"
        "$program" "--$name" || exit 1
        sed -n "/^<!-- \/$name -->\$/,\$p" "$file"
    } >"$wanted"
    if [ "$mode" = -i ]; then
        cat "$wanted" >"$file"
    elif ! diff -u "$file" "$wanted"; then
        echo "$file: the $name are out of date: tools/checks/tables.sh -i"
        failed=1
    fi
}

check README.md methods
check docs/options.md options
exit $failed
