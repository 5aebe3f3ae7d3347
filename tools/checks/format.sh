#!/bin/bash
# Checks the layout of all C files; with -i sets it right.
set -eu
cd "$(dirname "$0")/../.." || exit
mode=(--dry-run -Werror)
[ "${1:-}" = -i ] && mode=(-i)
find proto offload reactor handlers tools tests -name '*.[ch]' -print0 | xargs -0 clang-format "${mode[@]}"
