#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Step time of `loongforge train` against Hugging Face transformers, same weights, same rows, in alternation.

    python tools/bench/step_vs_hf.py --loongforge build/release/bin/loongforge [--pairs 3] [--dtype fp32 bf16]

Writes docs/bench/step_vs_hf.md: medians, their ratio, and the losses of the first steps side by side.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SHOWN = 3


def run_hf(args: argparse.Namespace, inputs: pathlib.Path, dtype: str) -> list[dict]:
    """[{step, loss, seconds}] of the Hugging Face loop."""
    command = [sys.executable, HERE / "hf_step_time.py", inputs / "model", inputs / "rows.npy", "--dtype", dtype,
               "--attention", args.attention, "--steps", args.steps]
    if args.threads:
        command += ["--threads", str(args.threads)]
    out = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def loongforge_command(args: argparse.Namespace, inputs: pathlib.Path, dtype: str, out: pathlib.Path) -> list[str]:
    command = [args.loongforge, "train", "--config", HERE / "step.yaml", f"model.path={inputs / 'model'}",
               f"data.train=[{inputs / 'rows.npy'}]", f"precision.dtype={dtype}", f"train.steps={args.steps}",
               f"run.output_dir={out}"]
    if args.threads:
        command.append(f"platform.threads={args.threads}")
    return list(map(str, command + args.override))


def run_loongforge(args: argparse.Namespace, inputs: pathlib.Path, dtype: str, out: pathlib.Path) -> list[dict]:
    """[{step, loss, seconds}] from the metrics.jsonl of a fresh run."""
    subprocess.run(loongforge_command(args, inputs, dtype, out), check=True, stdout=subprocess.DEVNULL)
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "step_time" in line and "loss" in line]
    if len(steps) != args.steps:
        raise SystemExit(f"error: {out / 'metrics.jsonl'} has {len(steps)} steps, expected {args.steps}")
    return [{"step": s["step"], "loss": s["loss"], "seconds": s["step_time"]} for s in steps]


def measure(args: argparse.Namespace, inputs: pathlib.Path, scratch: pathlib.Path, dtype: str) -> dict:
    """Runs the pairs, the order turned round each time; medians over each run's steps after the warm-up."""
    runs = {"hf": [], "loongforge": []}
    for pair in range(args.pairs):
        sides = ["hf", "loongforge"] if pair % 2 == 0 else ["loongforge", "hf"]
        for side in sides:
            if side == "hf":
                steps = run_hf(args, inputs, dtype)
            else:
                steps = run_loongforge(args, inputs, dtype, scratch / f"{dtype}_{pair}")
            runs[side].append(steps)
            seconds = statistics.median(s["seconds"] for s in steps[args.warm_up:])
            print(f"{dtype} pair {pair + 1} {side}: {seconds:.3f} s", flush=True)
    medians = {side: [statistics.median(s["seconds"] for s in run[args.warm_up:]) for run in all_runs]
               for side, all_runs in runs.items()}
    losses = {side: [s["loss"] for s in runs[side][0][:SHOWN]] for side in runs}
    return {"medians": medians, "losses": losses}


def report(args: argparse.Namespace, results: dict[str, dict]) -> str:
    """The page, in Markdown."""
    threads = args.threads or "default"
    lines = [
        "# Step time against Hugging Face", "",
        "A LLaMA of 32.0 M parameters (vocabulary 8192, hidden 512, FFN 1408, 8 layers, 8/4 heads, untied), 4 × 512 "
        "tokens a step, AdamW, clipping at 1. Same weights and rows on both sides, runs in alternation, median over "
        f"the steps after the first {args.warm_up}, then over runs. Ratio above 1: LoongForge is faster.", "",
        f"    python tools/bench/step_vs_hf.py --pairs {args.pairs} --steps {args.steps} "
        f"--warm-up {args.warm_up} --dtype {' '.join(results)}", "",
        f"{datetime.date.today()}, {cpu_name()}, {os.cpu_count()} CPUs, threads: {threads}, "
        f"Hugging Face: eager mode, attention {args.attention}.", "",
        "| dtype | Hugging Face, s | LoongForge, s | ratio | ratio of each pair |", "|---|---|---|---|---|",
    ]
    for dtype, result in results.items():
        hf, own = result["medians"]["hf"], result["medians"]["loongforge"]
        pairs = ", ".join(f"{a / b:.2f}" for a, b in zip(hf, own))
        ratio = statistics.median(hf) / statistics.median(own)
        medians = f"{statistics.median(hf):.3f} | {statistics.median(own):.3f}"
        lines.append(f"| {dtype} | {medians} | {ratio:.2f} | {pairs} |")
    lines += ["", "| dtype | step | loss, Hugging Face | loss, LoongForge | relative difference |",
              "|---|---|---|---|---|"]
    for dtype, result in results.items():
        for step, (a, b) in enumerate(zip(result["losses"]["hf"], result["losses"]["loongforge"]), start=1):
            lines.append(f"| {dtype} | {step} | {a:.7f} | {b:.7f} | {abs(a - b) / abs(a):.1e} |")
    return "\n".join(lines) + "\n"


def cpu_name() -> str:
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
        return next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loongforge", type=pathlib.Path, default=ROOT / "build" / "release" / "bin" / "loongforge")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warm-up", type=int, default=2, help="first steps of each run that don't count")
    parser.add_argument("--dtype", nargs="+", choices=["fp32", "bf16"], default=["fp32", "bf16"])
    parser.add_argument("--attention", choices=["sdpa", "eager"], default="sdpa", help="of the Hugging Face side")
    parser.add_argument("--threads", type=int, default=0, help="0: each side's default")
    parser.add_argument("--inputs", type=pathlib.Path, help="folder of make_step_inputs.py; default: a fresh one")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "docs" / "bench" / "step_vs_hf.md")
    parser.add_argument("override", nargs="*", help="further key=value for loongforge train (after --)")
    args = parser.parse_args()
    if args.pairs < 1 or args.steps <= args.warm_up:
        parser.error("needs a pair, and more steps than --warm-up")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        inputs = args.inputs or scratch / "inputs"
        if args.inputs is None:
            make = [sys.executable, str(HERE / "make_step_inputs.py"), str(inputs), "--steps", str(args.steps)]
            subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
        results = {dtype: measure(args, inputs, scratch, dtype) for dtype in args.dtype}
    page = report(args, results)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(page)
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
