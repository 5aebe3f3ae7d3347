#!/bin/bash
# The tables of methods in README.md, of options in docs/options.md and of statuses in docs/protocol.md are what the
# program prints and the source says; with -i they are written anew.
set -u
cd "$(dirname "$0")/../.." || exit
program=${SLUICE_BUILD:-build}/sluiced
mode=${1:-}
failed=0
wanted=$(mktemp)
trap 'rm -f "$wanted"' EXIT

# shellcheck disable=SC2016,SC2317 # the quotes of Markdown; check calls it
statuses() {
    printf '\n| status | name | HTTP | JSON-RPC | meaning |\n|---|---|---|---|---|\n'
    sed -nE 's/^STATUS\((.*), (.*), (.*), (.*), "(.*)"\)$/| \1 | `\2` | \3 | \4 | \5 |/p' proto/status.def
    echo
}

# check FILE NAME COMMAND...: what stands in FILE between <!-- NAME --> and <!-- /NAME --> against what COMMAND prints
check() {
    local file=$1 name=$2
    {
        sed "/^<!-- $name -->\$/q" "$file"
        "${@:3}" || exit 1
        sed -n "/^<!-- \/$name -->\$/,\$p" "$file"
    } >"$wanted"
    if [ "$mode" = -i ]; then
        cat "$wanted" >"$file"
    elif ! diff -u "$file" "$wanted"; then
        echo "$file: the $name are out of date: tools/checks/tables.sh -i"
        failed=1
    fi
}

check README.md methods "$program" --methods
check docs/options.md options "$program" --options
check docs/protocol.md statuses statuses
exit $failed
