#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds everything, runs the tests: fast + dist + e2e (and oracle when its Python environment
# is there); --all adds the slow ones. Further arguments go to ctest (for example: tools/test.sh -R ckpt).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
exclude=slow
if [ "${1:-}" = --all ]; then exclude=none; shift; fi
torch=$("$root/tools/setup.sh" --arrow | tail -n 1)
jobs=$(nproc)
cd "$root"
cmake --preset release -DTORCH_DIR="$torch" >build-configure.log 2>&1 || { cat build-configure.log; exit 2; }
rm -f build-configure.log
started=$(date +%s)
NINJA_STATUS='[%f/%t %es] ' ninja -C build/release -j "$jobs" >build/release/build.log 2>&1 || {
  grep -vE '^\[[0-9]+/' build/release/build.log | tail -n 80
  echo 'error: the build failed (build/release/build.log)'
  exit 2
}
printf 'built in %s s\n' $(($(date +%s) - started))
log=build/release/tests.log
rc=0
ctest --test-dir build/release -j "$jobs" -LE "^$exclude\$" --output-on-failure --no-tests=error "$@" | tee "$log" || rc=$?
python3 "$root/tools/summarise_tests.py" "$log"
exit "$rc"
