// SPDX-License-Identifier: Apache-2.0
// The hook that tells people and files how a run goes.
#pragma once
#include <memory>

#include "loongforge/train/trainer.h"

namespace loongforge::train {

/// On the first rank: step lines on stdout (every log.every steps), metrics.jsonl in run.output_dir, evaluations, and
/// where everything is at the end.
std::shared_ptr<Hook> make_reporter(const config::RunConfig& config);

}  // namespace loongforge::train
