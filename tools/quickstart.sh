#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From an empty Debian 12 (or Ubuntu 24.04) to a trained model: installs what is missing, builds the two programs, trains a
# small Qwen3-style model from scratch on the King James Bible, compares it with a bigram model, and lets it write.
# Every part is skipped when it is done already; kill it at any time and start it again.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
jobs=$(nproc)
out=${LOONGFORGE_QUICKSTART_DIR:-runs/quickstart}
build=build/release

echo "quickstart: about 1 minute to install, 4 to build on 2 cores ($jobs here), 1 to train; nothing is asked"
torch=$(tools/setup.sh | tail -n 1)

started=$(date +%s)
[ -e "$build/build.ninja" ] || cmake --preset release -DTORCH_DIR="$torch" >/dev/null
ninja -C "$build" -n loongforge-bin loongforge-worker | grep -q 'no work to do' ||
  NINJA_STATUS='[build %f/%t, %e s] ' ninja -C "$build" -j "$jobs" loongforge-bin loongforge-worker
echo "quickstart: built in $(($(date +%s) - started)) s"
loongforge=$build/bin/loongforge

started=$(date +%s)
mkdir -p "$out"
if [ ! -e "$out/data/kjv_valid.idx" ]; then
  "$loongforge" data tokenize --input examples/quickstart/kjv.txt.zst --tokenizer examples/quickstart/tokenizer.json \
    --output "$out/data/kjv" --lines-per-document 20 --append-eod --holdout 0.05 --holdout-seed 1234
fi
"$loongforge" train --config quickstart run.output_dir="$out" \
  "data.train=[$out/data/kjv_train]" "data.valid=[$out/data/kjv_valid]" | tee -a "$out/log.txt"

model=$(ls -d "$out"/step_* | grep -v '\.tmp' | tail -n 1)
printf '\nheld-out text (5%% of the Bible, never trained on), nats per token:\n'
"$loongforge" data bigram --train "$out/data/kjv_train" --valid "$out/data/kjv_valid" --metrics "$out/metrics.jsonl"
printf '\nthe model writes:\n'
"$loongforge" generate --model "$model" --prompt "And it came to pass" --max-new-tokens 80 --temperature 0.8 --top-p 0.95 --seed 7
cat <<EOF

done in $(($(date +%s) - started)) s after the build
model directory (opens in transformers too): $model
metrics: $out/metrics.jsonl
log:     $out/log.txt
next:    $loongforge generate --model $model --prompt "In the beginning"
         $loongforge train --config quickstart --print-config
EOF
