# SPDX-License-Identifier: Apache-2.0
"""The tiny models of the parity tests: shapes, rotary scaling, and how each directory is written."""
from dataclasses import dataclass, field

# v4 spelling: rope_theta and rope_scaling at the top level, torch_dtype, and the file as people published it.
_LLAMA_V4_BF16 = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "eos_token_id": [2, 3],
    "head_dim": 8,
    "hidden_act": "silu",
    "hidden_size": 32,
    "initializer_range": 0.02,
    "intermediate_size": 56,
    "max_position_embeddings": 512,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "factor": 32.0,
        "high_freq_factor": 4.0,
        "low_freq_factor": 1.0,
        "original_max_position_embeddings": 256,
        "rope_type": "llama3",
    },
    "rope_theta": 500000.0,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.45.0.dev0",
    "use_cache": True,
    "vocab_size": 97,
}

# The legacy key `type`, no num_key_value_heads (so one key-value head for each query head) and no head_dim.
_LLAMA_LINEAR_V4 = {
    "architectures": ["LlamaForCausalLM"],
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": 32,
    "initializer_range": 0.02,
    "intermediate_size": 40,
    "max_position_embeddings": 128,
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "rms_norm_eps": 1e-06,
    "rope_scaling": {"factor": 4.0, "type": "linear"},
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
    "transformers_version": "4.31.0.dev0",
    "use_cache": True,
    "vocab_size": 67,
}

_QWEN2_V4_FP16 = {
    "architectures": ["Qwen2ForCausalLM"],
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "eos_token_id": 1,
    "hidden_act": "silu",
    "hidden_size": 48,
    "initializer_range": 0.02,
    "intermediate_size": 64,
    "max_position_embeddings": 256,
    "max_window_layers": 2,
    "model_type": "qwen2",
    "num_attention_heads": 6,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0,
    "sliding_window": 128,
    "tie_word_embeddings": False,
    "torch_dtype": "float16",
    "transformers_version": "4.40.1",
    "use_cache": True,
    "use_sliding_window": False,
    "vocab_size": 83,
}


@dataclass
class Case:
    """One model directory. Exactly one of `config` (written by transformers) and `config_v4` (written as it is)."""

    name: str
    config: dict = field(default_factory=dict)
    config_v4: dict | None = None
    disk_dtype: str = "float32"
    # Weights are rounded to this, so that a run in it starts from the very numbers of the fp32 run.
    value_dtype: str = "float32"
    batch: tuple[int, int] = (2, 19)
    write_tied_head: bool = False
    shard_size: str = "1GB"
    packed: bool = False
    store_fp64: bool = False
    train: bool = False
    generate: bool = False

    @property
    def model_type(self) -> str:
        return (self.config_v4 or self.config)["model_type"]


def _config(model_type: str, rope: dict, **keys) -> dict:
    base = dict(model_type=model_type, bos_token_id=1, eos_token_id=2, pad_token_id=0, rope_parameters=rope)
    return base | keys


CASES = [
    Case(
        "llama",
        _config(
            "llama",
            dict(rope_type="llama3", rope_theta=5e5, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                 original_max_position_embeddings=64),
            vocab_size=259, hidden_size=48, intermediate_size=64, num_hidden_layers=2, num_attention_heads=6,
            num_key_value_heads=2, head_dim=16, max_position_embeddings=512, rms_norm_eps=1e-5,
            tie_word_embeddings=False,
        ),
        value_dtype="bfloat16", packed=True, store_fp64=True, train=True, generate=True,
    ),
    Case("llama_v4_bf16", config_v4=_LLAMA_V4_BF16, disk_dtype="bfloat16", value_dtype="bfloat16"),
    Case(
        "llama_yarn",
        _config(
            "llama",
            dict(rope_type="yarn", rope_theta=1e4, factor=4.0, original_max_position_embeddings=2048),
            vocab_size=71, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=2,
            num_key_value_heads=1, head_dim=16, max_position_embeddings=8192, rms_norm_eps=1e-6,
            tie_word_embeddings=False,
        ),
        shard_size="30KB",
    ),
    Case(
        "llama_bias",
        _config(
            "llama", dict(rope_type="default", rope_theta=1e4),
            vocab_size=61, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=4, head_dim=8, max_position_embeddings=64, rms_norm_eps=1e-6, attention_bias=True,
            mlp_bias=True, tie_word_embeddings=True,
        ),
    ),
    Case("llama_linear", config_v4=_LLAMA_LINEAR_V4, batch=(3, 11)),
    Case(
        "qwen2",
        _config(
            "qwen2", dict(rope_type="default", rope_theta=1e6),
            vocab_size=101, hidden_size=40, intermediate_size=56, num_hidden_layers=2, num_attention_heads=5,
            num_key_value_heads=1, max_position_embeddings=128, rms_norm_eps=1e-6, tie_word_embeddings=True,
            max_window_layers=2,
        ),
        value_dtype="bfloat16", write_tied_head=True,
    ),
    Case("qwen2_untied", config_v4=_QWEN2_V4_FP16, disk_dtype="float16", value_dtype="float16",
         batch=(2, 14)),
    Case(
        "qwen3",
        _config(
            "qwen3", dict(rope_type="default", rope_theta=1e6),
            vocab_size=259, hidden_size=40, intermediate_size=56, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, head_dim=16, max_position_embeddings=128, rms_norm_eps=1e-6,
            tie_word_embeddings=True, max_window_layers=2,
        ),
        value_dtype="bfloat16", packed=True, store_fp64=True, train=True, generate=True,
    ),
    Case(
        "qwen3_untied",
        _config(
            "qwen3",
            dict(rope_type="yarn", rope_theta=1e5, factor=4.0, original_max_position_embeddings=256),
            vocab_size=73, hidden_size=32, intermediate_size=40, num_hidden_layers=3, num_attention_heads=6,
            num_key_value_heads=2, head_dim=8, max_position_embeddings=1024, rms_norm_eps=1e-6,
            tie_word_embeddings=False, max_window_layers=3,
        ),
    ),
]


def case(name: str) -> Case:
    """The case called `name`; KeyError when there is none."""
    return {c.name: c for c in CASES}[name]
