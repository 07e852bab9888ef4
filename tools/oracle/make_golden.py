#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the golden files of the parity tests (tests/golden/) with transformers and torch.

    python tools/oracle/make_golden.py            writes tests/golden/{models,parity,optim,generate}
    python tools/oracle/make_golden.py --check    makes them again elsewhere and compares; exit code 1 on a difference
"""
import argparse
import importlib.metadata
import os
import pathlib
import shutil
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers

import golden_compare
from golden_cases import CASES, case
from golden_generate import write_generation, write_rope
from golden_model import write_directory
from golden_optim import OPTIM_CASE, write_adamw, write_schedules, write_training
from golden_parity import write_packed, write_parity

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ["models", "parity", "optim", "generate"]
PINNED = ["torch", "transformers", "safetensors", "numpy"]


def pinned_versions() -> dict[str, str]:
    """What requirements.txt asks for, of the packages whose numbers end up in the files."""
    text = (pathlib.Path(__file__).parent / "requirements.txt").read_text()
    lines = dict(line.split("==") for line in text.splitlines() if "==" in line)
    return {name: lines[name] for name in PINNED}


def check_versions() -> None:
    for name, wanted in pinned_versions().items():
        found = importlib.metadata.version(name).split("+")[0]
        if found != wanted:
            sys.exit(f"error: {name} is {found}, the golden files need {wanted}\nhint: tools/oracle/setup.sh")


def generate(target: pathlib.Path) -> None:
    """Writes every golden file under `target`, whose folders must not exist."""
    models = target / "models"
    for entry in CASES:
        write_directory(entry, models / entry.name)
    for entry in CASES:
        print(write_parity(entry, models, target / "parity"), flush=True)
        if entry.packed:
            print(write_packed(entry, models, target / "parity"), flush=True)
        if entry.train:
            print(write_training(entry, models, target / "optim"), flush=True)
        if entry.generate:
            print(write_generation(entry, models, target / "generate"), flush=True)
    print(write_adamw(models, target / "optim", case(OPTIM_CASE)), flush=True)
    print(write_schedules(target / "optim"), flush=True)
    print(write_rope(models, target / "parity"), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "tests" / "golden")
    parser.add_argument("--check", action="store_true", help="compare with --output instead of writing there")
    args = parser.parse_args()
    check_versions()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    torch.use_deterministic_algorithms(True)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as scratch:
        made = pathlib.Path(scratch) / "golden"
        generate(made)
        if args.check:
            problems = golden_compare.compare_trees(made, args.output, FOLDERS)
            print("\n".join(problems) if problems else "the golden files are what these scripts make")
            return 1 if problems else 0
        for folder in FOLDERS:
            shutil.rmtree(args.output / folder, ignore_errors=True)
            shutil.copytree(made / folder, args.output / folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
