#!/bin/bash
# Each header compiles alone, with both compilers, and its guard is named after its path.
set -u
cd "$(dirname "$0")/../.." || exit
flags=(-iquote . -D_GNU_SOURCE -std=gnu11 -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Werror
    -fsyntax-only -x c)
failed=0
while read -r header; do
    for compiler in gcc clang; do
        "$compiler" "${flags[@]}" -include "$header" /dev/null || failed=1
    done
    name=$(basename "$header" .h)
    name=${name#sluice_}
    grep -qE "^#ifndef SLUICE_[A-Z0-9_]*${name^^}_H\$" "$header" || {
        echo "$header: no guard SLUICE_FLOOR_${name^^}_H"
        failed=1
    }
done < <(find proto offload reactor handlers tools tests -name '*.h' | sort)
exit $failed
