// SPDX-License-Identifier: Apache-2.0
#include "loongforge/train/reporter.h"

#include <cmath>
#include <cstdio>
#include <optional>

#include "loongforge/core/text.h"
#include "loongforge/platform/gemm_limit.h"
#include "loongforge/platform/runtime.h"
#include "loongforge/telemetry/metrics_file.h"
#include "loongforge/telemetry/step_line.h"

namespace loongforge::train {

namespace {

class Reporter final : public Hook {
 public:
  explicit Reporter(config::LogSection log) : log_(log) {}

  void on_start(Trainer& trainer) override {
    if (!trainer.is_first_rank()) return;
    const auto& config = trainer.config();
    if (log_.metrics) {
      file_.emplace(std::filesystem::path(config.run.output_dir) / "metrics.jsonl", trainer.steps_taken());
    }
    std::printf("%s: %s, %s parameters (%s trainable), %s, %s, %ld steps\n", config.run.name.c_str(),
                trainer.stage().model().family.c_str(),
                format_count(static_cast<double>(trainer.stage().model().parameter_count())).c_str(),
                format_count(static_cast<double>(trainer.stage().trainable_count())).c_str(),
                trainer.stage().mesh().describe().c_str(), std::string(dtype_name(config.precision.dtype)).c_str(),
                static_cast<long>(trainer.total_steps()));
    std::fflush(stdout);
  }

  void on_report(Trainer& trainer, const StepReport& report) override {
    if (!trainer.is_first_rank()) return;
    seconds_ = seconds_ == 0 ? report.seconds : 0.9 * seconds_ + 0.1 * report.seconds;
    const auto numbers = numbers_of(trainer, report);
    write(report, numbers);
    if (log_.every > 0 && (report.step % log_.every == 0 || report.step == trainer.total_steps())) print(numbers);
  }

  void on_evaluation(Trainer& trainer, int64_t step, double loss) override {
    if (!trainer.is_first_rank()) return;
    if (file_) file_->write({{"step", step}, {"eval_loss", loss}, {"eval_perplexity", std::exp(loss)}});
    std::printf("evaluation at step %ld | loss %.4f | perplexity %.3f\n", static_cast<long>(step), loss, std::exp(loss));
    std::fflush(stdout);
  }

  void on_saved(Trainer& trainer, const std::string& folder) override {
    if (trainer.is_first_rank()) saved_ = folder;
  }

  void on_end(Trainer& trainer) override {
    if (!trainer.is_first_rank()) return;
    if (!saved_.empty()) std::printf("model:   %s\n", saved_.c_str());
    if (file_) std::printf("metrics: %s\n", file_->path().c_str());
    std::fflush(stdout);
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
    numbers.memory_bytes = static_cast<double>(telemetry::peak_memory());
    numbers.eta_seconds = seconds_ * static_cast<double>(trainer.total_steps() - report.step);
    numbers.consumed_samples = report.consumed_samples;
    numbers.global_batch_size = trainer.config().train.global_batch_size;
    numbers.skipped = report.skipped;
    if (const double limit = gemm_limit(trainer); limit > 0 && report.seconds > 0) {
      numbers.gemm_share = report.flops / report.seconds / limit;
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
    Json record = {{"step", report.step},           {"loss", report.loss},
                   {"grad_norm", report.grad_norm}, {"lr", report.lr},
                   {"step_time", report.seconds},   {"data_time", report.data_seconds},
                   {numbers.unit + "s", report.units}, {numbers.unit + "_per_s", report.units / report.seconds},
                   {"flops", report.flops},         {"consumed_samples", report.consumed_samples},
                   {"peak_memory", numbers.memory_bytes}};
    if (numbers.gemm_share) record["gemm_share"] = *numbers.gemm_share;
    for (const auto& [term, loss] : report.losses) record["loss_" + term] = loss;
    if (report.skipped) record["skipped"] = true;
    file_->write(record);
  }

  void print(const telemetry::StepNumbers& numbers) const {
    const bool megatron = log_.format == config::LogFormat::megatron;
    std::puts((megatron ? telemetry::megatron_line(numbers) : telemetry::step_line(numbers)).c_str());
    std::fflush(stdout);
  }

  config::LogSection log_;
  std::optional<telemetry::MetricsFile> file_;
  std::optional<double> limit_;
  double seconds_ = 0;
  std::string saved_;
};

}  // namespace

std::shared_ptr<Hook> make_reporter(const config::RunConfig& config) { return std::make_shared<Reporter>(config.log); }

}  // namespace loongforge::train
