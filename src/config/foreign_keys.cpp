// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/sections.h"

namespace loongforge::config {
namespace {

struct Foreign {
  std::string_view name, ours;
};

// HF TrainingArguments, Megatron-LM arguments (with _ for -), LLaMA-Factory.
constexpr std::array kForeign = {
    Foreign{"per_device_train_batch_size", "train.micro_batch_size"},
    Foreign{"train_batch_size", "train.global_batch_size"},
    Foreign{"gradient_accumulation_steps", "train.global_batch_size (micro_batch_size × dp × accumulation)"},
    Foreign{"num_train_epochs", "train.epochs"},
    Foreign{"max_steps", "train.steps"},
    Foreign{"train_iters", "train.steps"},
    Foreign{"eval_steps", "train.eval_every"},
    Foreign{"eval_interval", "train.eval_every"},
    Foreign{"eval_iters", "train.eval_batches"},
    Foreign{"exit_interval", "train.exit_at_step"},
    Foreign{"learning_rate", "optim.lr"},
    Foreign{"lr_scheduler_type", "optim.schedule"},
    Foreign{"lr_decay_style", "optim.schedule"},
    Foreign{"lr_decay_iters", "optim.decay_steps"},
    Foreign{"lr_warmup_iters", "optim.warmup_steps"},
    Foreign{"lr_wsd_decay_style", "optim.wsd_decay"},
    Foreign{"lr_wsd_decay_iters", "optim.wsd_decay_steps"},
    Foreign{"warmup_ratio", "optim.warmup_steps (a number of steps)"},
    Foreign{"max_grad_norm", "optim.clip_grad"},
    Foreign{"adam_beta1", "optim.betas (a list of two)"},
    Foreign{"adam_beta2", "optim.betas (a list of two)"},
    Foreign{"adam_epsilon", "optim.eps"},
    Foreign{"adam_eps", "optim.eps"},
    Foreign{"optimizer", "optim.name"},
    Foreign{"tensor_model_parallel_size", "parallel.tp"},
    Foreign{"tensor_parallel_size", "parallel.tp"},
    Foreign{"pipeline_model_parallel_size", "parallel.pp"},
    Foreign{"num_layers_per_virtual_pipeline_stage", "parallel.vpp (chunks per rank)"},
    Foreign{"virtual_pipeline_model_parallel_size", "parallel.vpp"},
    Foreign{"context_parallel_size", "parallel.cp"},
    Foreign{"expert_model_parallel_size", "parallel.ep"},
    Foreign{"expert_tensor_parallel_size", "parallel.etp"},
    Foreign{"data_parallel_size", "parallel.dp"},
    Foreign{"use_distributed_optimizer", "parallel.zero (1)"},
    Foreign{"overlap_grad_reduce", "parallel.overlap"},
    Foreign{"ddp_bucket_size", "parallel.bucket_bytes"},
    Foreign{"distributed_backend", "parallel.backend"},
    Foreign{"distributed_timeout_minutes", "fault.timeout (in seconds)"},
    Foreign{"bf16", "precision.dtype (bfloat16)"},
    Foreign{"fp16", "precision.dtype (float16)"},
    Foreign{"torch_dtype", "precision.dtype"},
    Foreign{"params_dtype", "precision.dtype"},
    Foreign{"gradient_checkpointing", "memory.recompute (full)"},
    Foreign{"recompute_granularity", "memory.recompute"},
    Foreign{"recompute_activations", "memory.recompute (selective)"},
    Foreign{"save_steps", "checkpoint.every"},
    Foreign{"save_interval", "checkpoint.every"},
    Foreign{"save_total_limit", "checkpoint.keep"},
    Foreign{"no_save_optim", "checkpoint.optimizer (false)"},
    Foreign{"save_only_model", "checkpoint.optimizer (false)"},
    Foreign{"save", "run.output_dir"},
    Foreign{"load", "run.resume"},
    Foreign{"resume_from_checkpoint", "run.resume"},
    Foreign{"logging_steps", "log.every"},
    Foreign{"log_interval", "log.every"},
    Foreign{"run_name", "run.name"},
    Foreign{"use_cpu", "platform.device (cpu)"},
    Foreign{"no_cuda", "platform.device (cpu)"},
    Foreign{"dataloader_num_workers", "data.workers"},
    Foreign{"num_workers", "data.workers"},
    Foreign{"dataset", "data.train"},
    Foreign{"data_path", "data.train"},
    Foreign{"train_data_path", "data.train"},
    Foreign{"valid_data_path", "data.valid"},
    Foreign{"val_size", "data.valid_fraction"},
    Foreign{"split", "data.valid_fraction"},
    Foreign{"cutoff_len", "data.seq_length"},
    Foreign{"max_seq_length", "data.seq_length"},
    Foreign{"tokenizer_model", "data.tokenizer"},
    Foreign{"tokenizer_name_or_path", "data.tokenizer"},
    Foreign{"tokenizer", "data.tokenizer"},
    Foreign{"dataset_dir", "data.train"},
    Foreign{"dataset_path", "data.train"},
    Foreign{"train_file", "data.train"},
    Foreign{"eval_dataset", "data.valid"},
    Foreign{"mix_strategy", "data.weights"},
    Foreign{"interleave_probs", "data.weights"},
    Foreign{"dataset_text_field", "data.text_key"},
    Foreign{"json_keys", "data.text_key"},
    Foreign{"max_length", "data.seq_length"},
    Foreign{"template", "data.chat_template"},
    Foreign{"chat_template_path", "data.chat_template"},
    Foreign{"formatting", "data.format (messages, sharegpt, alpaca, prompt)"},
    Foreign{"neat_packing", "data.packing"},
    Foreign{"sample_packing", "data.packing"},
    Foreign{"mask_history", "data.train_on (last)"},
    Foreign{"assistant_only_loss", "data.train_on (all)"},
    Foreign{"completion_only_loss", "data.train_on (completions)"},
    Foreign{"preprocessing_num_workers", "data.workers"},
    Foreign{"stage", "data.kind (sft)"},
    Foreign{"model_name_or_path", "model.path"},
    Foreign{"from_scratch", "model.load_weights (false)"},
    Foreign{"lora_rank", "model.lora.rank"},
    Foreign{"lora_alpha", "model.lora.alpha"},
    Foreign{"lora_target", "model.lora.targets"},
};

// Keys of config.json that people write one level too high.
constexpr std::array<std::string_view, 24> kModelKeys = {"architectures",
                                                         "attention_bias",
                                                         "attention_dropout",
                                                         "bos_token_id",
                                                         "eos_token_id",
                                                         "head_dim",
                                                         "hidden_act",
                                                         "hidden_size",
                                                         "initializer_range",
                                                         "intermediate_size",
                                                         "max_position_embeddings",
                                                         "mlp_bias",
                                                         "model_type",
                                                         "num_attention_heads",
                                                         "num_hidden_layers",
                                                         "num_key_value_heads",
                                                         "pad_token_id",
                                                         "rms_norm_eps",
                                                         "rope_parameters",
                                                         "rope_scaling",
                                                         "rope_theta",
                                                         "sliding_window",
                                                         "tie_word_embeddings",
                                                         "vocab_size"};

}  // namespace

std::string foreign_key_advice(const std::string& path) {
  size_t dot = path.rfind('.');
  std::string name = path.substr(dot == path.npos ? 0 : dot + 1);
  std::replace(name.begin(), name.end(), '-', '_');
  for (const Foreign& foreign : kForeign) {
    if (foreign.name == name && foreign.ours != path) return fmt::format("`{}` is `{}` here", name, foreign.ours);
  }
  if (std::find(kModelKeys.begin(), kModelKeys.end(), name) != kModelKeys.end()) {
    return fmt::format("`{0}` is `model.config.{0}` here", name);
  }
  std::vector<std::string> homes;
  for (const Field& section : run_schema().fields()) {
    if (section.section && section.section->find(name)) homes.push_back(fmt::format("`{}.{}`", section.name, name));
  }
  // A name that three sections share says nothing about which is meant.
  if (homes.empty() || homes.size() > 2) return "";
  return fmt::format("`{}` is {} here", name, fmt::join(homes, " or "));
}

}  // namespace loongforge::config
