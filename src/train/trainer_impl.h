// SPDX-License-Identifier: Apache-2.0
// The parts of a Trainer, shared by its source files.
#pragma once
#include <chrono>
#include <optional>

#include "loongforge/ckpt/store.h"
#include "loongforge/core/file_lock.h"
#include "loongforge/data/uploader.h"
#include "loongforge/train/trainer.h"

namespace loongforge::train {

/// Device scalars of a step that are read while the next one runs.
struct PendingReport {
  StepReport report;
  at::Tensor values;  ///< [terms + 2]: mean of each term, gradient norm, skipped
  std::vector<std::string> terms;
  std::vector<double> coefficients;
};

/// What the host must know of a step on all ranks before it starts.
struct StepPlan {
  std::map<std::string, double, std::less<>> weights;  ///< global W of each term
  std::map<std::string, double, std::less<>> seeds;    ///< coefficient / W
  double units = 0, squared_rows = 0;
  int stop_signal = 0;
};

/// What the files that a run starts from were like, so that it saves alike.
struct SourceFacts {
  std::map<std::string, Dtype> dtypes;    ///< element types on disk by published name
  std::set<std::string> copies;           ///< tied copies that were stored
  /// What the frozen parameters were loaded from, kept mapped; nullptr when nothing was loaded or nothing is frozen.
  std::shared_ptr<const ckpt::TensorSet> frozen;
  std::filesystem::path side_files_from;  ///< folder of tokenizer and generation files; may be empty
};

struct Trainer::Impl {
  config::RunConfig config;
  Registry registry;
  std::vector<std::shared_ptr<Hook>> hooks;
  c10::Device device = c10::Device(c10::kCPU);
  std::unique_ptr<ModelStage> stage;
  nn::ModelFactory factory;
  std::unique_ptr<optim::Optimizer> optimizer;
  std::optional<optim::LrSchedule> schedule;
  std::unique_ptr<FileLock> lock;  ///< first rank: of run.output_dir
  std::unique_ptr<ckpt::CheckpointStore> checkpoints;
  std::shared_ptr<const data::Dataset> train_data, valid_data;
  std::unique_ptr<data::Loader> loader;
  std::optional<data::Uploader> uploader;
  SourceFacts source;
  int64_t steps = 0, total_steps = 0, consumed = 0, skipped_in_a_row = 0;
  int64_t last_saved = -1, failed_saves = 0;
  bool batch_is_given = false;  ///< train.global_batch_size was set; otherwise it is filled in
  std::string resumed_from;     ///< what run.resume named when the run began; empty: nothing
  std::optional<PendingReport> pending;
  int stopping = 0;

  Impl(config::RunConfig config, Registry registry, comm::Group world, std::vector<std::shared_ptr<Hook>> hooks);

  bool first_rank() const { return stage->groups().world.rank() == 0; }
  uint64_t seed() const { return static_cast<uint64_t>(config.run.seed); }

  // start.cpp, origin.cpp, resume.cpp: where the run begins
  void build(const comm::Group& world);
  void open_data();
  int64_t total_samples() const;  ///< of the run; −1: bounded by steps only
  void lock_output();  ///< before anything is read or tidied there: one run at a time in a folder
  void plan_length();  ///< total_steps and the schedule, from the data and the batch
  void start(Trainer& trainer);
  std::optional<ckpt::Checkpoint> find_origin();
  void load_source();
  void resume(const ckpt::Checkpoint& checkpoint);
  void keep_batch_size(const std::filesystem::path& folder, int64_t saved);
  void save_config();

  // step.cpp
  StepPlan plan(const std::vector<step::MicroBatch>& batches, double units);
  pipeline::StepResult run_blocks(const std::vector<step::MicroBatch>& batches, const StepPlan& plan,
                                  step::Phase phase, std::vector<int64_t> ids);
  at::Tensor reduce_losses(const pipeline::StepResult& result, const StepPlan& plan,
                           const std::vector<std::string>& terms);
  bool step(Trainer& trainer);
  void flush_report(Trainer& trainer);  ///< host_sync

  // evaluation.cpp
  std::optional<double> evaluate();

  // saving.cpp
  std::string save(Trainer& trainer);
  /// A save that the run can do without: when it fails, that is told and counted. Throws what isn't the disk's fault.
  void save_or_go_on(Trainer& trainer);
  ckpt::Checkpoint write_checkpoint();
  Json trainer_state() const;
};

bool any_frozen(ckpt::ParamList params);
data::LoaderOptions loader_options(const Trainer::Impl& impl, int64_t total_samples);
/// The learning rate over a run of `total_steps`, or over optim.decay_steps when that is set.
optim::LrSchedule make_schedule(const config::OptimSection& optim, int64_t total_steps);
/// Of the step with this 0-based index. Past its end a cosine would rise again, as transformers' does; a run stays down.
double learning_rate(const optim::LrSchedule& schedule, int64_t step);

}  // namespace loongforge::train
