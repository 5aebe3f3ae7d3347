#!/bin/bash
# Names the first line of each C file whose layout is not clang-format's; with -i sets all right.
set -eu
cd "$(dirname "$0")/../.." || exit
mode=(--dry-run -Werror)
[ "${1:-}" = -i ] && mode=(-i)
find proto offload reactor handlers tools tests -name '*.[ch]' -print0 | sort -z |
    xargs -0 clang-format "${mode[@]}" 2>&1 |
    awk -F: '/ error: / && !seen[$1]++ { print $1 ":" $2 ": run make format" } END { exit NR > 0 }'
