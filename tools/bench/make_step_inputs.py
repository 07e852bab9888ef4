#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the inputs of the step-time comparison: OUT/model (a 32 M LLaMA, fp32, random) and OUT/rows.npy.

    python tools/bench/make_step_inputs.py OUT [--steps 10]
"""
import argparse
import os
import pathlib
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy
import torch
import transformers

BATCH, LENGTH, VOCABULARY = 4, 512, 8192


def model_config() -> transformers.LlamaConfig:
    """32.0 M parameters: 8 layers of 512, 8 query and 4 key-value heads, untied."""
    return transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=512, intermediate_size=1408, num_hidden_layers=8, num_attention_heads=8,
        num_key_value_heads=4, max_position_embeddings=1024, tie_word_embeddings=False, bos_token_id=1,
        eos_token_id=2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=10, help="rows for so many steps of 4")
    args = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(0)
    args.out.mkdir(parents=True, exist_ok=True)
    transformers.LlamaForCausalLM(model_config()).save_pretrained(args.out / "model")
    rows = numpy.random.default_rng(1).integers(0, VOCABULARY, (args.steps * BATCH, LENGTH), dtype=numpy.int32)
    numpy.save(args.out / "rows.npy", rows)
    print(args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
