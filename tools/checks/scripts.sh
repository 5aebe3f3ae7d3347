#!/bin/bash
# The scripts, by shellcheck; the Python files at least compile.
set -eu
cd "$(dirname "$0")/../.." || exit
mapfile -t scripts < <(find tools tests .ci -type f \( -name '*.sh' -o -path .ci/run \))
shellcheck "${scripts[@]}"
find tools tests -name '*.py' -exec python3 -c \
    'import ast, sys; [ast.parse(open(name).read(), name) for name in sys.argv[1:]]' {} +
