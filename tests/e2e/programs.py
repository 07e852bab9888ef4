# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: running the programs, reading safetensors, small data."""
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOONGFORGE = pathlib.Path(os.environ["LOONGFORGE"])
GOLDEN = ROOT / "tests" / "golden"


def run(*args, expect=0, env=None, timeout=240, cwd=None):
    """Runs loongforge; returns the finished process. A wrong exit code fails with the output."""
    result = subprocess.run([str(LOONGFORGE), *map(str, args)], capture_output=True, text=True, errors="replace", timeout=timeout, cwd=cwd,
                            env={**os.environ, "OMP_NUM_THREADS": "1", **(env or {})})
    if expect is not None and result.returncode != expect:
        raise AssertionError(f"exit {result.returncode}, expected {expect}: {args}\n{result.stdout}\n{result.stderr}")
    return result


def tensors(path, files="*.safetensors"):
    """name -> (dtype, shape, bytes) of one safetensors file, or of all those of a folder that fit the pattern."""
    path = pathlib.Path(path)
    if path.is_dir():
        merged = {}
        for file in sorted(path.glob(files)):
            merged.update(tensors(file))
        return merged
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    start = 8 + size
    return {name: (e["dtype"], tuple(e["shape"]), data[start + e["data_offsets"][0]:start + e["data_offsets"][1]])
            for name, e in header.items()}


def write_npy(path, rows):
    """An int32 [samples, length] .npy."""
    header = f"{{'descr': '<i4', 'fortran_order': False, 'shape': ({len(rows)}, {len(rows[0])}), }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    body = b"".join(struct.pack(f"<{len(row)}i", *row) for row in rows)
    pathlib.Path(path).write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + body)


def metrics(run_dir):
    return [json.loads(line) for line in (pathlib.Path(run_dir) / "metrics.jsonl").read_text().splitlines()]


def newest(run_dir):
    return sorted(p for p in pathlib.Path(run_dir).glob("step_*") if p.suffix != ".tmp")[-1]


TINY = ["--config", "quickstart", "model.config.hidden_size=32", "model.config.intermediate_size=64",
        "model.config.num_hidden_layers=2", "model.config.head_dim=8", "model.config.vocab_size=259", "data.kind=tokens",
        "data.valid=[]", "data.tokenizer=", "train.steps=6", "optim.warmup_steps=1", "train.micro_batch_size=1",
        "train.global_batch_size=4", "log.every=1"]


class TinyRuns(unittest.TestCase):
    """Runs of a tiny model on random rows, in a folder of the test's own."""
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lf-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        draw = random.Random(1)
        self.rows = self.folder / "rows.npy"
        write_npy(self.rows, [[draw.randrange(259) for _ in range(16)] for _ in range(40)])

    def train(self, name, *args, **options):
        launch = [a for a in args if a.startswith("--")]
        rest = [a for a in args if not a.startswith("--")]
        return run("train", *launch, *TINY, f"run.output_dir={self.folder / name}", f"data.train=[{self.rows}]", *rest, **options)
