# SPDX-License-Identifier: Apache-2.0
"""Compares two trees of golden files: models bit for bit, computed numbers within what another CPU may change."""
import json
import math
import pathlib

import torch
from safetensors.torch import load_file

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-5, torch.bfloat16: 0.2}


def compare_trees(made: pathlib.Path, kept: pathlib.Path, folders: list[str]) -> list[str]:
    """One line for each difference."""
    problems = []
    for folder in folders:
        here = {p.relative_to(made) for p in (made / folder).rglob("*") if p.is_file()}
        there = {p.relative_to(kept) for p in (kept / folder).rglob("*") if p.is_file()}
        problems += [f"{path}: only in one of the trees" for path in sorted(here ^ there)]
        for path in sorted(here & there):
            problems += _compare_file(folder, path, made / path, kept / path)
    return problems


def _compare_file(folder: str, path: pathlib.Path, made: pathlib.Path, kept: pathlib.Path) -> list[str]:
    if folder == "models":
        return [] if made.read_bytes() == kept.read_bytes() else [f"{path}: bytes differ"]
    if path.suffix == ".json":
        return [f"{path}: {d}" for d in _compare_json(json.loads(made.read_text()), json.loads(kept.read_text()), "")]
    return [f"{path}: {d}" for d in _compare_tensors(load_file(made), load_file(kept))]


def _compare_tensors(made: dict, kept: dict) -> list[str]:
    problems = [f"{key}: only in one file" for key in sorted(made.keys() ^ kept.keys())]
    for key in sorted(made.keys() & kept.keys()):
        a, b = made[key], kept[key]
        if a.dtype != b.dtype or a.shape != b.shape:
            problems.append(f"{key}: {a.dtype} {tuple(a.shape)} against {b.dtype} {tuple(b.shape)}")
        elif key.startswith("bf16.error."):
            continue  # a rounding error has no stable digits
        elif not a.dtype.is_floating_point:
            if not torch.equal(a, b):
                problems.append(f"{key}: integers differ")
        else:
            scale = b.double().abs().max().item() or 1.0
            error = (a.double() - b.double()).abs().max().item() / scale
            if not error <= TOLERANCE[a.dtype]:
                problems.append(f"{key}: relative difference {error:.1e}")
    return problems


def _compare_json(made, kept, place: str) -> list[str]:
    if isinstance(made, dict) and isinstance(kept, dict) and made.keys() == kept.keys():
        return [d for key in made for d in _compare_json(made[key], kept[key], f"{place}.{key}")]
    if isinstance(made, list) and isinstance(kept, list) and len(made) == len(kept):
        return [d for i, (a, b) in enumerate(zip(made, kept)) for d in _compare_json(a, b, f"{place}[{i}]")]
    if isinstance(made, float) and isinstance(kept, float):
        loose = 0.2 if place.endswith("least_margin") else 1e-6
        return [] if math.isclose(made, kept, rel_tol=loose, abs_tol=1e-12) else [f"{place}: {made} against {kept}"]
    return [] if made == kept else [f"{place}: {made} against {kept}"]
