// SPDX-License-Identifier: Apache-2.0
// The declarations of every section of RunConfig, and what a checked configuration must also obey.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "loongforge/config/run_config.h"
#include "loongforge/config/schema.h"

namespace loongforge::config {

/// The whole schema.
const Section<RunConfig>& run_schema();

Section<RunSection> run_section();
Section<ModelSection> model_section();
Section<DataSection> data_section();
Section<TrainSection> train_section();
Section<OptimSection> optim_section();
Section<ParallelSection> parallel_section();
Section<PrecisionSection> precision_section();
Section<MemorySection> memory_section();
Section<CheckpointSection> checkpoint_section();
Section<LogSection> log_section();
Section<FaultSection> fault_section();
Section<PlatformSection> platform_section();

/// What to tell someone who writes `path`: a field of the same name in another section, a key of the model's own
/// config.json, or the name that HF Trainer, Megatron or LLaMA-Factory use; "" when it is none of them.
std::string foreign_key_advice(const std::string& path);

/// A name of another program, the path of ours, and what else to know ("" when it is the same thing).
struct ForeignKey {
  std::string_view name, ours, note = {};
};
std::span<const ForeignKey> foreign_keys();
/// A key of a model's config.json that is often written one level too high.
bool is_model_key(std::string_view name);

/// The field at a dotted path (indices ignored); nullptr below or beside the schema.
const Field* field_at(std::string_view path);

/// Combinations of fields that can't be. Places are taken from `config.tree`.
void check_combinations(const RunConfig& config, const LoadOptions& options, Problems& problems);

}  // namespace loongforge::config
