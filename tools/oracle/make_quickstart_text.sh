#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes examples/quickstart/kjv.txt.zst: the King James Version (public domain), one verse a line, without references,
# from Debian's bible-kjv and bible-kjv-text. Needs: apt-get install bible-kjv zstd
set -euo pipefail
out="$(cd "$(dirname "$0")/../.." && pwd)/examples/quickstart/kjv.txt.zst"
bible -f Gen1:1-Rev22:21 </dev/null | sed -E 's/^[0-9]*[A-Za-z]+[0-9]+:[0-9]+ +//; s/ +$//' | zstd -q -f -19 --ultra -22 -o "$out"
zstd -dcq "$out" | awk 'END { if (NR != 31102) { print "expected 31102 verses, got " NR; exit 1 } }'
