# SPDX-License-Identifier: Apache-2.0
"""AdamW with clipping on given gradients, whole training steps in fp64, and learning-rate schedules."""
import pathlib

import torch
import transformers
from safetensors.torch import save_file

from fp64 import lifted, no_fp32
from golden_cases import Case
from golden_model import compact_json, open_directory
from golden_parity import random_ids, run

BETAS, EPS, WEIGHT_DECAY, MAX_NORM = (0.9, 0.95), 1e-8, 0.1, 1.0
# Untied, so that embedding rows of absent tokens have gradients of exactly zero.
OPTIM_CASE = "llama_linear"
OPTIM_TENSORS = [
    "model.embed_tokens.weight",
    "model.layers.0.input_layernorm.weight",
    "model.layers.0.self_attn.q_proj.weight",
    "model.layers.0.mlp.down_proj.weight",
    "model.norm.weight",
]
LEARNING_RATES = [1e-2, 6e-3, 1e-3]
TRAIN_LEARNING_RATE, TRAIN_STEPS, TRAIN_BATCH = 1e-2, 3, (2, 16)


def adamw(parameters, decay: float = WEIGHT_DECAY) -> torch.optim.AdamW:
    """The reference optimizer: the plain loop over tensors, no fused or foreach form."""
    return torch.optim.AdamW(parameters, lr=1.0, betas=BETAS, eps=EPS, weight_decay=decay, foreach=False, fused=False)


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr


def adamw_steps(start: dict, gradients: list[dict], dtype: torch.dtype, decay: float) -> dict[str, torch.Tensor]:
    """Parameters, moments and gradient norms after the steps, all in `dtype`."""
    params = {name: torch.nn.Parameter(value.to(dtype, copy=True)) for name, value in start.items()}
    optimizer = adamw(params.values(), decay)
    norms = []
    for lr, grads in zip(LEARNING_RATES, gradients):
        for name, param in params.items():
            param.grad = grads[name].to(dtype, copy=True)
        norms.append(torch.nn.utils.clip_grad_norm_(params.values(), MAX_NORM).detach())
        set_lr(optimizer, lr)
        optimizer.step()
    result = {"grad_norm": torch.stack(norms)}
    for name, param in params.items():
        state = optimizer.state[param]
        result |= {f"param.{name}": param.detach(), f"exp_avg.{name}": state["exp_avg"],
                   f"exp_avg_sq.{name}": state["exp_avg_sq"]}
    return result


def write_adamw(models: pathlib.Path, target: pathlib.Path, case: Case) -> str:
    """Writes adamw.safetensors: three steps on real gradients, the last of them too small to be clipped."""
    folder = models / case.name
    model = open_directory(folder, torch.float32)
    start = {name: model.get_parameter(name).detach().clone() for name in OPTIM_TENSORS}
    gradients = []
    for step, scale in enumerate([1.0, 4.0, 0.02]):
        grads = run(folder, random_ids(case, model, *case.batch, salt=f"optim{step}"), torch.float32)
        gradients.append({name: scale * grads[f"grad.{name}"] for name in OPTIM_TENSORS})
    tensors = {
        "lr": torch.tensor(LEARNING_RATES, dtype=torch.float64), "betas": torch.tensor(BETAS, dtype=torch.float64),
        "eps": torch.tensor(EPS, dtype=torch.float64), "max_norm": torch.tensor(MAX_NORM, dtype=torch.float64),
        "weight_decay": torch.tensor(WEIGHT_DECAY, dtype=torch.float64),
    }
    tensors |= {f"start.param.{name}": value for name, value in start.items()}
    for step, grads in enumerate(gradients, start=1):
        tensors |= {f"start.grad.{step}.{name}": value.contiguous() for name, value in grads.items()}
    for label, dtype in [("fp32", torch.float32), ("fp64", torch.float64)]:
        out = adamw_steps(start, gradients, dtype, WEIGHT_DECAY)
        plain = adamw_steps(start, gradients, dtype, 0.0)
        tensors |= {f"{label}.{key}": value for key, value in out.items()}
        tensors |= {f"{label}.no_decay.param.{n}": plain[f"param.{n}"] for n in OPTIM_TENSORS if start[n].dim() == 1}
    norms = tensors["fp64.grad_norm"]
    assert norms[0] > MAX_NORM and norms[1] > MAX_NORM and norms[2] < MAX_NORM, norms
    target.mkdir(parents=True, exist_ok=True)
    save_file(tensors, target / "adamw.safetensors", metadata={"format": "pt"})
    return f"adamw: norms {[round(n, 4) for n in norms.tolist()]}"


def write_training(case: Case, models: pathlib.Path, target: pathlib.Path) -> str:
    """Writes <case>.train.safetensors: the parameters after three whole training steps in fp64."""
    model = open_directory(models / case.name, torch.float64).train()
    ids = random_ids(case, model, TRAIN_STEPS, *TRAIN_BATCH, salt="train")
    optimizer = adamw(model.parameters())
    set_lr(optimizer, TRAIN_LEARNING_RATE)
    losses, norms = [], []
    with lifted(), no_fp32():
        for batch in ids:
            loss = model(input_ids=batch, labels=batch, use_cache=False).loss
            loss.backward()
            norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM, foreach=False).detach())
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.detach())
    tensors = {"input_ids": ids, "loss": torch.stack(losses), "grad_norm": torch.stack(norms)}
    tensors |= {f"param.{name}": p.detach().contiguous() for name, p in model.named_parameters()}
    target.mkdir(parents=True, exist_ok=True)
    save_file(tensors, target / f"{case.name}.train.safetensors", metadata={"format": "pt"})
    return f"{case.name} train: losses {[round(l.item(), 6) for l in losses]}"


SCHEDULES = [
    ("constant", {}),
    ("constant_with_warmup", {}),
    ("linear", {}),
    ("cosine", {}),
    ("cosine_with_min_lr", {"min_lr_rate": 0.1}),
    ("inverse_sqrt", {}),
    ("warmup_stable_decay", {"num_decay_steps": 10, "decay_type": "cosine"}),
    ("warmup_stable_decay", {"num_decay_steps": 10, "decay_type": "linear"}),
    ("warmup_stable_decay", {"num_decay_steps": 10, "decay_type": "1-sqrt"}),
    ("warmup_stable_decay", {"num_decay_steps": 10, "decay_type": "linear", "min_lr_ratio": 0.2}),
]


def schedule_values(name: str, options: dict, warmup: int, total: int, count: int) -> list[float]:
    """The factor on the peak learning rate that each of the first `count` steps runs with."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    scheduler = transformers.get_scheduler(
        name, optimizer, num_warmup_steps=warmup, num_training_steps=total, scheduler_specific_kwargs=options)
    values = []
    for _ in range(count):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return values


def write_schedules(target: pathlib.Path, warmup: int = 5, total: int = 50, count: int = 60) -> str:
    """Writes lr_schedules.json."""
    rows = [{"name": name, "options": options, "values": schedule_values(name, options, warmup, total, count)}
            for name, options in SCHEDULES]
    data = {"warmup_steps": warmup, "total_steps": total, "schedules": rows}
    target.mkdir(parents=True, exist_ok=True)
    (target / "lr_schedules.json").write_text(compact_json(data))
    return f"schedules: {len(rows)}"
