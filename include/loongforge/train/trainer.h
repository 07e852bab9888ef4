// SPDX-License-Identifier: Apache-2.0
// Trainer: one rank's run from a RunConfig: build, load or resume, step, evaluate, save.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loongforge/comm/group.h"
#include "loongforge/config/model.h"
#include "loongforge/config/run_config.h"
#include "loongforge/data/loader.h"
#include "loongforge/optim/lr_schedule.h"
#include "loongforge/optim/optimizer.h"
#include "loongforge/train/registry.h"
#include "loongforge/train/stage.h"

namespace loongforge::train {

class Trainer;

/// Numbers of one finished step; scalars of the device are read one step late.
struct StepReport {
  int64_t step = 0;  ///< 1-based: number of steps taken
  std::map<std::string, double, std::less<>> losses;  ///< mean of each term
  double loss = 0;          ///< Σ coefficient × mean
  double grad_norm = 0;     ///< before clipping
  double lr = 0;
  double seconds = 0;       ///< wall time of the step
  double data_seconds = 0;  ///< of these, waiting for data
  double units = 0;         ///< of the global batch (what Dataset::unit names)
  double flops = 0;         ///< model FLOPs of the global batch, forward and backward
  int64_t consumed_samples = 0;
  bool skipped = false;     ///< no loss weight at all, or a loss or gradient that is not finite
};

/// Called on every rank at fixed places of the run. Override what is needed.
class Hook {
 public:
  virtual ~Hook() = default;
  virtual void on_start(Trainer&) {}
  /// Gradients are complete, the optimizer has not stepped yet.
  virtual void after_gradients(Trainer&) {}
  virtual void after_step(Trainer&) {}
  virtual void on_report(Trainer&, const StepReport&) {}
  virtual void on_evaluation(Trainer&, int64_t step, double loss) { (void)step, (void)loss; }
  /// A checkpoint was committed in `folder`.
  virtual void on_saved(Trainer&, const std::string& folder) { (void)folder; }
  /// A periodic checkpoint could not be written, the `failed`-th of this process; training goes on.
  virtual void on_save_failed(Trainer&, int64_t step, int64_t failed) { (void)step, (void)failed; }
  virtual void on_end(Trainer&) {}
};

enum class Ending : uint8_t { finished, already_finished, interrupted };

class Trainer {
 public:
  /// Builds the model and data of this rank and brings parameters to where the run starts or resumes. Collective over
  /// `world`. Throws ConfigError, DataError, CheckpointError, ResourceError.
  Trainer(config::RunConfig config, Registry registry, comm::Group world,
          std::vector<std::shared_ptr<Hook>> hooks = {});
  ~Trainer();

  /// Trains until the end, train.exit_at_step, or a stop request; saves as configured; only the last save must succeed.
  /// Throws NumericError by fault.nan = halt.
  Ending run();
  /// One step; false at the end of the data or of train.steps. For callers with a loop of their own.
  bool step();
  /// Mean loss over the validation data, by term coefficients. Empty without validation data.
  std::optional<double> evaluate();
  /// Saves now under the number of steps taken. Returns the folder.
  std::string save();
  /// Asks all ranks to stop after the present step and save; async-signal-safe.
  static void request_stop(int signal);
  static int stop_signal();

  const config::RunConfig& config() const;
  const Registry& registry() const;
  ModelStage& stage();
  optim::Optimizer& optimizer();
  int64_t steps_taken() const;
  int64_t total_steps() const;
  std::string unit() const;
  bool is_first_rank() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

using config::load_model_spec;
/// The mesh of a run over `world` ranks. Throws ConfigError when the sizes don't multiply to it.
spec::Mesh make_mesh(const config::RunConfig& config, int world, int rank);
/// Stage options from the config's sections.
StageOptions stage_options(const config::RunConfig& config, c10::Device device);

}  // namespace loongforge::train
