#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the tree against the design: direction of includes, banned headers, SPDX lines, sizes, neutral identifiers.

usage: check_tree.py ROOT [--self-test]
Prints one line a violation and exits 1 when there is any.
"""
import pathlib
import re
import subprocess
import sys

DEPENDS = {
    "core": "", "spec": "core", "config": "spec", "schedule": "spec", "plan": "config schedule", "tokenizer": "core", "corpus": "tokenizer",
    "telemetry": "core", "launch": "core", "platform": "core", "comm": "platform launch spec", "step": "comm spec",
    "ops": "step", "nn": "ops", "models": "nn", "parallel": "step", "optim": "step", "data": "step corpus",
    "ckpt": "spec comm", "convert": "ckpt", "pipeline": "nn parallel schedule",
    "train": "models parallel pipeline optim data ckpt telemetry config", "infer": "models data ckpt",
    "verify": "train infer",
}
BANNED = re.compile(r"(torch/torch\.h|torch/all\.h|torch/nn/|torch/extension\.h|ATen/ATen\.h|ATen/Functions\.h)")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)
NEUTRAL = ("train", "pipeline", "parallel", "optim", "ckpt")
NEUTRAL_WORDS = re.compile(r"(?<![a-z])(tokens?|vocab(?:ulary)?|images?|pixels?)(?![a-z])", re.I)
# The one seam whose published name has a modality in it.
NEUTRAL_ALLOWED = re.compile(r"TokenDispatcher")
# A literal fp32 would cut an fp64 run short; fp64 accumulators are fine. Code that may name it, and why.
FLOATS = re.compile(r"\bkFloat(?:32)?\b|\bScalarType::Float\b|\bcaffe2::TypeMeta::Make<float>|CppTypeToScalarType<float>"
                    r"|dtype<float>\(\)|\.to(?:Type)?\(\s*'f'|(?<!\w)\.float_?\(\)")
FLOAT_FREE = ("ops", "nn", "models", "parallel", "optim", "train", "pipeline")
FLOAT_ALLOWED = (
    # LibTorch's fused operation counts steps and divides in fp32; an fp64 run divides by itself beforehand.
    ("src/optim/adamw_update.cpp", "constexpr at::ScalarType kCounts = at::kFloat;"),
    # What the kernel serves; other types take the reference.
    ("src/ops/attention/varlen.cpp", "type == at::kFloat"),
    # Chosen by the parameter's own type.
    ("src/parallel/initialise.cpp", "draw_box<float>(*placed.spec, piece, slab, data, seed, at::kFloat);"),
    # Values before the first step sets them.
    ("src/pipeline/transfers.h", "at::ScalarType dtype_ = at::kFloat;"),
    ("include/loongforge/pipeline/executor.h", "at::ScalarType compute_dtype = at::kFloat;"),
)
# Reads of device data that platform::to_host doesn't count. Code that may have them, and why.
HOST_READS = re.compile(r"\.item\s*[<(]|\.cpu\(\)|\b_local_scalar_dense\b|\bis_nonzero\(|\.to\([^;]*\bkCPU\b"
                        r"|\.equal\(")
HOST_READ_FREE = ("comm", "step", "ops", "nn", "models", "parallel", "optim", "train", "pipeline", "infer")
HOST_READ_ALLOWED = (
    ("src/models/components/decoder.cpp", "weights.sum().item<double>()"),  # of a batch that is still on the host
    ("src/step/square_sum.cpp", "square().sum().item<double>()"),           # the CPU's way
    ("src/infer/evaluate.cpp", "platform::to_host(term.sum.detach()).item<double>()"),  # counted
)
C10D = re.compile(r"c10d|ProcessGroup(Gloo|NCCL)")
MAX_LINES = 500
CODE = {".h", ".cpp", ".cu", ".cuh"}
SPDX_FILES = CODE | {".py", ".sh", ".cmake", ".yaml"}


def closure(module: str) -> set[str]:
    seen: set[str] = set()
    todo = [module]
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo += DEPENDS.get(current, "").split()
    return seen


def module_of(path: pathlib.PurePath) -> str | None:
    parts = path.parts
    if parts[0] == "src":
        return parts[1]
    if parts[:2] == ("include", "loongforge"):
        return parts[2]
    return None


def strip_comments(text: str) -> str:
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)


def identifiers_only(text: str) -> str:
    """Code without comments, strings and includes; snake_case and CamelCase split into words."""
    text = re.sub(r'"(?:\\.|[^"\\])*"', '""', re.sub(INCLUDE, "", strip_comments(text)))
    text = NEUTRAL_ALLOWED.sub("", text)
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return text.replace("_", " ")


def without(text: str, path: pathlib.PurePath, allowed: tuple) -> str:
    """Code without comments and without what is allowed in this file."""
    text = strip_comments(text)
    for name, fragment in allowed:
        if name == str(path):
            text = text.replace(fragment, "")
    return text


def check_code(path: pathlib.PurePath, text: str, allowed: dict[str, set[str]]) -> list[str]:
    problems = []
    module = module_of(path)
    for header in INCLUDE.findall(text):
        if BANNED.search(header):
            problems.append(f"{path}: banned header {header}")
        target = header.split("/")[1] if header.startswith("loongforge/") and header.count("/") >= 2 else None
        if module in allowed and target and target not in allowed[module]:
            problems.append(f"{path}: {module} may not include {header}")
        if module and path.parts[0] == "include" and header.startswith(("ATen/", "torch/", "c10/")):
            if header not in ("ATen/core/Tensor.h",) and not header.startswith("c10/core/"):
                problems.append(f"{path}: public headers include at most ATen/core/Tensor.h, not {header}")
    if text.count("\n") > MAX_LINES:
        problems.append(f"{path}: {text.count(chr(10))} lines, more than {MAX_LINES}")
    if module in NEUTRAL:
        found = NEUTRAL_WORDS.search(identifiers_only(text))
        if found:
            problems.append(f"{path}: `{found.group(0)}` in a module that knows of no modality")
    if module in HOST_READ_FREE and HOST_READS.search(without(text, path, HOST_READ_ALLOWED)):
        problems.append(f"{path}: host read that nothing counts; use platform::to_host in a function marked host_sync")
    if module in FLOAT_FREE and FLOATS.search(without(text, path, FLOAT_ALLOWED)):
        problems.append(f"{path}: literal float type; use acc(dtype)")
    if module and module != "comm" and C10D.search(strip_comments(text)):
        problems.append(f"{path}: only comm names c10d")
    return problems


def check_tree(root: pathlib.Path) -> list[str]:
    allowed = {module: closure(module) for module in DEPENDS}
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"], capture_output=True,
                            text=True, check=True)
    problems = []
    for name in sorted(set(listed.stdout.split("\n")) - {""}):
        path = pathlib.PurePosixPath(name)
        full = root / name
        if not full.is_file() or path.suffix not in SPDX_FILES:
            continue
        text = full.read_text(encoding="utf-8")
        if "SPDX-License-Identifier: Apache-2.0" not in text[:300]:
            problems.append(f"{path}: no SPDX line")
        if path.suffix in CODE:
            problems += check_code(path, text, allowed)
    return problems


def self_test() -> list[str]:
    """Every rule must catch its own violation."""
    allowed = {module: closure(module) for module in DEPENDS}
    cases = [
        ("src/core/a.cpp", '#include "loongforge/train/trainer.h"\n', "may not include"),
        ("src/ops/a.cpp", "#include <torch/torch.h>\n", "banned"),
        ("include/loongforge/ops/a.h", "#include <ATen/ops/mm.h>\n", "at most"),
        ("src/train/a.cpp", "int vocab_size;\n", "modality"),
        ("src/train/a.cpp", "int numTokens;\n", "modality"),
        ("src/nn/a.cpp", "auto t = x.to(at::kFloat);\n", "literal float"),
        ("src/ops/a.cpp", "constexpr auto kAcc = c10::ScalarType::Float;\n", "literal float"),
        ("src/models/a.cpp", "options.dtype(torch::kFloat32);\n", "literal float"),
        ("src/optim/a.cpp", "at::zeros({}, at::dtype<float>());\n", "literal float"),
        ("src/optim/adamw_update.cpp", "x.to(at::kFloat);\n", "literal float"),
        ("src/train/a.cpp", "double v = norm.item<double>();\n", "host read"),
        ("src/pipeline/a.cpp", "auto h = x.to(at::TensorOptions().device(c10::kCPU).dtype(d));\n", "host read"),
        ("src/comm/a.cpp", "auto h = x.cpu();\n", "host read"),
        ("src/parallel/a.cpp", "c10d::Store s;\n", "c10d"),
        ("src/ops/b.cpp", "\n" * 501, "lines"),
    ]
    missed = [f"self-test: {rule} not caught in {name}" for name, text, rule in cases
              if not any(rule in p for p in check_code(pathlib.PurePosixPath(name), text, allowed))]
    clean = check_code(pathlib.PurePosixPath("src/train/c.cpp"), "// tokens\nint rows;\n", allowed)
    return missed + [f"self-test: false alarm {p}" for p in clean]


def main() -> int:
    problems = self_test() + check_tree(pathlib.Path(sys.argv[1]))
    for problem in problems:
        print(problem)
    print(f"{len(problems)} violations")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
