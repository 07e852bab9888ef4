#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Opens a model directory as transformers users would, and compares it with another one.

    check_export.py DIR [--reference DIR] [--prompt-ids 3,5,8] [--prompt TEXT] [--new-ids 32]

Prints one JSON object: model class, parameter count, tokenizer class, greedy continuation, differences from the
reference. Exit code 0 when the directory opens and every tensor equals the reference bit for bit, else 1.
"""
import argparse
import json
import os
import pathlib
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
from safetensors import safe_open

BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json"]


class ExportError(Exception):
    """The directory is not what its reader needs."""


def tensor_files(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Tensor name -> the file that holds it, by the index if there is one; checks that index and files agree."""
    index = folder / "model.safetensors.index.json"
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ExportError(f"{folder}: no safetensors file")
    found = {}
    for file in files:
        with safe_open(file, framework="pt") as reader:
            for name in reader.keys():
                if name in found:
                    raise ExportError(f"{name} is in {found[name].name} and in {file.name}")
                found[name] = file
    if index.exists():
        listed = json.loads(index.read_text())["weight_map"]
        if listed != {name: file.name for name, file in found.items()}:
            raise ExportError(f"{index.name} disagrees with the files")
    elif len(files) > 1:
        raise ExportError(f"{len(files)} safetensors files and no index")
    return found


def read_tensor(files: dict[str, pathlib.Path], name: str) -> torch.Tensor:
    with safe_open(files[name], framework="pt") as reader:
        return reader.get_tensor(name)


def difference(a: torch.Tensor, b: torch.Tensor) -> str | None:
    """What differs between two tensors, down to the bits (so NaN equals NaN and 0 isn't -0)."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return f"{a.dtype} {tuple(a.shape)} against {b.dtype} {tuple(b.shape)}"
    bits = BITS[a.element_size()]
    unequal = int((a.contiguous().view(bits) != b.contiguous().view(bits)).sum())
    return f"{unequal} of {a.numel()} values differ" if unequal else None


def compare(folder: pathlib.Path, reference: pathlib.Path) -> list[str]:
    """Every difference of the tensors of two directories, one line each."""
    here, there = tensor_files(folder), tensor_files(reference)
    lines = [f"{name}: missing" for name in sorted(there.keys() - here.keys())]
    lines += [f"{name}: not in the reference" for name in sorted(here.keys() - there.keys())]
    for name in sorted(here.keys() & there.keys()):
        found = difference(read_tensor(here, name), read_tensor(there, name))
        if found:
            lines.append(f"{name}: {found}")
    return lines


def open_model(folder: pathlib.Path, dtype: str):
    """AutoModelForCausalLM; ExportError when a tensor is missing, left over, or of another shape."""
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, attn_implementation="eager", output_loading_info=True)
    bad = {key: sorted(map(str, value)) for key, value in info.items() if value}
    if bad:
        raise ExportError(f"transformers complains: {bad}")
    return model.eval()


def greedy_ids(model, prompt: list[int], count: int) -> list[int]:
    model.generation_config = transformers.GenerationConfig()
    config = transformers.GenerationConfig(max_new_tokens=count, do_sample=False, eos_token_id=None, pad_token_id=0)
    ids = torch.tensor([prompt])
    with torch.no_grad():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config)
    return out[0, len(prompt):].tolist()


def inspect(args: argparse.Namespace) -> dict:
    """The report of one directory."""
    tensor_files(args.dir)
    model = open_model(args.dir, args.dtype)
    report = {"model": type(model).__name__, "parameters": sum(p.numel() for p in model.parameters()),
              "stored_dtype": str(model.config.dtype)}
    tokenizer = None
    if any((args.dir / name).exists() for name in TOKENIZER_FILES):
        tokenizer = transformers.AutoTokenizer.from_pretrained(args.dir)
        report |= {"tokenizer": type(tokenizer).__name__, "tokenizer_size": len(tokenizer)}
    prompt = args.prompt_ids
    if args.prompt is not None:
        if tokenizer is None:
            raise ExportError("--prompt needs tokenizer files in the directory")
        prompt = tokenizer.encode(args.prompt)
    ids = greedy_ids(model, prompt, args.new_ids)
    report |= {"prompt_ids": prompt, "greedy_ids": ids}
    if tokenizer is not None:
        report["greedy_text"] = tokenizer.decode(ids)
    if args.reference is not None:
        report["differences"] = compare(args.dir, args.reference)
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--reference", type=pathlib.Path)
    parser.add_argument("--prompt-ids", type=lambda text: [int(i) for i in text.split(",")], default=[3, 5, 8])
    parser.add_argument("--prompt", help="text instead of ids; needs tokenizer files in DIR")
    parser.add_argument("--new-ids", type=int, default=32)
    parser.add_argument("--dtype", default="auto", help="auto (as stored), float32, bfloat16, ...")
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        report = inspect(args)
    except (ExportError, OSError, ValueError, KeyError, RuntimeError) as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
        return 1
    print(json.dumps(report))
    return 1 if report.get("differences") else 0


if __name__ == "__main__":
    sys.exit(main())
