// SPDX-License-Identifier: Apache-2.0
// Learning-rate schedules, equal to those of transformers.get_scheduler.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace loongforge::optim {

struct LrConfig {
  std::string kind = "constant";  ///< constant, linear, cosine, inverse_sqrt, wsd
  double lr = 1e-3;
  double min_lr = 0;         ///< floor that decay ends at (linear, cosine, wsd) or never goes below (inverse_sqrt)
  int64_t warmup_steps = 0;  ///< linear from 0 (wsd: warm-up in the shape of its decay_type is not offered; linear)
  int64_t total_steps = 0;   ///< of the run, warm-up included
  double cycles = 0.5;       ///< cosine: periods from the end of warm-up to total_steps
  int64_t decay_steps = 0;   ///< wsd: length of the decay that ends at total_steps
  std::string decay_type = "linear";       ///< wsd: linear, cosine, 1-sqrt
  std::optional<int64_t> timescale;        ///< inverse_sqrt; default warmup_steps, or 10000 without warm-up
};

class LrSchedule {
 public:
  /// Throws ConfigError for an unknown kind or lengths that don't fit together.
  explicit LrSchedule(LrConfig config);
  /// Learning rate of the step with this 0-based index.
  double at(int64_t step) const;
  const LrConfig& config() const { return config_; }

 private:
  double factor(int64_t step) const;
  LrConfig config_;
};

}  // namespace loongforge::optim
