#!/bin/bash
# Lists files of more than 500 lines and lines of Python of more than 120 columns, which fail, and functions of more than
# 60 lines, which are to be looked at.
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck disable=SC2016 # awk's own variables
find proto offload reactor handlers tools tests -name '*.[ch]' -o -name '*.py' -o -name '*.sh' | sort | xargs awk '
    FNR == 1 { depth = 0 }
    FNR == 501 { print FILENAME ": more than 500 lines"; bad = 1 }
    FILENAME ~ /\.py$/ && length > 120 { print FILENAME ":" FNR ": more than 120 columns"; bad = 1 }
    FILENAME !~ /\.c$/ { next }
    /\) \{$/ && !inside { inside = FNR; head = $0 }
    /^}/ && inside {
        if (FNR - inside > 60)
            print FILENAME ":" inside ": a function of " FNR - inside " lines"
        inside = 0
    }
    END { exit bad }'
