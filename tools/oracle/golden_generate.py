# SPDX-License-Identifier: Apache-2.0
"""Greedy continuations, and rotary frequencies of the tiny models and of published ones."""
import pathlib

import torch
import transformers

from fp64 import lifted
from golden_cases import CASES, Case
from golden_model import compact_json, open_directory, seeded

NEW_IDS, PROMPT_LENGTHS = 32, [1, 7, 12]
# Below this distance between the best two logits a correct program could choose the other one.
LEAST_MARGIN = 2e-4


def greedy(model, prompt: list[int], count: int) -> tuple[list[int], float]:
    """`count` greedy ids after the prompt by whole forwards, and the smallest margin met on the way."""
    ids, margin = list(prompt), float("inf")
    with torch.no_grad():
        for _ in range(count):
            best = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].topk(2)
            margin = min(margin, (best.values[0] - best.values[1]).item())
            ids.append(best.indices[0].item())
    return ids[len(prompt):], margin


def cached_greedy(model, prompt: list[int], count: int) -> list[int]:
    """The same by transformers' own generate with its key-value cache; end-of-text doesn't stop it."""
    config = transformers.GenerationConfig(max_new_tokens=count, do_sample=False, eos_token_id=None, pad_token_id=0)
    ids = torch.tensor([prompt])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config)
    return out[0, len(prompt):].tolist()


def write_generation(case: Case, models: pathlib.Path, target: pathlib.Path) -> str:
    """Writes <case>.json: prompts with their greedy continuations in fp32."""
    model = open_directory(models / case.name, torch.float32).eval()
    model.generation_config = transformers.GenerationConfig()
    rows = []
    for length in PROMPT_LENGTHS:
        prompt = seeded(case.name, f"prompt{length}").integers(3, model.config.vocab_size, length).tolist()
        ids, margin = greedy(model, prompt, NEW_IDS)
        assert margin > LEAST_MARGIN, f"{case.name}: a tie within {margin:.1e}; choose another prompt"
        assert ids == cached_greedy(model, prompt, NEW_IDS)
        rows.append({"prompt_ids": prompt, "greedy_ids": ids, "least_margin": margin})
    target.mkdir(parents=True, exist_ok=True)
    (target / f"{case.name}.json").write_text(compact_json({"dtype": "float32", "runs": rows}))
    return f"{case.name} generate: {[len(set(r['greedy_ids'])) for r in rows]} different ids of {NEW_IDS}"


PUBLISHED_ROPE = {
    "llama_2_7b": dict(head_dim=128, max_position_embeddings=4096, rope_parameters=dict(
        rope_type="default", rope_theta=10000.0)),
    "llama_3_1_8b": dict(head_dim=128, max_position_embeddings=131072, rope_parameters=dict(
        rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
        original_max_position_embeddings=8192)),
    "llama_3_2_1b": dict(head_dim=64, max_position_embeddings=131072, rope_parameters=dict(
        rope_type="llama3", rope_theta=500000.0, factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0,
        original_max_position_embeddings=8192)),
    "qwen2_5_7b_yarn": dict(head_dim=128, max_position_embeddings=32768, rope_parameters=dict(
        rope_type="yarn", rope_theta=1000000.0, factor=4.0, original_max_position_embeddings=32768)),
    "qwen3_8b_yarn": dict(head_dim=128, max_position_embeddings=40960, rope_parameters=dict(
        rope_type="yarn", rope_theta=1000000.0, factor=4.0, original_max_position_embeddings=32768)),
    "deepseek_v2_lite_yarn": dict(head_dim=64, max_position_embeddings=163840, rope_parameters=dict(
        rope_type="yarn", rope_theta=10000.0, factor=40.0, original_max_position_embeddings=4096, beta_fast=32,
        beta_slow=1, mscale=0.707, mscale_all_dim=0.707)),
    "yarn_mscale_ratio": dict(head_dim=64, max_position_embeddings=163840, rope_parameters=dict(
        rope_type="yarn", rope_theta=10000.0, factor=40.0, original_max_position_embeddings=4096, beta_fast=24,
        beta_slow=2, mscale=1.0, mscale_all_dim=0.707)),
    "yarn_not_truncated": dict(head_dim=64, max_position_embeddings=16384, rope_parameters=dict(
        rope_type="yarn", rope_theta=150000.0, factor=32.0, original_max_position_embeddings=4096, truncate=False)),
    "yarn_given_attention_factor": dict(head_dim=32, max_position_embeddings=4096, rope_parameters=dict(
        rope_type="yarn", rope_theta=10000.0, factor=2.0, original_max_position_embeddings=2048,
        attention_factor=1.25)),
    "linear": dict(head_dim=32, max_position_embeddings=4096, rope_parameters=dict(
        rope_type="linear", rope_theta=10000.0, factor=2.5)),
}


def _frequencies(config) -> dict:
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

    rotary = LlamaRotaryEmbedding(config)
    return {"inv_freq": rotary.inv_freq.tolist(), "attention_factor": float(rotary.attention_scaling)}


def write_rope(models: pathlib.Path, target: pathlib.Path) -> str:
    """Writes rope.json: inverse frequencies (fp32 and fp64) and attention factors."""
    configs = {c.name: transformers.AutoConfig.from_pretrained(models / c.name) for c in CASES}
    for name, keys in PUBLISHED_ROPE.items():
        heads = dict(num_attention_heads=2, hidden_size=2 * keys["head_dim"])
        configs[name] = transformers.LlamaConfig(**heads, **keys)
    data = {}
    for name, config in configs.items():
        single = _frequencies(config)
        with lifted():
            double = _frequencies(config)
        head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        data[name] = {
            "head_dim": head_dim, "max_position_embeddings": config.max_position_embeddings,
            "rope_parameters": config.rope_parameters, "inv_freq_fp32": single["inv_freq"],
            "inv_freq_fp64": double["inv_freq"], "attention_factor": double["attention_factor"],
        }
    target.mkdir(parents=True, exist_ok=True)
    (target / "rope.json").write_text(compact_json(data))
    return f"rope: {len(data)} configurations"
