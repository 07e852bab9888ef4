#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the Python environment of the oracles outside the source tree. Prints its python on the last line.
# Usage: tools/oracle/setup.sh        ($LOONGFORGE_ORACLE_VENV chooses the folder)
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
venv="${LOONGFORGE_ORACLE_VENV:-$HOME/.cache/loongforge/oracle}"
python="${PYTHON:-python3}"
stamp="$venv/requirements.sha256"
want="$(sha256sum < "$here/requirements.txt")"

if [[ -x "$venv/bin/python" && -f "$stamp" && "$(cat "$stamp")" == "$want" ]]; then
  echo "$venv/bin/python"
  exit 0
fi

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "error: the oracles need Python 3.11 or newer ($("$python" --version))" >&2
  echo "hint: set PYTHON to a newer interpreter" >&2
  exit 2
}
"$python" -m venv "$venv"
"$venv/bin/pip" install --quiet --no-deps -r "$here/requirements.txt"

# The torch wheel wants the CUDA libraries even for CPU work; without a toolkit on the loader path, from PyPI.
if ! "$venv/bin/python" -c 'import torch' 2>/dev/null; then
  torch="$(grep '^torch==' "$here/requirements.txt")"
  "$venv/bin/pip" install --quiet "$torch"
fi
"$venv/bin/python" -c 'import torch, transformers, tokenizers, safetensors, peft'
echo "$want" > "$stamp"
echo "$venv/bin/python"
