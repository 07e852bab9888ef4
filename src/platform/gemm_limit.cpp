// SPDX-License-Identifier: Apache-2.0
#include "loongforge/platform/gemm_limit.h"

#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "loongforge/platform/device.h"
#include "loongforge/platform/dtype.h"

namespace loongforge::platform {

namespace {

double seconds_of_product(const at::Tensor& a, const at::Tensor& b) {
  synchronize(a.device());
  const auto start = std::chrono::steady_clock::now();
  at::mm(a, b);
  synchronize(a.device());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double measure(Dtype dtype, c10::Device device) {
  c10::AutoGradMode no_recording(false);
  double best = 0;
  // On a device the host's part of a product must not show.
  const auto sizes = device.is_cpu() ? std::array<int64_t, 2>{512, 1024} : std::array<int64_t, 2>{4096, 8192};
  for (int64_t n : sizes) {
    const auto a = at::full({n, n}, 0.5, at::TensorOptions().dtype(to_torch(dtype)).device(device));
    seconds_of_product(a, a);  // warm-up
    const double flops = 2.0 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n);
    double spent = 0;
    for (int i = 0; i < 8 && spent < 0.04; ++i) {
      const double seconds = seconds_of_product(a, a);
      spent += seconds;
      best = std::max(best, flops / seconds);
    }
  }
  return best;
}

}  // namespace

double gemm_limit(Dtype dtype, c10::Device device) {
  if (device.is_meta() || (!device.is_cpu() && is_simulated(device))) return 0;
  static std::mutex mutex;
  static std::map<std::pair<Dtype, std::string>, double> limits;
  std::lock_guard lock(mutex);
  const std::pair key(dtype, device.str());
  auto found = limits.find(key);
  if (found == limits.end()) {
    // The CPU's products of 16-bit floats may run in fp32 where that is faster.
    const bool narrow = device.is_cpu() && (dtype == Dtype::bf16 || dtype == Dtype::f16);
    const double limit = std::max(measure(dtype, device), narrow ? measure(Dtype::f32, device) : 0.0);
    found = limits.emplace(key, limit).first;
  }
  return found->second;
}

}  // namespace loongforge::platform
