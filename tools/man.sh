#!/bin/bash
# Prints a manual page: a file of docs/man, with what the programs below $SLUICE_BUILD (default: build) tell in place of
# its lines that begin with @.
#
#     tools/man.sh docs/man/sluice.1
#
#     @help PROGRAM [COMMAND]    its help as it is, of a command without what holds for all
#     @list PROGRAM              the options in its help, as items of a list
#     @options                   the tables of sluiced's options
set -eu
build=${SLUICE_BUILD:-build}

# What would mean something to roff; hyphens stay what a terminal's user can copy.
# shellcheck disable=SC2016 # awk's own variables
quote='
function quote(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    gsub(/\047/, "\\(aq", text)
    gsub(/`/, "\\(ga", text)
    gsub(/"/, "\\(dq", text)
    return text ~ /^\./ ? "\\&" text : text
}'

help() {
    echo .Bd -literal
    "$build/$1" "${@:2}" --help | sed "${2:+/^Before or after/,\$d}" | awk "$quote"'{ print quote($0) }'
    echo .Ed
}

list() {
    "$build/$1" --help | awk "$quote"'
        /^  -/ { print ".It " quote(substr($0, 3)) }
        /^        / { print quote(substr($0, 9)) }'
}

options() {
    "$build/sluiced" --options | sed 's/\\|/\x01/g' | awk -F ' *[|] *' "$quote"'
        function end() { if (open) print ".El"; open = 0 }
        function text(of) { gsub(/\001/, "|", of); return quote(of) }
        /^## / { end(); print ".Ss " substr($0, 4) }
        /^`/ { split($0, part, "`: "); print ".Dl " text(substr(part[1], 2)) "\n.Pp\n" text(part[2]) }
        /^[|] `/ {
            if (!open) print ".Bl -tag -width Ds"
            open = 1
            print ".It " text(substr($2, 2, length($2) - 2) " = " $3) "\n" text($5 ($4 == "" ? "" : " [" $4 "]"))
        }
        END { end() }'
}

while IFS= read -r line; do
    case $line in
    @*)
        read -ra words <<<"${line#@}"
        "${words[@]}"
        ;;
    *) printf '%s\n' "$line" ;;
    esac
done <"$1"
