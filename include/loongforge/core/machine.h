// SPDX-License-Identifier: Apache-2.0
// What this process may use of the machine: cores and memory under its affinity and control groups, NVIDIA devices.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace loongforge {

/// Cores by affinity and by the CPU quota of the control group (v2 or v1), at least 1.
int usable_cores();

struct HostMemory {
  uint64_t total = 0;      ///< of the machine, or of the control group when that is less
  uint64_t available = 0;  ///< that can be had without swapping, within that limit
  bool limited = false;    ///< the control group's limit is what counts
};
/// From `proc` (/proc/meminfo, /proc/self/cgroup) and `cgroup` (the mounted control groups). Zeros when unreadable.
HostMemory host_memory(const std::string& proc = "/proc", const std::string& cgroup = "/sys/fs/cgroup");

struct GpuInfo {
  std::string name;
  uint64_t total_memory = 0, free_memory = 0;  ///< bytes
  int major = 0, minor = 0;                    ///< compute capability
};
struct GpuReport {
  std::string driver;                  ///< "535.104.05"; empty without a driver
  int cuda_major = 0, cuda_minor = 0;  ///< the newest CUDA that the driver serves
  std::vector<GpuInfo> gpus;
  std::string problem;  ///< why the driver's library can't answer; empty when it does or when there is none
};
/// By the driver's management library (NVML), loaded when called; without CUDA and without creating a context.
GpuReport nvidia_gpus();

}  // namespace loongforge
