// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "trainer_impl.h"

namespace loongforge::train {

namespace {

std::string schedule_name(config::Schedule schedule) {
  switch (schedule) {
    case config::Schedule::constant: return "constant";
    case config::Schedule::linear: return "linear";
    case config::Schedule::cosine: return "cosine";
    case config::Schedule::inverse_sqrt: return "inverse_sqrt";
    case config::Schedule::wsd: return "wsd";
  }
  return "constant";
}

}  // namespace

optim::LrSchedule make_schedule(const config::OptimSection& optim, int64_t total_steps) {
  optim::LrConfig lr;
  lr.kind = schedule_name(optim.schedule);
  lr.lr = optim.lr;
  lr.min_lr = optim.min_lr;
  lr.warmup_steps = optim.warmup_steps;
  lr.total_steps = optim.decay_steps > 0 ? optim.decay_steps : std::max<int64_t>(total_steps, 1);
  lr.warmup_steps = std::min(lr.warmup_steps, lr.total_steps);
  lr.decay_steps = optim.wsd_decay_steps > 0 ? optim.wsd_decay_steps : lr.total_steps / 10;
  lr.decay_type = optim.wsd_decay == config::WsdDecay::linear   ? "linear"
                  : optim.wsd_decay == config::WsdDecay::cosine ? "cosine"
                                                                : "1-sqrt";
  return optim::LrSchedule(lr);
}

double learning_rate(const optim::LrSchedule& schedule, int64_t step) {
  const bool rises = schedule.config().kind == "cosine";
  return schedule.at(rises ? std::min(step, schedule.config().total_steps) : step);
}

}  // namespace loongforge::train
