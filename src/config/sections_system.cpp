// SPDX-License-Identifier: Apache-2.0
// The one declaration of each field: how a run is spread, kept and watched; and the whole schema.
#include "config/sections.h"

namespace loongforge::config {

template <>
struct EnumNames<Recompute> {
  static constexpr std::array<std::string_view, 3> names = {"none", "selective", "full"};
};
template <>
struct EnumNames<LogFormat> {
  static constexpr std::array<std::string_view, 2> names = {"default", "megatron"};
};
template <>
struct EnumNames<MemoryCheck> {
  static constexpr std::array<std::string_view, 3> names = {"error", "warn", "off"};
};
template <>
struct EnumNames<OnNan> {
  static constexpr std::array<std::string_view, 2> names = {"skip", "halt"};
};

Section<ParallelSection> parallel_section() {
  Section<ParallelSection> s;
  s.field("tp", &ParallelSection::tp, {.min = 1}, "tensor parallel size")
      .field("pp", &ParallelSection::pp, {.min = 1}, "pipeline stages")
      .field("vpp", &ParallelSection::vpp, {.min = 1}, "virtual stages (model chunks) per pipeline rank")
      .field("cp", &ParallelSection::cp, {.min = 1}, "context parallel size")
      .field("ep", &ParallelSection::ep, {.min = 1}, "expert parallel size")
      .field("etp", &ParallelSection::etp, {.min = 1}, "tensor parallel size inside an expert")
      .field("dp", &ParallelSection::dp, {.min = 1}, "data parallel size; auto: all ranks / (tp · pp · cp)")
      .field("zero", &ParallelSection::zero, {.min = 0, .max = 3, .old_names = {"zero_stage"}},
             "what data parallel ranks share out: 0 nothing, 1 optimizer, 2 and gradients, 3 and parameters")
      .field("sequence_parallel", &ParallelSection::sequence_parallel, {},
             "shard what lies between tp regions by sequence")
      .field("pipeline_schedule", &ParallelSection::pipeline_schedule, {},
             "order of work of the pipeline, such as 1f1b")
      .field("overlap", &ParallelSection::overlap, {}, "reduce gradients while the backward goes on")
      .field("bucket_bytes", &ParallelSection::bucket_bytes, {}, "least size of a bucket of gradients")
      .field("backend", &ParallelSection::backend, {.allowed = {"auto", "local", "thread", "gloo", "nccl", "fake"}},
             "communication; auto: local for one rank, gloo on CPU, nccl on CUDA");
  return s;
}

Section<PrecisionSection> precision_section() {
  Section<PrecisionSection> s;
  s.field("dtype", &PrecisionSection::dtype, {.allowed = {"float32", "bfloat16", "float64", "float16"}},
          "of parameters and activations (fp32, bf16, … are read too)")
      .field("master", &PrecisionSection::master, {.allowed = {"float32", "float64", "bfloat16"}},
             "of the optimizer's copy of the parameters; auto: float32, or float64 when dtype is")
      .field("grad", &PrecisionSection::grad, {.allowed = {"float32", "float64", "bfloat16"}},
             "of accumulated and reduced gradients; auto: float32, or float64 when dtype is");
  return s;
}

Section<MemorySection> memory_section() {
  Section<MemorySection> s;
  s.field("recompute", &MemorySection::recompute, {},
          "activations computed again in the backward: none, selective (cheap ones), full (all of each block)")
      .field("check", &MemorySection::check, {},
             "when parameters, gradients and optimizer alone need more memory than there is: error before anything is "
             "allocated, warn, or off");
  return s;
}

Section<CheckpointSection> checkpoint_section() {
  Section<CheckpointSection> s;
  s.field("every", &CheckpointSection::every, {.min = 0}, "steps between checkpoints; 0: only the last")
      .field("keep", &CheckpointSection::keep, {.min = 0}, "newest checkpoints that are kept; 0: all")
      .field("save_last", &CheckpointSection::save_last, {}, "save after the last step")
      .field("optimizer", &CheckpointSection::optimizer, {},
             "save the optimizer too; without it a run can't be resumed")
      .field("dtype", &CheckpointSection::dtype, {.allowed = {"float32", "bfloat16", "float16", "float64"}},
             "of saved weights; auto: as each parameter was loaded, or precision.dtype")
      .field("max_shard_size", &CheckpointSection::max_shard_size, {}, "largest weight file");
  return s;
}

Section<LogSection> log_section() {
  Section<LogSection> s;
  s.field("every", &LogSection::every, {.min = 1}, "steps between step lines")
      .field("format", &LogSection::format, {}, "of the step line: ours, or Megatron's")
      .field("metrics", &LogSection::metrics, {}, "write metrics.jsonl");
  return s;
}

Section<FaultSection> fault_section() {
  Section<FaultSection> s;
  s.field("timeout", &FaultSection::timeout, {.min = 0, .above_min = true}, "seconds that a collective may wait")
      .field("grace", &FaultSection::grace, {.min = 0, .max = 1e6, .above_min = true},
             "seconds that a run asked to stop by a signal has to end its step and save, before the launcher kills it")
      .field("nan", &FaultSection::nan, {}, "on a loss or gradient that isn't finite: skip the step, or halt the run")
      .field("max_skipped", &FaultSection::max_skipped, {.min = 1}, "skipped steps in a row that halt the run");
  return s;
}

Section<PlatformSection> platform_section() {
  Section<PlatformSection> s;
  s.field("device", &PlatformSection::device, {.allowed = {"cpu", "fake", "cuda"}}, "where tensors live")
      .field("threads", &PlatformSection::threads, {.min = 0, .max = 4096},
             "host threads of a process for computing; 0: all that it may use");
  return s;
}

const Section<RunConfig>& run_schema() {
  static const Section<RunConfig> schema = [] {
    Section<RunConfig> s;
    s.field("config_version", &RunConfig::config_version, {.min = 1}, "version of these keys")
        .section("run", &RunConfig::run, run_section(), "the run as a whole")
        .section("model", &RunConfig::model, model_section(), "what is trained")
        .section("data", &RunConfig::data, data_section(), "what it is trained on")
        .section("train", &RunConfig::train, train_section(), "steps, batches, evaluation")
        .section("optim", &RunConfig::optim, optim_section(), "optimizer and learning rate")
        .section("parallel", &RunConfig::parallel, parallel_section(), "how the work is spread over ranks")
        .section("precision", &RunConfig::precision, precision_section(), "number formats")
        .section("memory", &RunConfig::memory, memory_section(), "memory against time")
        .section("checkpoint", &RunConfig::checkpoint, checkpoint_section(), "what is saved, and when")
        .section("log", &RunConfig::log, log_section(), "what is told")
        .section("fault", &RunConfig::fault, fault_section(), "what to do when something goes wrong")
        .section("platform", &RunConfig::platform, platform_section(), "the machine")
        .field("plugins", &RunConfig::plugins, {}, "settings of plug-ins: plugins.<name>.<key>");
    return s;
  }();
  return schema;
}

}  // namespace loongforge::config
