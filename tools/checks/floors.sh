#!/bin/bash
# Keeps the floors: a folder includes only from the folders below it, and the lower three need no parsing
# libraries. Then links each of these three with nothing but what it may need.
set -u
cd "$(dirname "$0")/../.." || exit
build=${SLUICE_BUILD:-build}
failed=0

complain() {
    echo "$1"
    failed=1
}

# check_quoted FOLDER PATTERN: the folders whose files its own may include, in quotes
check_quoted() {
    local found
    found=$(grep -rnE '^ *# *include +"' "$1" --include='*.[ch]' | grep -vE ": *# *include +\"($2)/[^/]+\"")
    [ -z "$found" ] || complain "$found"
}

# check_angle PATTERN HEADERS FOLDER...: headers that no file of the folders may include
check_angle() {
    local why=$1 headers=$2 found
    shift 2
    found=$(grep -rnE "^ *# *include +<($headers)" "$@" --include='*.[ch]')
    [ -z "$found" ] || complain "$why"$'\n'"$found"
}

check_quoted proto 'proto'
check_quoted offload 'proto|offload'
check_quoted reactor 'proto|offload|reactor'
check_quoted handlers 'proto|offload|reactor|handlers/[a-z]+'
check_quoted tools/sluiced 'proto|offload|reactor|handlers/[a-z]+|tools/sluiced|tools'
check_quoted tools/client 'proto|tools/client|tools'
check_quoted tools/sluice 'proto|handlers/ingest|tools/client|tools/sluice|tools'
check_quoted tools/bench 'proto|offload|reactor|tools/bench|tools/bench/(baselines|bare)|tools/client|tools/sluiced|tools'

check_angle "parsing libraries belong to handlers and tools:" 'jansson|confuse|zlib|openssl/|nghttp2/|nats/' \
    proto offload reactor
check_angle "libev belongs to reactor:" 'ev\.h' proto offload handlers tools/client tools/sluice tools/sluiced
check_angle "io_uring belongs to offload:" 'liburing' proto reactor handlers tools/client tools/sluice tools/sluiced

# links NAME ARCHIVE... LIBRARY...: the floor has no other undefined symbol
links() {
    local name=$1 main
    shift
    main=$(mktemp --suffix=.c)
    echo 'int main(void) { return 0; }' >"$main"
    cc -pthread -o /dev/null "$main" -Wl,--whole-archive "$build/lib/$name.a" -Wl,--no-whole-archive "$@" ||
        complain "$name needs more than it may"
    rm -f "$main"
}

links proto
links offload "$build/lib/proto.a" -luring
links reactor "$build/lib/offload.a" "$build/lib/proto.a" -lev -luring -lm
exit $failed
