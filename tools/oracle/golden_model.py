# SPDX-License-Identifier: Apache-2.0
"""Writes the model directories and opens them again in fp32, bf16 or fp64."""
import json
import pathlib
import re
import zlib

import numpy
import torch
import transformers
from safetensors.torch import save_file

from fp64 import lifted
from golden_cases import Case


def seeded(*key: str) -> numpy.random.Generator:
    """A generator that depends on the text of `key` alone."""
    return numpy.random.Generator(numpy.random.PCG64(zlib.crc32("/".join(key).encode())))


def random_parameter(case: Case, name: str, shape: torch.Size) -> torch.Tensor:
    """Normal values with a spread of their own for each parameter; norms around 1, everything else around 0."""
    rng = seeded(case.name, name)
    values = rng.standard_normal(tuple(shape))
    if "norm" in name:
        values = 1.0 + 0.3 * values
    elif "embed_tokens" in name or "lm_head" in name:
        values = 0.35 * values
    elif name.endswith(".bias"):
        values = 0.25 * values
    else:
        values = rng.uniform(0.12, 0.24) * values
    rounded = torch.from_numpy(values).to(torch.float32).to(getattr(torch, case.value_dtype))
    return rounded.to(torch.float32)


def _model_class(case: Case):
    return transformers.MODEL_FOR_CAUSAL_LM_MAPPING[transformers.CONFIG_MAPPING[case.model_type]]


def write_directory(case: Case, folder: pathlib.Path) -> None:
    """Saves the case's random model as a published directory (config.json, safetensors, index when sharded)."""
    keys = dict(case.config_v4 or case.config)
    config = transformers.CONFIG_MAPPING[keys.pop("model_type")](**keys)
    model = _model_class(case)._from_config(config, attn_implementation="eager", dtype=torch.float32)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(random_parameter(case, name, parameter.shape))
    model.to(getattr(torch, case.disk_dtype)).save_pretrained(folder, max_shard_size=case.shard_size)
    if case.config_v4 is not None:
        (folder / "config.json").write_text(json.dumps(case.config_v4, indent=2) + "\n")
        (folder / "generation_config.json").unlink(missing_ok=True)
    if case.write_tied_head:
        tensors = {k: v.detach().clone().contiguous() for k, v in model.state_dict().items()}
        assert torch.equal(tensors["lm_head.weight"], tensors["model.embed_tokens.weight"])
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def open_directory(folder: pathlib.Path, dtype: torch.dtype):
    """The directory as transformers reads it, eager attention; in float64 with every hard fp32 cast lifted."""
    if dtype != torch.float64:
        return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager")
    single = open_directory(folder, torch.float32)
    with lifted():
        model = type(single)._from_config(single.config, attn_implementation="eager", dtype=torch.float64)
        model.load_state_dict({k: v.double() for k, v in single.state_dict().items()})
        model.tie_weights()
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        assert tensor.dtype == torch.float64, name
    return model


def published_gradients(model) -> dict[str, torch.Tensor]:
    """Gradients by published name; a tied head appears once, under the embedding's name, holding both uses."""
    return {name: p.grad.detach().clone() for name, p in model.named_parameters()}


def compact_json(data) -> str:
    """JSON with one line for each list of numbers."""
    text = json.dumps(data, indent=1)
    return re.sub(r"\[[^\[\]{}]*\]", lambda m: re.sub(r"\s+", " ", m[0]), text) + "\n"
