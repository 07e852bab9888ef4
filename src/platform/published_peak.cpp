// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "loongforge/core/machine.h"
#include "loongforge/platform/gemm_limit.h"

namespace loongforge::platform {
namespace {

/// Dense bf16/fp16 with fp32 accumulation, TFLOP/s, from the makers' data sheets; the first part that fits the name
/// counts.
struct Peak {
  std::string_view part;
  double tera;
};
constexpr std::array kPeaks = {
    Peak{"H100 PCIe", 756}, Peak{"H100 NVL", 835}, Peak{"H100", 989}, Peak{"H200", 989}, Peak{"H800", 989},
    Peak{"H20", 148},       Peak{"B200", 2250},    Peak{"A100", 312}, Peak{"A800", 312}, Peak{"A40", 150},
    Peak{"A30", 165},       Peak{"A10", 125},      Peak{"L40S", 362}, Peak{"L40", 181},  Peak{"L4", 121},
    Peak{"4090", 165},      Peak{"3090", 71},
};

}  // namespace

std::optional<double> peak_of_device_named(Dtype dtype, std::string_view name) {
  if (dtype != Dtype::bf16 && dtype != Dtype::f16) return std::nullopt;
  for (const Peak& peak : kPeaks) {
    if (name.find(peak.part) != name.npos) return peak.tera * 1e12;
  }
  return std::nullopt;
}

std::optional<double> published_peak(Dtype dtype, c10::Device device) {
  if (!device.is_cuda()) return std::nullopt;
  static const GpuReport report = nvidia_gpus();
  return report.gpus.empty() ? std::nullopt : peak_of_device_named(dtype, report.gpus.front().name);
}

}  // namespace loongforge::platform
