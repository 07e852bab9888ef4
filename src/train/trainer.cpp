// SPDX-License-Identifier: Apache-2.0
#include "loongforge/train/trainer.h"

#include <atomic>

#include "loongforge/core/log.h"
#include "trainer_impl.h"

namespace loongforge::train {

namespace {
std::atomic<int> stop_requested{0};
}

void Trainer::request_stop(int signal) { stop_requested.store(signal, std::memory_order_relaxed); }
int Trainer::stop_signal() { return stop_requested.load(std::memory_order_relaxed); }

Trainer::Trainer(config::RunConfig config, Registry registry, comm::Group world,
                 std::vector<std::shared_ptr<Hook>> hooks)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(registry), std::move(world), std::move(hooks))) {
  impl_->start(*this);
}

Trainer::~Trainer() = default;

Ending Trainer::run() {
  auto& impl = *impl_;
  const auto& settings = impl.config.train;
  if (impl.steps >= impl.total_steps && impl.last_saved == impl.steps) return Ending::already_finished;
  const auto due = [&](int64_t every) { return every > 0 && impl.steps % every == 0 && impl.steps < impl.total_steps; };
  const auto evaluate_and_tell = [&] {
    impl.flush_report(*this);
    if (const auto loss = impl.evaluate()) {
      for (auto& hook : impl.hooks) hook->on_evaluation(*this, impl.steps, *loss);
    }
  };
  bool interrupted = false;
  while (!interrupted && step()) {
    if (due(settings.eval_every)) evaluate_and_tell();
    interrupted = impl.stopping != 0 || (settings.exit_at_step > 0 && impl.steps >= settings.exit_at_step);
    if (due(impl.config.checkpoint.every) || interrupted) {
      impl.flush_report(*this);
      if (impl.last_saved == impl.steps) continue;
      const int64_t every = impl.config.checkpoint.every;
      const bool last = interrupted || (!impl.config.checkpoint.save_last && impl.steps + every >= impl.total_steps);
      if (last) {
        impl.save(*this);
      } else {
        impl.save_or_go_on(*this);
      }
    }
  }
  impl.flush_report(*this);
  if (!interrupted) {
    if (settings.eval_at_end) evaluate_and_tell();
    if (impl.config.checkpoint.save_last && impl.last_saved != impl.steps) impl.save(*this);
  }
  for (auto& hook : impl.hooks) hook->on_end(*this);
  return interrupted ? Ending::interrupted : Ending::finished;
}

bool Trainer::step() { return impl_->step(*this); }
std::optional<double> Trainer::evaluate() { return impl_->evaluate(); }
std::string Trainer::save() {
  impl_->flush_report(*this);
  return impl_->save(*this);
}

const config::RunConfig& Trainer::config() const { return impl_->config; }
const Registry& Trainer::registry() const { return impl_->registry; }
ModelStage& Trainer::stage() { return *impl_->stage; }
optim::Optimizer& Trainer::optimizer() { return *impl_->optimizer; }
int64_t Trainer::steps_taken() const { return impl_->steps; }
int64_t Trainer::total_steps() const { return impl_->total_steps; }
std::string Trainer::unit() const { return impl_->train_data->unit(); }
bool Trainer::is_first_rank() const { return impl_->first_rank(); }

}  // namespace loongforge::train
