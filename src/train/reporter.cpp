// SPDX-License-Identifier: Apache-2.0
#include "loongforge/train/reporter.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <utility>

#include "loongforge/core/log.h"
#include "loongforge/core/text.h"
#include "loongforge/platform/device.h"
#include "loongforge/platform/gemm_limit.h"
#include "loongforge/platform/runtime.h"
#include "loongforge/telemetry/metrics_file.h"
#include "loongforge/telemetry/progress.h"
#include "loongforge/telemetry/step_line.h"

namespace loongforge::train {

namespace {

class Reporter final : public Hook {
 public:
  explicit Reporter(config::LogSection log) : log_(log) {}

  void on_start(Trainer& trainer) override {
    if (!trainer.is_first_rank()) return;
    syncs_ = platform::host_sync_count();
    const auto& config = trainer.config();
    if (log_.metrics) {
      file_.emplace(std::filesystem::path(config.run.output_dir) / "metrics.jsonl", trainer.steps_taken());
    }
    progress_.keep(fmt::format(
        "{}: {}, {} parameters ({} trainable), {}, {}, {} steps", config.run.name, trainer.stage().model().family,
        format_count(static_cast<double>(trainer.stage().model().parameter_count())),
        format_count(static_cast<double>(trainer.stage().trainable_count())), trainer.stage().mesh().describe(),
        dtype_name(config.precision.dtype), trainer.total_steps()));
    if (const c10::Device device = trainer.stage().options().store.device; !device.is_cpu()) {
      const auto info = platform::device_info(device);
      progress_.keep(fmt::format("device:  {} ({}), {}", info.name, info.detail,
                                 format_bytes(static_cast<uint64_t>(info.memory_bytes))));
    }
  }

  void on_report(Trainer& trainer, const StepReport& report) override {
    if (!trainer.is_first_rank()) return;
    seconds_ = seconds_ == 0 ? report.seconds : 0.9 * seconds_ + 0.1 * report.seconds;
    const auto numbers = numbers_of(trainer, report);
    write(report, numbers);
    const bool megatron = log_.format == config::LogFormat::megatron;
    const std::string line = megatron ? telemetry::megatron_line(numbers) : telemetry::step_line(numbers);
    report.step % log_.every == 0 || report.step == trainer.total_steps() ? progress_.keep(line) : progress_.show(line);
  }

  void on_evaluation(Trainer& trainer, int64_t step, double loss) override {
    if (!trainer.is_first_rank()) return;
    if (file_) record({{"step", step}, {"eval_loss", loss}, {"eval_perplexity", std::exp(loss)}});
    progress_.keep(fmt::format("evaluation at step {} | loss {:.4f} | perplexity {:.3f}", step, loss, std::exp(loss)));
  }

  void on_saved(Trainer& trainer, const std::string& folder) override {
    if (trainer.is_first_rank()) saved_ = folder;
  }

  void on_save_failed(Trainer& trainer, int64_t step, int64_t failed) override {
    failed_saves_ = failed;
    if (trainer.is_first_rank() && file_) record({{"step", step}, {"failed_saves", failed}});
  }

  void on_end(Trainer& trainer) override {
    if (!trainer.is_first_rank()) return;
    if (failed_saves_ > 0) progress_.keep(fmt::format("checkpoints that could not be written: {}", failed_saves_));
    if (!saved_.empty()) progress_.keep(fmt::format("model:   {}", saved_));
    if (file_) progress_.keep(fmt::format("metrics: {}", file_->path().string()));
  }

 private:
  telemetry::StepNumbers numbers_of(Trainer& trainer, const StepReport& report) {
    telemetry::StepNumbers numbers;
    numbers.step = report.step;
    numbers.total_steps = trainer.total_steps();
    numbers.loss = report.loss;
    numbers.grad_norm = report.grad_norm;
    numbers.lr = report.lr;
    numbers.seconds = report.seconds;
    numbers.data_seconds = report.data_seconds;
    numbers.units = report.units;
    numbers.unit = trainer.unit();
    const c10::Device device = trainer.stage().options().store.device;
    numbers.memory_bytes = device.is_cpu() ? static_cast<double>(telemetry::peak_memory())
                                           : static_cast<double>(platform::device_memory(device).peak);
    numbers.eta_seconds = seconds_ * static_cast<double>(trainer.total_steps() - report.step);
    numbers.consumed_samples = report.consumed_samples;
    numbers.global_batch_size = trainer.config().train.global_batch_size;
    numbers.skipped = report.skipped;
    if (const double limit = gemm_limit(trainer); limit > 0 && report.seconds > 0) {
      numbers.gemm_share = report.flops / report.seconds / limit;
    }
    if (const auto peak =
            platform::published_peak(trainer.config().precision.dtype, trainer.stage().options().store.device)) {
      numbers.mfu = report.flops / std::max(report.seconds, 1e-9) / (*peak * trainer.stage().groups().world.size());
    }
    return numbers;
  }

  /// FLOP/s of the fastest matrix products on all ranks. Measured after the first step, so as not to delay it.
  double gemm_limit(Trainer& trainer) {
    if (!limit_ && trainer.steps_taken() > 1) {
      limit_ = platform::gemm_limit(trainer.config().precision.dtype, trainer.stage().options().store.device) *
               trainer.stage().groups().world.size();
    }
    return limit_.value_or(0);
  }

  void write(const StepReport& report, const telemetry::StepNumbers& numbers) {
    if (!file_) return;
    Json line = {{"step", report.step},           {"loss", report.loss},
                 {"grad_norm", report.grad_norm}, {"lr", report.lr},
                 {"step_time", report.seconds},   {"data_time", report.data_seconds},
                 {numbers.unit + "s", report.units}, {numbers.unit + "_per_s", report.units / report.seconds},
                 {"flops", report.flops},         {"consumed_samples", report.consumed_samples},
                 {"peak_memory", numbers.memory_bytes}};
    if (numbers.gemm_share) line["gemm_share"] = *numbers.gemm_share;
    if (numbers.mfu) line["mfu"] = *numbers.mfu;
    for (const auto& [term, loss] : report.losses) line["loss_" + term] = loss;
    if (report.skipped) line["skipped"] = true;
    if (const int64_t syncs = platform::host_sync_count(); syncs > 0) {
      line["host_syncs"] = syncs - std::exchange(syncs_, syncs);  // of this process, since the report before
    }
    record(line);
  }

  /// A full disk stops neither training nor, once there is space again, the record of it.
  void record(const Json& line) {
    const bool written = file_->write(line);
    if (!written && !behind_) log_warning("cannot write {} now: is the disk full?", file_->path().string());
    behind_ = !written;
  }

  config::LogSection log_;
  telemetry::Progress progress_;
  std::optional<telemetry::MetricsFile> file_;
  std::optional<double> limit_;
  double seconds_ = 0;
  int64_t syncs_ = 0;
  std::string saved_;
  int64_t failed_saves_ = 0;
  bool behind_ = false;  ///< lines wait for the disk
};

}  // namespace

std::shared_ptr<Hook> make_reporter(const config::RunConfig& config) { return std::make_shared<Reporter>(config.log); }

}  // namespace loongforge::train
