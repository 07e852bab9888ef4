# SPDX-License-Identifier: Apache-2.0
"""Logits, loss and every gradient of the mean loss, in fp32, fp64 and bf16; and packed rows."""
import contextlib
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from fp64 import lifted, no_fp32
from golden_cases import Case
from golden_model import open_directory, published_gradients, seeded

IGNORED = -100
# Documents of the packed row. The fourth has tokens, but none of them is a label.
PACKED_LENGTHS = [5, 1, 17, 6]
UNLABELLED_DOCUMENT = 3
BF16_DRAWS = 11


def random_ids(case: Case, model, *shape: int, salt: str = "ids") -> torch.Tensor:
    """Token ids of the whole vocabulary."""
    vocabulary = model.config.vocab_size
    return torch.from_numpy(seeded(case.name, salt).integers(0, vocabulary, size=shape))


def precision(dtype: torch.dtype):
    """The context a model of this dtype runs in."""
    stack = contextlib.ExitStack()
    if dtype == torch.float64:
        stack.enter_context(lifted())
        stack.enter_context(no_fp32())
    return stack


def shifted(labels: torch.Tensor) -> torch.Tensor:
    """The label of each position's successor; the last position has none."""
    return F.pad(labels, (0, 1), value=IGNORED)[..., 1:]


def run(folder: pathlib.Path, ids: torch.Tensor, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """{loss, logits, grad.*} of one forward and backward over ids [B, S] with labels = ids."""
    model = open_directory(folder, dtype).train()
    with precision(dtype):
        out = model(input_ids=ids, labels=ids, use_cache=False)
        out.loss.backward()
    result = {"loss": out.loss.detach(), "logits": out.logits.detach()}
    return result | {f"grad.{name}": grad for name, grad in published_gradients(model).items()}


def relative_errors(value: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """[max|a-b| / max|b|, ‖a-b‖ / ‖b‖] in fp64."""
    value, reference = value.double(), reference.double()
    difference = value - reference
    return torch.stack([difference.abs().max() / reference.abs().max(), difference.norm() / reference.norm()])


def check_fp32_noise(name: str, single: dict, double: dict) -> float:
    """The oracle's own fp32 noise must leave room below the tolerance of the tests (1e-5)."""
    worst = max(relative_errors(single[key], double[key])[0].item() for key in single)
    assert worst < 5e-6, f"{name}: the fp32 golden is {worst:.1e} away from fp64; choose milder weights"
    return worst


def bf16_errors(case: Case, folder: pathlib.Path, half: dict, double: dict) -> dict[str, torch.Tensor]:
    """The oracle's own bf16 error of each tensor: the largest over the golden batch and further batches.

    One batch is not enough: in a single run the error of a scalar or of a small tensor can be near zero by luck.
    """
    errors = {key: relative_errors(half[key], double[key]) for key in half}
    model = open_directory(folder, torch.float32)
    for draw in range(BF16_DRAWS):
        ids = random_ids(case, model, *case.batch, salt=f"bf16.{draw}")
        half, double = run(folder, ids, torch.bfloat16), run(folder, ids, torch.float64)
        errors = {key: torch.maximum(errors[key], relative_errors(half[key], double[key])) for key in errors}
    return errors


def write_parity(case: Case, models: pathlib.Path, target: pathlib.Path) -> str:
    """Writes <case>.safetensors; returns a line that says how noisy the oracle itself is."""
    folder = models / case.name
    ids = random_ids(case, open_directory(folder, torch.float32), *case.batch)
    single, double = run(folder, ids, torch.float32), run(folder, ids, torch.float64)
    noise = check_fp32_noise(case.name, single, double)
    tensors = {"input_ids": ids} | single
    if case.store_fp64:
        tensors |= {f"fp64.{key}": value for key, value in double.items()}
    line = f"{case.name}: loss {double['loss'].item():.6f}, fp32 noise {noise:.1e}"
    if case.value_dtype == "bfloat16":
        half = run(folder, ids, torch.bfloat16)
        errors = bf16_errors(case, folder, half, double)
        tensors |= {f"bf16.{key}": value for key, value in half.items()}
        tensors |= {f"bf16.error.{key}": value for key, value in errors.items()}
        worst = max(errors, key=lambda key: errors[key][0])
        line += f", bf16 worst {errors[worst][0]:.1e} ({worst})"
    _save(tensors, target / f"{case.name}.safetensors")
    return line


def run_packed(folder: pathlib.Path, documents: list[torch.Tensor], labels: list[torch.Tensor],
               dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Each document alone as a batch of one; losses and gradients summed, then divided by the number of labels."""
    model = open_directory(folder, dtype).train()
    count = sum(int((shifted(l) != IGNORED).sum()) for l in labels)
    logits, losses = [], []
    with precision(dtype):
        for ids, targets in zip(documents, labels):
            out = model(input_ids=ids[None], use_cache=False).logits[0]
            loss = F.cross_entropy(out, shifted(targets), ignore_index=IGNORED, reduction="none")
            (loss.sum() / count).backward()
            logits.append(out.detach())
            losses.append(loss.detach())
    token_losses = torch.cat(losses)
    result = {"logits": torch.cat(logits), "token_losses": token_losses, "loss": token_losses.sum() / count}
    return result | {f"grad.{name}": grad for name, grad in published_gradients(model).items()}


def write_packed(case: Case, models: pathlib.Path, target: pathlib.Path) -> str:
    """Writes <case>.packed.safetensors: one row of several documents, given as the documents alone."""
    folder = models / case.name
    model = open_directory(folder, torch.float32)
    documents = [random_ids(case, model, n, salt=f"document{i}") for i, n in enumerate(PACKED_LENGTHS)]
    labels = [document.clone() for document in documents]
    labels[UNLABELLED_DOCUMENT][:] = IGNORED
    labels[2][:4] = IGNORED  # a prompt that isn't trained on
    single = run_packed(folder, documents, labels, torch.float32)
    double = run_packed(folder, documents, labels, torch.float64)
    noise = check_fp32_noise(case.name, single, double)
    ends = torch.tensor([0, *PACKED_LENGTHS]).cumsum(0)
    tensors = {
        "input_ids": torch.cat(documents),
        "labels": torch.cat(labels),
        "shifted_labels": torch.cat([shifted(l) for l in labels]),
        "position_ids": torch.cat([torch.arange(n) for n in PACKED_LENGTHS]),
        "cu_seqlens": ends,
    }
    _save(tensors | single | {"fp64.loss": double["loss"]}, target / f"{case.name}.packed.safetensors")
    return f"{case.name} packed: loss {double['loss'].item():.6f}, fp32 noise {noise:.1e}"


def _save(tensors: dict[str, torch.Tensor], path: pathlib.Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in tensors.items()}, path, metadata={"format": "pt"})
