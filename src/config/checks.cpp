// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "config/sections.h"
#include "loongforge/core/text.h"

namespace loongforge::config {
namespace {

constexpr int64_t kMostSamples = 1 << 24;  // a step's list of samples is made in memory

class Checker {
 public:
  Checker(const RunConfig& config, const LoadOptions& options, Problems& problems)
      : c_(config), options_(options), problems_(problems) {}

  void model() {
    if (c_.model.path.empty() && c_.model.config.map().empty()) {
      report("model",
             "model: set model.path (a Hugging Face directory) or model.config, or choose one by `model: NAME` in "
             "the defaults list");
    }
    resume();
  }

  void names() {
    if (!c_.run.plugins.empty()) return;  // what plug-ins register is known only to the worker
    std::vector<std::string> kinds = {"text", "jsonl", "sft", "indexed", "tokens"}, optimizers = {"adamw"};
    kinds.insert(kinds.end(), options_.data_kinds.begin(), options_.data_kinds.end());
    optimizers.insert(optimizers.end(), options_.optimizers.begin(), options_.optimizers.end());
    one_of("data.kind", c_.data.kind, kinds);
    one_of("optim.name", c_.optim.name, optimizers);
  }

  void data() {
    const DataSection& d = c_.data;
    if (!d.weights.empty() && d.weights.size() != d.train.size()) {
      report("data.weights", fmt::format("data.weights has {} numbers for the {} entries of data.train",
                                         d.weights.size(), d.train.size()));
    }
    for (const Entry& column : d.columns.map()) {
      if (column.value.is(Value::Kind::string)) continue;
      problems_.add(column.place, fmt::format("data.columns.{} must be the name of a field", column.key));
    }
    if (d.kind == "sft" && d.tokenizer.empty() && c_.model.path.empty()) {
      report("data.tokenizer", "data.kind=sft needs a tokenizer with a chat template: data.tokenizer or model.path");
    }
  }

  void optimizer() {
    const OptimSection& o = c_.optim;
    if (o.min_lr > o.lr) report("optim.min_lr", fmt::format("optim.min_lr {} is above optim.lr {}", o.min_lr, o.lr));
    const int64_t length = o.decay_steps > 0 ? o.decay_steps : c_.train.steps.value_or(0);
    if (length > 0 && o.warmup_steps > length) {
      report("optim.warmup_steps", fmt::format("optim.warmup_steps {} is longer than the schedule ({} steps); for "
                                               "a short trial add optim.warmup_steps=0",
                                               o.warmup_steps, length));
    }
    if (o.schedule == Schedule::wsd && length > 0 && o.wsd_decay_steps + o.warmup_steps > length) {
      report("optim.wsd_decay_steps", fmt::format("warm-up and decay of wsd take {} steps of {}",
                                                  o.wsd_decay_steps + o.warmup_steps, length));
    }
  }

  void precision() {
    if (c_.precision.dtype != Dtype::f16 || c_.train.steps == 0) return;
    report("precision.dtype",
           "precision.dtype float16 needs loss scaling, which this version lacks: train in bfloat16 or float32 "
           "(checkpoint.dtype=float16 still saves float16 weights)");
  }

  void parallel() {
    const ParallelSection& p = c_.parallel;
    if (p.sequence_parallel && p.tp == 1) {
      report("parallel.sequence_parallel", "parallel.sequence_parallel needs parallel.tp > 1");
    }
    if (p.vpp > 1 && p.pp == 1) report("parallel.vpp", "parallel.vpp needs parallel.pp > 1");
    if (p.etp > 1 && p.ep == 1 && p.tp == 1)
      report("parallel.etp", "parallel.etp needs parallel.ep or parallel.tp > 1");
    if (c_.platform.device == "cpu" && p.backend == "nccl") {
      report("parallel.backend", "parallel.backend nccl needs platform.device cuda");
    }
    const int64_t model_ranks = p.tp * p.pp * p.cp;
    std::optional<int64_t> dp = p.dp;
    if (options_.world_size) {
      const int64_t world = *options_.world_size;
      if (p.dp ? world != model_ranks * *p.dp : world % model_ranks != 0) {
        const std::string dp_text = p.dp ? std::to_string(*p.dp) : "auto";
        const std::string ranks = world == 1 ? "1 rank doesn't" : fmt::format("{} ranks don't", world);
        return report("parallel",
                      fmt::format("{} fit tp {} × pp {} × cp {} × dp {}; start {}{} (--nproc-per-node)", ranks, p.tp,
                                  p.pp, p.cp, dp_text, p.dp ? "" : "a multiple of ", model_ranks * p.dp.value_or(1)));
      }
      dp = world / model_ranks;
    }
    if (dp && (p.tp * p.cp * *dp) % (p.ep * p.etp) != 0) {
      report("parallel.ep",
             fmt::format("ep {} × etp {} must divide tp × cp × dp = {}", p.ep, p.etp, p.tp * p.cp * *dp));
    }
    batch(dp);
  }

 private:
  // A misspelt word would be taken for a folder.
  void resume() {
    const std::string& resume = c_.run.resume;
    if (resume.empty()) return report("run.resume", "run.resume must be auto, never or a folder");
    const std::vector<std::string> words = {"auto", "never"};
    const auto near = nearest(resume, words);
    std::error_code ignored;
    if (near && *near != resume && !std::filesystem::exists(resume, ignored)) {
      report("run.resume", fmt::format("run.resume: there is no folder `{}`; did you mean {}?", resume, *near));
    }
  }

  // Without the number of ranks only the part that holds for any of them is checked.
  void batch(std::optional<int64_t> dp) {
    const int64_t global = c_.train.global_batch_size, micro = c_.train.micro_batch_size, ranks = dp.value_or(1);
    for (const auto& [key, size] : {std::pair("train.global_batch_size", global), {"train.micro_batch_size", micro}}) {
      if (size <= kMostSamples) continue;
      return report(key, fmt::format("{} {} is more than a step can take ({})", key, size, kMostSamples));
    }
    if (global == 0 || global % (micro * ranks) == 0) return;
    report("train.global_batch_size",
           fmt::format("train.global_batch_size {} must be a multiple of train.micro_batch_size {}{}", global, micro,
                       dp ? fmt::format(" × dp {} = {}", ranks, micro * ranks) : ""));
  }

  void one_of(const std::string& path, const std::string& value, const std::vector<std::string>& known) {
    if (std::find(known.begin(), known.end(), value) != known.end()) return;
    auto near = nearest(value, known);
    report(path, fmt::format("{} can't be `{}`{}; valid: {}, or one that a library in run.plugins registers", path,
                             value, near ? fmt::format(" (did you mean {}?)", *near) : "", join_names(known)));
  }

  void report(const std::string& path, std::string text) {
    const Value* node = c_.tree.at_path(path);
    problems_.add(node ? node->place : Place{}, std::move(text));
  }

  const RunConfig& c_;
  const LoadOptions& options_;
  Problems& problems_;
};

}  // namespace

void check_combinations(const RunConfig& config, const LoadOptions& options, Problems& problems) {
  Checker checker(config, options, problems);
  checker.model();
  checker.names();
  checker.data();
  checker.optimizer();
  checker.precision();
  checker.parallel();
}

}  // namespace loongforge::config
