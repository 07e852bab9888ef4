// SPDX-License-Identifier: Apache-2.0
// The line that a step prints, in our form and in Megatron's.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace loongforge::telemetry {

struct StepNumbers {
  int64_t step = 0, total_steps = 0;
  double loss = 0, grad_norm = 0, lr = 0;
  double seconds = 0;               ///< of this step
  double data_seconds = 0;          ///< of these, waiting for data
  double units = 0;                 ///< of the global batch
  std::string unit = "tok";         ///< what `units` counts
  std::optional<double> predicted_seconds;
  std::optional<double> gemm_share; ///< model FLOPs a second over the measured GEMM limit of all ranks
  std::optional<double> mfu;        ///< the same over the published peak of the devices, where that is known
  double memory_bytes = 0;          ///< peak of this rank: resident on the CPU, of tensors on a device
  double eta_seconds = 0;
  int64_t consumed_samples = 0, global_batch_size = 0;
  bool skipped = false;
};

/// step 120/500 | loss 3.2145 | grad_norm 0.871 | lr 3.00e-04 | 12.3k tok/s | 0.611 s | 71% of GEMM limit | mfu 54% | data 1% | mem 1.21 GiB | eta 3m10s
std::string step_line(const StepNumbers& numbers);
/// As Megatron-LM prints it, for tools that parse its logs.
std::string megatron_line(const StepNumbers& numbers);

/// Peak resident memory of this process so far, bytes.
uint64_t peak_memory();

}  // namespace loongforge::telemetry
