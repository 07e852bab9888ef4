// SPDX-License-Identifier: Apache-2.0
// RunConfig: everything a run is told, typed. Names: files and sizes as Hugging Face, parallel terms as Megatron.
// The documentation of each field stands in its one declaration, src/config/sections*.cpp.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "loongforge/config/value.h"
#include "loongforge/core/dtype.h"

namespace loongforge::config {

/// A number of bytes, read from 40000000, "5GB", "256MiB".
struct ByteSize {
  uint64_t bytes = 0;
  friend bool operator==(ByteSize, ByteSize) = default;
};

enum class Schedule { constant, linear, cosine, inverse_sqrt, wsd };
enum class WsdDecay { linear, cosine, sqrt };
enum class Recompute { none, selective, full };
enum class LogFormat { standard, megatron };
enum class OnNan { skip, halt };
enum class MemoryCheck { error, warn, off };

struct RunSection {
  std::string name;        // default: the config's name
  std::string output_dir;  // default: runs/<name>
  std::string resume = "auto";  // auto | never | a run or checkpoint directory
  int64_t seed = 42;
  std::vector<std::string> plugins;
  std::vector<std::string> allow_changes;  // patterns of keys that may differ from the checkpoint's on a resume
};

struct LoraSection {
  int64_t rank = 8;
  double alpha = 16;
  std::vector<std::string> targets = {"all-linear"};
};

struct ModelSection {
  std::string path;                     // Hugging Face directory to load; empty: from scratch by `config`
  Value config = Value::empty_map();    // keys of the family's config.json (over those of `path`); a map
  bool load_weights = true;             // false: only the configuration and tokenizer of `path`
  std::vector<std::string> freeze;      // patterns of published parameter names
  std::optional<LoraSection> lora;
};

struct DataSection {
  std::string kind = "text";            // text | jsonl | sft | indexed | tokens | a kind of a plug-in
  std::vector<std::string> train;       // files, patterns, folders
  std::vector<double> weights;          // of a blend: one for each entry of train; empty: all of each
  std::string weight_by = "samples";    // samples | tokens
  std::vector<std::string> valid;       // files; empty: `valid_fraction` of train
  double valid_fraction = 0;
  std::string tokenizer;                // a tokenizer's file or its directory; default: model.path's
  int64_t seq_length = 1024;
  bool packing = true;
  bool reset_positions = true;
  bool shuffle = true;
  std::string text_key = "text";
  bool append_eod = true;
  std::string bad_records = "fail";     // fail | skip
  // of kind sft
  std::string format = "auto";          // auto | messages | sharegpt | alpaca | prompt
  Value columns = Value::empty_map();   // field here: field in the files
  std::string chat_template;            // file, or name of one in the tokenizer's folder; empty: its default
  std::string train_on = "all";         // all | last | completions
  std::string truncation = "right";     // right | left | drop | error
  int64_t pack_buffer = 1024;           // conversations packed together
  int64_t workers = 1;
  int64_t prefetch = 2;
};

struct TrainSection {
  std::optional<int64_t> steps;         // nullopt: by epochs; 0: load (or initialise) and save only
  double epochs = 1;                    // used when steps is not set
  int64_t micro_batch_size = 1;
  int64_t global_batch_size = 0;        // 0: micro_batch_size × dp
  int64_t eval_every = 0;               // 0: never
  int64_t eval_batches = 0;             // global batches an evaluation; 0: all
  bool eval_at_end = true;              // when there is validation data
  int64_t exit_at_step = 0;             // stop there (saving), as if interrupted; 0: no
};

struct OptimSection {
  std::string name = "adamw";
  double lr = 3e-4;
  double min_lr = 0;
  std::array<double, 2> betas = {0.9, 0.95};
  double eps = 1e-8;
  double weight_decay = 0.1;
  double clip_grad = 1.0;               // 0: no clipping
  Schedule schedule = Schedule::cosine;
  int64_t warmup_steps = 0;
  int64_t decay_steps = 0;              // length of the schedule, warm-up included; 0: train.steps
  int64_t wsd_decay_steps = 0;          // last steps of wsd that decay; 0: a tenth
  WsdDecay wsd_decay = WsdDecay::linear;
};

struct ParallelSection {
  int64_t tp = 1, pp = 1, vpp = 1, cp = 1, ep = 1, etp = 1;
  std::optional<int64_t> dp;            // nullopt: auto = world / (tp·pp·cp)
  int64_t zero = 0;
  bool sequence_parallel = false;
  std::string pipeline_schedule = "1f1b";
  bool overlap = true;                  // reduce gradients while the backward goes on
  ByteSize bucket_bytes{uint64_t{25} << 20};
  std::string backend = "auto";         // auto | local | thread | gloo | nccl | fake
};

struct PrecisionSection {
  Dtype dtype = Dtype::f32;             // parameters and activations
  std::optional<Dtype> master;          // nullopt: acc(dtype)
  std::optional<Dtype> grad;            // nullopt: acc(dtype)
  Dtype master_dtype() const { return master.value_or(acc(dtype)); }
  Dtype grad_dtype() const { return grad.value_or(acc(dtype)); }
};

struct MemorySection {
  Recompute recompute = Recompute::none;
  MemoryCheck check = MemoryCheck::error;
};

struct CheckpointSection {
  int64_t every = 0;                    // 0: only the last
  int64_t keep = 0;                     // newest ones kept; 0: all
  bool save_last = true;
  bool optimizer = true;                // false: weights only, can't be resumed exactly
  std::optional<Dtype> dtype;           // of saved weights; nullopt: each parameter's
  ByteSize max_shard_size{5'000'000'000};
};

struct LogSection {
  int64_t every = 1;
  LogFormat format = LogFormat::standard;
  bool metrics = true;                  // write metrics.jsonl
};

struct FaultSection {
  double timeout = 600;                 // seconds a collective may wait
  double grace = 600;                   // seconds that a run asked to stop has for its step and checkpoint
  OnNan nan = OnNan::halt;
  int64_t max_skipped = 10;             // skipped steps in a row before the run stops anyway
};

struct PlatformSection {
  std::string device = "cpu";           // cpu | fake | cuda
  int64_t threads = 0;                  // intra-op threads of the process; 0: all the process may use
};

struct RunConfig {
  int64_t config_version = 1;
  RunSection run;
  ModelSection model;
  DataSection data;
  TrainSection train;
  OptimSection optim;
  ParallelSection parallel;
  PrecisionSection precision;
  MemorySection memory;
  CheckpointSection checkpoint;
  LogSection log;
  FaultSection fault;
  PlatformSection platform;
  Value plugins = Value::empty_map();   // free form: plugins.<name>.<key>

  std::string config_name;              // file name without folder and suffix
  std::string config_path;              // the file that was read
  Value tree;                           // the complete resolved configuration, defaults filled in
  std::vector<std::string> warnings;    // old names used, …
};

struct LoadOptions {
  /// As on the command line: "a.b=1", "model=qwen3_8b", "~a.b", "+a.b=1", "--a.b" "v".
  std::vector<std::string> overrides;
  /// Further values of data.kind and optim.name that the program registers.
  std::vector<std::string> data_kinds, optimizers;
  /// The number of ranks when known: completes dp and the checks that need it.
  std::optional<int64_t> world_size;
};

/// Finds (by path or name), composes, overrides, interpolates, checks. Throws one ConfigError listing every problem.
RunConfig load_run_config(const std::string& path_or_name, const LoadOptions& options = {});
/// The same for a tree at hand (tests, programs that make their own).
RunConfig run_config_from(Value tree, const std::string& config_name, const LoadOptions& options = {});

/// YAML of the complete configuration: reads back to the same run. `resolved=false` writes `${env:…}` unexpanded, as
/// runs and checkpoints save it.
std::string dump_yaml(const RunConfig& config, bool resolved = true);
std::string dump_yaml(const Value& value, bool resolved = true);

/// One field of the schema, for help texts and documents.
struct FieldInfo {
  std::string path;           ///< "train.micro_batch_size"
  std::string type;           ///< "integer ≥ 1"
  std::string default_value;  ///< as YAML
  std::string doc;
};
std::vector<FieldInfo> describe_fields();
/// Values that the field at `path` takes by name (of an enum, true and false, auto); empty for free ones.
std::vector<std::string> value_names(const std::string& path);

/// Paths at which two resolved configurations of one run differ so that the run would be another one (places, logging,
/// output and restart settings don't count). Empty: a resume may go on.
std::vector<std::string> differing_keys(const Value& saved, const Value& now);

}  // namespace loongforge::config
