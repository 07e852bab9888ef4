// SPDX-License-Identifier: Apache-2.0
// What `loongforge doctor` looks at. Each check says what it found and, where that is in the way, what to do about it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace loongforge::tools {

enum class Health : uint8_t {
  good,
  note,     ///< works, but slower or not in every case
  problem,  ///< runs will fail
};

struct Finding {
  std::string name;   ///< "memory"
  std::string value;  ///< "7.6 GiB, 6.1 GiB free"
  Health health = Health::good;
  std::string fix;  ///< what to do; empty when good
};

/// Operating system, cores and instruction sets, memory, shared memory, limits, locale.
std::vector<Finding> examine_machine();
/// Folders that runs write to, the Hugging Face cache.
std::vector<Finding> examine_folders();
/// Driver and devices, and whether the CUDA that LibTorch was built with (`torch_cuda`, "13.0"; "" unknown) suits them.
std::vector<Finding> examine_gpus(const std::string& torch_cuda);
/// The worker, LibTorch, plug-in libraries; asks the worker for at most `seconds`. Sets `torch_cuda`.
std::vector<Finding> examine_libraries(double seconds, std::string& torch_cuda);

}  // namespace loongforge::tools
