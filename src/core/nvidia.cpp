// SPDX-License-Identifier: Apache-2.0
// NVML by dlopen: its C interface is stable, and programs must start where no driver is.
#include <dlfcn.h>

#include <array>
#include <cstdlib>
#include <memory>

#include "loongforge/core/machine.h"

namespace loongforge {
namespace {

struct Memory {
  unsigned long long total, free, used;
};

constexpr unsigned kTextLength = 96;

/// A function of the loaded library, to be called with exactly these arguments; nullptr in older drivers.
template <class... Args>
using Function = int (*)(Args...);
template <class... Args>
Function<Args...> function(void* library, const char* name) {
  return reinterpret_cast<Function<Args...>>(::dlsym(library, name));
}

template <class... Args>
bool call(void* library, const char* name, Args... args) {
  const auto found = function<Args...>(library, name);
  return found != nullptr && found(args...) == 0;
}

GpuInfo describe(void* library, void* device) {
  GpuInfo gpu;
  std::array<char, kTextLength> text{};
  if (call(library, "nvmlDeviceGetName", device, text.data(), kTextLength)) gpu.name = text.data();
  Memory memory{};
  if (call(library, "nvmlDeviceGetMemoryInfo", device, &memory)) {
    gpu.total_memory = memory.total;
    gpu.free_memory = memory.free;
  }
  call(library, "nvmlDeviceGetCudaComputeCapability", device, &gpu.major, &gpu.minor);
  return gpu;
}

}  // namespace

GpuReport nvidia_gpus() {
  GpuReport report;
  const std::unique_ptr<void, int (*)(void*)> library(::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL), ::dlclose);
  if (!library) return report;
  const auto start = function<>(library.get(), "nvmlInit_v2");
  if (start == nullptr || start() != 0) {
    report.problem = "the NVIDIA driver's library is there but can't reach a driver";
    return report;
  }
  std::array<char, kTextLength> text{};
  if (call(library.get(), "nvmlSystemGetDriverVersion", text.data(), kTextLength)) report.driver = text.data();
  int cuda = 0;
  if (call(library.get(), "nvmlSystemGetCudaDriverVersion_v2", &cuda)) {
    report.cuda_major = cuda / 1000;
    report.cuda_minor = cuda % 1000 / 10;
  }
  unsigned count = 0;
  call(library.get(), "nvmlDeviceGetCount_v2", &count);
  for (unsigned i = 0; i < count; ++i) {
    void* device = nullptr;
    if (call(library.get(), "nvmlDeviceGetHandleByIndex_v2", i, &device))
      report.gpus.push_back(describe(library.get(), device));
  }
  call(library.get(), "nvmlShutdown");
  return report;
}

}  // namespace loongforge
