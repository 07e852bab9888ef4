#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times `loongforge train` of a 32 M model from exec to the line of its first step (1 × 128 ids, warm file cache), from
random weights and from a model directory. Needs only Python's standard library.

    python3 tools/bench/startup.py build/release/bin/loongforge [--runs 7] [--page docs/bench/startup.md]
"""
import argparse
import os
import pathlib
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BAR = 1.5


def write_rows(path: pathlib.Path) -> None:
    """An int32 .npy of 4 rows of 128 ids."""
    draw = random.Random(1)
    header = "{'descr': '<i4', 'fortran_order': False, 'shape': (4, 128), }"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    ids = struct.pack("<512i", *(draw.randrange(8192) for _ in range(512)))
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + ids)


def seconds_to_first_step(command: list[str]) -> float:
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    seconds = None
    for line in process.stdout:
        if line.startswith("step 1/1 "):
            seconds = time.perf_counter() - started
    errors = process.stderr.read()
    if process.wait() != 0 or seconds is None:
        sys.exit(f"{' '.join(command)} gave {process.returncode}\n{errors}")
    return seconds


def cpu() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return f"{line.split(':')[1].strip()}, {len(os.sched_getaffinity(0))} cores"
    return f"{len(os.sched_getaffinity(0))} cores"


def page(results: dict[str, list[float]], runs: int) -> str:
    rows = "\n".join(f"| {what} | {min(s):.2f} | {statistics.median(s):.2f} | {max(s):.2f} |" for what, s in results.items())
    return f"""# From exec to the end of the first step

`loongforge train` of a 32 M LLaMA, batch 1 × 128, fp32, default settings, warm file cache; seconds from exec to the line
of step 1. {runs} runs each, in alternation, after one that isn't counted. Bar: {BAR} s.

    python3 tools/bench/startup.py build/release/bin/loongforge --runs {runs} --page docs/bench/startup.md

{cpu()}:

| weights | least | median | greatest |
|---|---|---|---|
{rows}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("loongforge", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--page", type=pathlib.Path, help="write the results there as Markdown")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lf-startup-") as name:
        folder = pathlib.Path(name)
        write_rows(folder / "rows.npy")
        train = [str(args.loongforge), "train", "--config", str(ROOT / "tools" / "bench" / "startup.yaml"),
                 f"data.train=[{folder / 'rows.npy'}]", "run.resume=never"]
        subprocess.run([*train, f"run.output_dir={folder / 'source'}", "train.steps=0", "checkpoint.save_last=true"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        source = next((folder / "source").glob("step_*"))
        commands = {"random": [*train, f"run.output_dir={folder / 'random'}"],
                    "`model.path`": [*train, f"run.output_dir={folder / 'path'}", f"model.path={source}"]}
        results: dict[str, list[float]] = {what: [] for what in commands}
        for run in range(args.runs + 1):
            for what, command in commands.items():
                seconds = seconds_to_first_step(command)
                if run > 0:
                    results[what].append(seconds)
    for what, seconds in results.items():
        print(f"{what}: " + " ".join(f"{s:.2f}" for s in seconds) + f" | median {statistics.median(seconds):.2f} s")
    if args.page:
        args.page.parent.mkdir(parents=True, exist_ok=True)
        args.page.write_text(page(results, args.runs), encoding="utf-8")
    return 0 if all(statistics.median(s) <= BAR for s in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
