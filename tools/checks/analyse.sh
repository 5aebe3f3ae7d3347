#!/bin/bash
# Static analysis with a small set of checks that find bugs rather than tastes.
set -u
cd "$(dirname "$0")/../.." || exit
failed=0
checks='-*,bugprone-*,clang-analyzer-core.*,clang-analyzer-unix.*,clang-analyzer-deadcode.*'
checks+=',-bugprone-easily-swappable-parameters,-bugprone-narrowing-conversions'
checks+=',-bugprone-reserved-identifier,-bugprone-implicit-widening-of-multiplication-result'

cppcheck --quiet --enable=warning,portability --inline-suppr --error-exitcode=1 --std=c11 -D_GNU_SOURCE \
    -I . --suppress=missingIncludeSystem --suppress=unknownMacro -j "$(nproc)" \
    proto offload reactor handlers tools || failed=1

# clang-tidy counts on stderr what it does not show
find proto offload reactor handlers tools -name '*.c' -print0 |
    xargs -0 -P "$(nproc)" -I FILE clang-tidy --quiet --warnings-as-errors='*' --checks="$checks" FILE -- \
        -iquote . -D_GNU_SOURCE -std=gnu11 2>/dev/null || failed=1
exit $failed
