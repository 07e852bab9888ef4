#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Training steps by Hugging Face transformers on given weights and rows: one JSON line {step, loss, seconds} a step.

    python tools/bench/hf_step_time.py MODEL_DIR ROWS.npy [--dtype fp32|bf16] [--attention sdpa|eager]

The loop of a user who writes one: forward with labels, backward, clipping at norm 1, fused AdamW, zero_grad. `bf16` is
the whole model in bf16 (no fp32 masters), the cheapest way that transformers offers.
"""
import argparse
import json
import os
import pathlib
import sys
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy
import torch
import transformers

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def train(args: argparse.Namespace) -> None:
    """Runs the steps, one batch after the other in file order."""
    rows = numpy.load(args.rows, mmap_mode="r")
    model = transformers.AutoModelForCausalLM.from_pretrained(
        args.model, dtype=DTYPES[args.dtype], attn_implementation=args.attention).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    steps = args.steps or len(rows) // args.batch
    start = time.perf_counter()
    for step in range(steps):
        batch = rows[step * args.batch:(step + 1) * args.batch]
        ids = torch.from_numpy(numpy.asarray(batch, dtype=numpy.int64))
        loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        line = {"step": step + 1, "loss": loss.item(), "grad_norm": norm.item()}
        now = time.perf_counter()
        print(json.dumps(line | {"seconds": now - start}), flush=True)
        start = now


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("rows", type=pathlib.Path)
    parser.add_argument("--dtype", choices=DTYPES, default="fp32")
    parser.add_argument("--attention", choices=["sdpa", "eager"], default="sdpa")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=0, help="0: all rows")
    parser.add_argument("--threads", type=int, default=0, help="0: what torch chooses")
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    if args.threads:
        torch.set_num_threads(args.threads)
    train(args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
