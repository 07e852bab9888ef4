// SPDX-License-Identifier: Apache-2.0
// From the typed configuration to what the pieces of a run are built with.
#include "loongforge/core/error.h"
#include "loongforge/train/trainer.h"

namespace loongforge::train {

spec::Mesh make_mesh(const config::RunConfig& config, int world, int rank) {
  const auto& p = config.parallel;
  spec::MeshSizes sizes{static_cast<int>(p.tp), static_cast<int>(p.cp), static_cast<int>(p.ep),
                        static_cast<int>(p.etp), 1, static_cast<int>(p.pp)};
  const int fixed = sizes.tp * sizes.cp * sizes.pp;
  sizes.dp = static_cast<int>(p.dp.value_or(std::max(1, world / fixed)));
  if (sizes.world() != world) {
    throw ConfigError(fmt::format("parallel: tp {} × cp {} × pp {} × dp {} is {} ranks, but the run has {}", sizes.tp,
                                  sizes.cp, sizes.pp, sizes.dp, sizes.world(), world),
                      fmt::format("start {} ranks (--nproc-per-node), or change parallel.*", sizes.world()));
  }
  if (sizes.cp > 1) {
    throw ConfigError("parallel.cp > 1: context parallelism is not available in this version", "use parallel.cp=1");
  }
  if (p.vpp > 1 || p.pipeline_schedule != "1f1b") {
    throw ConfigError("parallel: only the 1f1b schedule without virtual stages can be executed in this version",
                      "use parallel.pipeline_schedule=1f1b parallel.vpp=1");
  }
  return spec::Mesh(sizes, rank);
}

StageOptions stage_options(const config::RunConfig& config, c10::Device device) {
  StageOptions options;
  options.store.compute = config.precision.dtype;
  options.store.grad = config.precision.grad;
  options.store.master = config.precision.master;
  options.store.zero = static_cast<int>(config.parallel.zero);
  options.store.bucket_bytes = static_cast<int64_t>(config.parallel.bucket_bytes.bytes);
  options.store.overlap = config.parallel.overlap;
  options.store.sequence_parallel = config.parallel.sequence_parallel;
  options.store.device = device;
  switch (config.memory.recompute) {
    case config::Recompute::none: options.recompute.mode = pipeline::RecomputeMode::none; break;
    case config::Recompute::selective: options.recompute.mode = pipeline::RecomputeMode::selective; break;
    case config::Recompute::full: options.recompute.mode = pipeline::RecomputeMode::full; break;
  }
  options.freeze = config.model.freeze;
  if (config.model.lora) {
    parallel::LoraConfig lora;
    lora.rank = config.model.lora->rank;
    lora.alpha = config.model.lora->alpha;
    lora.targets = config.model.lora->targets;
    options.lora = lora;
  }
  return options;
}

}  // namespace loongforge::train
