#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Published chat templates against transformers. Exits 77 (skipped) with the reason when there is no oracle environment
or the templates' package can't be fetched. TEST_TOKENIZER names the test program."""
import os
import pathlib
import subprocess
import sys
import tempfile

from oracle_environment import ROOT, oracle_python, skip

CACHE = pathlib.Path(os.environ.get("LOONGFORGE_ORACLE_CACHE", pathlib.Path.home() / ".cache/loongforge/oracle_data"))


def main():
    python = oracle_python()
    with tempfile.TemporaryDirectory() as folder:
        cases = pathlib.Path(folder) / "cases.jsonl"
        made = subprocess.run([python, ROOT / "tools/oracle/chat_render.py", "real", CACHE, cases])
        if made.returncode != 0:
            skip("the templates could not be fetched or rendered (see above)")
        test = subprocess.run([os.environ["TEST_TOKENIZER"], "--gtest_filter=ChatOracle.*"], stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "LF_CHAT_ORACLE": str(cases)})
        print(test.stdout)
        nothing = "[  PASSED  ] 0 tests" in test.stdout or "[  SKIPPED ]" in test.stdout
        sys.exit("the test program compared nothing" if nothing else test.returncode)


if __name__ == "__main__":
    main()
