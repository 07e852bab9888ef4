// SPDX-License-Identifier: Apache-2.0
// Going on from a checkpoint: is it the same run, and its state.
#include <algorithm>

#include "loongforge/core/error.h"
#include "loongforge/core/log.h"
#include "loongforge/core/text.h"
#include "train/saved_state.h"
#include "trainer_impl.h"

namespace loongforge::train {

namespace fs = std::filesystem;

namespace {

constexpr const char* kBatchKey = "train.global_batch_size";

/// Keys that only say how long a run is; what a change of them means depends on the schedule (check_schedule).
constexpr const char* kLengthKeys[] = {"train.steps", "train.epochs", "optim.decay_steps", "optim.wsd_decay_steps"};

bool is_length_key(const std::string& key) {
  return std::find(std::begin(kLengthKeys), std::end(kLengthKeys), key) != std::end(kLengthKeys);
}

bool is_allowed(const config::RunConfig& config, const std::string& key) {
  const auto& patterns = config.run.allow_changes;
  return std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) { return glob_match(pattern, key); });
}

int64_t saved_integer(const config::Value& saved, std::string_view path) {
  const auto* value = saved.at_path(path);
  return value && value->is(config::Value::Kind::integer) ? value->as_int() : 0;
}

/// A run may become longer or shorter as long as the steps that it took would have been the same: always for constant
/// and inverse square root, before its decay for wsd, and with optim.decay_steps set for all.
void check_schedule(const Trainer::Impl& run, const fs::path& folder, const config::Value& saved, int64_t total,
                    int64_t steps) {
  if (steps >= run.total_steps) return;
  if (std::any_of(std::begin(kLengthKeys), std::end(kLengthKeys),
                  [&](const char* key) { return is_allowed(run.config, key); })) {
    return;
  }
  config::OptimSection before = run.config.optim;
  before.decay_steps = saved_integer(saved, "optim.decay_steps");
  before.wsd_decay_steps = saved_integer(saved, "optim.wsd_decay_steps");
  const auto old = make_schedule(before, total);
  for (int64_t step = 0; step < steps; ++step) {
    if (learning_rate(old, step) == learning_rate(*run.schedule, step)) continue;
    const int64_t length = before.decay_steps > 0 ? before.decay_steps : total;
    throw ConfigError(
        fmt::format("{} is {} steps into a learning rate schedule of {}; in a run of {} its step {} would have had "
                    "{:.3e} instead of {:.3e}",
                    folder.string(), steps, length, run.total_steps, step + 1, learning_rate(*run.schedule, step), learning_rate(old, step)),
        fmt::format("optim.decay_steps={} keeps that schedule (steps beyond it run at {:.3e}); "
                    "run.allow_changes=[train.steps] jumps to the new one",
                    length, learning_rate(old, std::max(run.total_steps, length))));
  }
}

void check_same_run(const Trainer::Impl& run, const fs::path& folder, const config::Value& saved,
                    const SavedState& state) {
  auto differing = config::differing_keys(saved, run.config.tree);
  // What counts of the batch is the number of samples, which keep_batch_size has compared.
  std::erase_if(differing, [&](const auto& key) {
    return key == kBatchKey || is_length_key(key) || is_allowed(run.config, key);
  });
  if (!differing.empty()) {
    throw ConfigError(fmt::format("{} was made with another configuration; these keys differ: {}", folder.string(),
                                  join_names(differing)),
                      "restore them, choose another run.output_dir, set run.resume=never, or name those that may change "
                      "in run.allow_changes");
  }
  check_schedule(run, folder, saved, state.total_steps, state.step);
}

}  // namespace

/// Without a batch size of its own the run keeps the checkpoint's, whatever the number of ranks.
void Trainer::Impl::keep_batch_size(const fs::path& folder, int64_t saved) {
  int64_t& batch = config.train.global_batch_size;
  if (saved == 0 || saved == batch) return;
  const int64_t micro = config.train.micro_batch_size, ranks = stage->mesh().size(spec::Axis::dp);
  if (!batch_is_given && saved % (micro * ranks) == 0) {
    batch = saved;
    return plan_length();
  }
  if (is_allowed(config, kBatchKey)) return;
  if (batch_is_given) {
    throw ConfigError(fmt::format("{} was made with {} of {}, this run has {}", folder.string(), kBatchKey, saved, batch),
                      fmt::format("set {0}={1}, or allow the change: run.allow_changes=[{0}]", kBatchKey, saved));
  }
  throw ConfigError(
      fmt::format("{} was made with global batches of {} samples; {} data parallel ranks × train.micro_batch_size {} "
                  "don't divide that", folder.string(), saved, ranks, micro),
      fmt::format("resume on a number of ranks that does, or set {0} (a multiple of {1}) and allow the change: "
                  "run.allow_changes=[{0}]", kBatchKey, micro * ranks));
}

void Trainer::Impl::resume(const ckpt::Checkpoint& checkpoint) {
  const SavedState state = read_saved_state(checkpoint.folder);
  const auto saved = config::read_yaml((checkpoint.folder / "config.yaml").string());
  keep_batch_size(checkpoint.folder, state.global_batch_size ? state.global_batch_size : saved_integer(saved, kBatchKey));
  check_same_run(*this, checkpoint.folder, saved, state);
  const auto params = stage->model().distinct_params();
  std::vector<const spec::ParamSpec*> trained;
  for (const auto* param : params) {
    if (param->update == spec::Update::gradient) trained.push_back(param);
  }
  auto& store = stage->store();
  auto masters = store.placed({"master"});
  const auto model = std::make_shared<const ckpt::TensorSet>(checkpoint.folder);
  ckpt::LoadOptions weights;
  weights.may_initialise = {"base_model.*"};
  const auto report = ckpt::load_published(*model, params, masters, weights);
  if (any_frozen(params)) source.frozen = model;
  const fs::path optimizer_folder = checkpoint.folder / "optimizer";
  if (!ckpt::TensorSet::exists(optimizer_folder, "master")) {
    throw CheckpointError(fmt::format("{} has no optimizer state", checkpoint.folder.string()),
                          "it was saved with checkpoint.optimizer=false; continue from it with model.path instead");
  }
  std::erase_if(masters, [](const comm::PlacedBox& box) { return box.spec->update != spec::Update::gradient; });
  ckpt::load_published(ckpt::TensorSet(optimizer_folder, "master"), trained, masters);
  for (const auto& name : optimizer->state_names()) {
    ckpt::load_published(ckpt::TensorSet(optimizer_folder, name), trained, store.placed({name}));
  }
  store.refresh_weights();
  steps = state.step;
  consumed = state.consumed_samples;
  last_saved = steps;
  optimizer->set_counts(state.counts);
  source.dtypes = state.dtypes;
  source.copies = state.copies;
  if (resumed_from.empty()) resumed_from = state.resumed_from;
  source.side_files_from = checkpoint.folder;
  if (first_rank()) log_info("resumed {} ({})", checkpoint.folder.string(), report.summary());
}

}  // namespace loongforge::train
