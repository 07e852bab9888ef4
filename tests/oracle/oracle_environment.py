# SPDX-License-Identifier: Apache-2.0
"""What comparisons with other packages share: their Python environment, and the way to skip without it."""
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
VENV = pathlib.Path(os.environ.get("LOONGFORGE_ORACLE_VENV", pathlib.Path.home() / ".cache/loongforge/oracle"))


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def oracle_python():
    """Its python; skips where tools/oracle/setup.sh has not run."""
    python = VENV / "bin/python"
    if not python.exists():
        skip(f"no oracle environment at {VENV} (tools/oracle/setup.sh makes it)")
    return python
