#!/bin/bash
# Static analysis by clang-tidy, with the checks that find bugs rather than tastes.
set -u
cd "$(dirname "$0")/../.." || exit
checks='-*,bugprone-*,clang-analyzer-core.*,clang-analyzer-unix.*,clang-analyzer-deadcode.*'
# Opinions:
checks+=',-bugprone-easily-swappable-parameters,-bugprone-narrowing-conversions,-bugprone-reserved-identifier'
checks+=',-bugprone-macro-parentheses,-bugprone-branch-clone,-bugprone-not-null-terminated-result'
checks+=',-bugprone-implicit-widening-of-multiplication-result,-bugprone-assignment-in-if-condition'
# Takes an array of pointers for a mistake:
checks+=',-bugprone-sizeof-expression'
# They do not understand the macros of uthash and sys/queue.h; the sanitizers watch the same:
checks+=',-clang-analyzer-core.NullDereference,-clang-analyzer-unix.Malloc'

# On stderr clang-tidy counts what it does not show.
find proto offload reactor handlers tools -name '*.c' -print0 |
    xargs -0 -P "$(nproc)" -I FILE clang-tidy --quiet --warnings-as-errors='*' --checks="$checks" FILE -- \
        -iquote . -D_GNU_SOURCE -std=gnu11 2>/dev/null
