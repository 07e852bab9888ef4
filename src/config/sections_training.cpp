// SPDX-License-Identifier: Apache-2.0
// The one declaration of each field: what a run trains, on what, and how.
#include "config/sections.h"

namespace loongforge::config {

template <>
struct EnumNames<Schedule> {
  static constexpr std::array<std::string_view, 5> names = {"constant", "linear", "cosine", "inverse_sqrt", "wsd"};
};
template <>
struct EnumNames<WsdDecay> {
  static constexpr std::array<std::string_view, 3> names = {"linear", "cosine", "sqrt"};
};

Section<RunSection> run_section() {
  Section<RunSection> s;
  s.field("name", &RunSection::name, {}, "name of the run; default: the configuration's name")
      .field("output_dir", &RunSection::output_dir, {}, "folder of checkpoints, metrics and logs; default: runs/<name>")
      .field("resume", &RunSection::resume, {},
             "auto: from the newest checkpoint in output_dir if there is one; never; or a run's or checkpoint's folder")
      .field("seed", &RunSection::seed, {.min = 0}, "seed of every random draw")
      .field("plugins", &RunSection::plugins, {}, "shared libraries with loongforge_register to load")
      .field("allow_changes", &RunSection::allow_changes, {},
             "patterns of keys that may differ from those of the checkpoint that is resumed, such as optim.lr");
  return s;
}

Section<LoraSection> lora_section() {
  Section<LoraSection> s;
  s.field("rank", &LoraSection::rank, {.min = 1, .old_names = {"r"}}, "rank of the two factors")
      .field("alpha", &LoraSection::alpha, {.min = 0, .above_min = true, .old_names = {"lora_alpha"}},
             "the update is scaled by alpha / rank")
      .field("targets", &LoraSection::targets, {.old_names = {"target_modules"}},
             "all-linear, last parts of published module names (q_proj, v_proj, down_proj …), or patterns of whole ones (*.layers.0.*)");
  return s;
}

Section<ModelSection> model_section() {
  Section<ModelSection> s;
  s.field("path", &ModelSection::path, {}, "Hugging Face model directory to start from; empty: from scratch, by config")
      .field("config", &ModelSection::config, {},
             "keys of the family's config.json (model_type, hidden_size, …); with path, they replace the directory's")
      .field("load_weights", &ModelSection::load_weights, {}, "false: take only configuration and tokenizer from path")
      .field("freeze", &ModelSection::freeze, {},
             "patterns (`*`, `?`) of published parameter names that aren't trained")
      .section("lora", &ModelSection::lora, lora_section(), "train low-rank adapters instead of the weights");
  return s;
}

Section<DataSection> data_section() {
  Section<DataSection> s;
  s.field("kind", &DataSection::kind, {},
          "text and jsonl (documents), sft (conversations), indexed (Megatron .bin/.idx), tokens (integer .npy [samples, "
          "length]), or a plug-in's")
      .field("train", &DataSection::train, {.old_names = {"path"}}, "training files, patterns (`*.jsonl`), or folders; text, JSONL, Parquet, Arrow, tar, also .gz and .zst")
      .field("weights", &DataSection::weights, {.min = 0, .above_min = true},
             "blend: a weight for each entry of train; none: all samples of each")
      .field("weight_by", &DataSection::weight_by, {.allowed = {"samples", "tokens"}}, "what the weights are shares of")
      .field("valid", &DataSection::valid, {}, "validation files; none: valid_fraction of the training documents")
      .field("valid_fraction", &DataSection::valid_fraction, {.min = 0, .max = 0.5},
             "part of the training documents kept for validation when valid is empty")
      .field("tokenizer", &DataSection::tokenizer, {}, "a tokenizer's file or its directory; default: that of model.path")
      .field("seq_length", &DataSection::seq_length, {.min = 1}, "length of a row")
      .field("packing", &DataSection::packing, {}, "several documents in a row, attention kept inside each")
      .field("reset_positions", &DataSection::reset_positions, {},
             "positions and attention restart at each document; false: rows are one long document")
      .field("shuffle", &DataSection::shuffle, {}, "a new order in every epoch, from the seed; false: as stored")
      .field("text_key", &DataSection::text_key, {}, "key of the text in jsonl lines")
      .field("append_eod", &DataSection::append_eod, {}, "end each document with the end-of-document id")
      .field("bad_records", &DataSection::bad_records, {.allowed = {"fail", "skip"}},
             "records that can't be read: stop, or pass over them and count")
      .field("format", &DataSection::format, {.allowed = {"auto", "messages", "sharegpt", "alpaca", "prompt"}},
             "of sft records; auto: by the fields of each")
      .field("columns", &DataSection::columns, {}, "of sft records that name fields otherwise: {messages: dialog}")
      .field("chat_template", &DataSection::chat_template, {},
             "Jinja file, or name of a template in the tokenizer's folder; default: that folder's")
      .field("train_on", &DataSection::train_on, {.allowed = {"all", "last", "completions"}},
             "turns of the assistant that are learned: all, the last, or those after the last question")
      .field("truncation", &DataSection::truncation, {.allowed = {"right", "left", "drop", "error"}},
             "conversations longer than seq_length: keep the beginning, the end, leave them out, or stop")
      .field("pack_buffer", &DataSection::pack_buffer, {.min = 1}, "conversations packed together, longest first")
      .field("workers", &DataSection::workers, {.min = 1, .max = 256}, "threads that prepare batches")
      .field("prefetch", &DataSection::prefetch, {.min = 1, .max = 1024}, "steps prepared ahead");
  return s;
}

Section<TrainSection> train_section() {
  Section<TrainSection> s;
  s.field("steps", &TrainSection::steps, {.min = 0, .old_names = {"max_steps"}},
          "optimizer steps; auto: by epochs; 0: load (or initialise) and save only")
      .field("epochs", &TrainSection::epochs, {.min = 0, .above_min = true}, "passes over the data when steps is auto")
      .field("micro_batch_size", &TrainSection::micro_batch_size, {.min = 1}, "samples per rank and forward pass")
      .field("global_batch_size", &TrainSection::global_batch_size, {.min = 0},
             "samples per step over all ranks; 0: micro_batch_size × dp")
      .field("eval_every", &TrainSection::eval_every, {.min = 0}, "steps between evaluations; 0: none")
      .field("eval_batches", &TrainSection::eval_batches, {.min = 0},
             "global batches per evaluation; 0: all of the data")
      .field("eval_at_end", &TrainSection::eval_at_end, {},
             "evaluate after the last step when there is validation data")
      .field("exit_at_step", &TrainSection::exit_at_step, {.min = 0},
             "save and stop there as if interrupted; 0: don't");
  return s;
}

Section<OptimSection> optim_section() {
  Section<OptimSection> s;
  s.field("name", &OptimSection::name, {}, "adamw, or one that the program or a plug-in registers")
      .field("lr", &OptimSection::lr, {.min = 0}, "peak learning rate")
      .field("min_lr", &OptimSection::min_lr, {.min = 0}, "learning rate at the end of the decay")
      .field("betas", &OptimSection::betas, {.min = 0, .max = 0.9999999}, "decay of the first and second moment")
      .field("eps", &OptimSection::eps, {.min = 0}, "added to the root of the second moment")
      .field("weight_decay", &OptimSection::weight_decay, {.min = 0}, "decoupled; not on norms and biases")
      .field("clip_grad", &OptimSection::clip_grad, {.min = 0}, "largest global gradient norm; 0: no clipping")
      .field("schedule", &OptimSection::schedule, {}, "shape of the learning rate after warm-up")
      .field("warmup_steps", &OptimSection::warmup_steps, {.min = 0}, "steps of linear warm-up")
      .field("decay_steps", &OptimSection::decay_steps, {.min = 0},
             "length of the schedule with its warm-up; 0: that of the run")
      .field("wsd_decay_steps", &OptimSection::wsd_decay_steps, {.min = 0}, "last steps of wsd, that decay; 0: a tenth")
      .field("wsd_decay", &OptimSection::wsd_decay, {}, "shape of that decay");
  return s;
}

}  // namespace loongforge::config
