#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Saved directories as transformers opens them: a published directory through two ranks and zero steps, then AutoModel,
AutoTokenizer and 32 greedy ids. Exits 77 (skipped) with the reason when there is no oracle environment. LOONGFORGE names
the program."""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from oracle_environment import ROOT, VENV, oracle_python, skip

GOLDEN = ROOT / "tests/golden"
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
CASES = sorted(folder.name for folder in (GOLDEN / "models").iterdir())


class Export(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lf-oracle-"))
        self.addCleanup(shutil.rmtree, self.folder, True)

    def check(self, folder, reference=None, prompt=(3, 5, 8)):
        """check_export.py's report; fails where transformers refuses the directory or a tensor differs."""
        report = check_export.inspect(argparse.Namespace(dir=folder, reference=reference, prompt_ids=list(prompt), prompt=None,
                                                         new_ids=32, dtype="auto"))
        self.assertEqual(report.get("differences", []), [])
        return report

    def saved(self, case):
        """(source with a tokenizer beside it, what two ranks make of it in zero steps)."""
        source, run = self.folder / case, self.folder / f"{case}.run"
        shutil.copytree(GOLDEN / "models" / case, source)
        for name in TOKENIZER:
            shutil.copy(ROOT / "examples/quickstart" / name, source)
        subprocess.run([os.environ["LOONGFORGE"], "train", "--nproc-per-node=2", "--config", "quickstart", f"model.path={source}",
                        "model.config={}", "data.kind=tokens", f"data.train=[{self.folder / 'rows.npy'}]", "data.valid=[]",
                        "train.steps=0", "train.global_batch_size=8", f"run.output_dir={run}"], check=True, cwd=ROOT,
                       stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
        return source, run / "step_00000000"

    def test_directories_open_and_continue_as_before(self):
        self.rows()
        for case in CASES:
            source, saved = self.saved(case)
            golden = GOLDEN / "generate" / f"{case}.json"
            runs = json.loads(golden.read_text())["runs"] if golden.exists() else []
            if not runs:
                runs = [{"prompt_ids": [3, 5, 8]}]
                runs[0]["greedy_ids"] = self.check(source)["greedy_ids"]
            for run in runs:
                report = self.check(saved, source, run["prompt_ids"])
                self.assertEqual(report["greedy_ids"], run["greedy_ids"], case)
                self.assertEqual(len(report["greedy_ids"]), 32, case)
                self.assertEqual(report["tokenizer_size"], 2048, case)
            for name in TOKENIZER:
                self.assertEqual((saved / name).read_bytes(), (source / name).read_bytes(), f"{case}: {name}")

    def rows(self):
        """Data that nobody reads: eight rows of zeros as .npy."""
        header = "{'descr': '<i4', 'fortran_order': False, 'shape': (8, 16), }"
        header += " " * (63 - (10 + len(header)) % 64) + "\n"
        body = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(8 * 16 * 4)
        (self.folder / "rows.npy").write_bytes(body)


if __name__ == "__main__":
    if "LOONGFORGE" not in os.environ:
        skip("the programs are not built")
    if pathlib.Path(sys.prefix).resolve() != VENV.resolve():
        os.execv(oracle_python(), [str(oracle_python()), *sys.argv])
    sys.path.insert(0, str(ROOT / "tools/oracle"))
    import check_export
    unittest.main(verbosity=2)
