// SPDX-License-Identifier: Apache-2.0
#include "loongforge/platform/gemm_limit.h"

#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>

#include "loongforge/platform/dtype.h"

namespace loongforge::platform {

namespace {

double seconds_of_product(const at::Tensor& a, const at::Tensor& b) {
  const auto start = std::chrono::steady_clock::now();
  at::mm(a, b);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double measure(Dtype dtype) {
  c10::AutoGradMode no_recording(false);
  double best = 0;
  for (int64_t n : {512, 1024}) {
    const auto a = at::full({n, n}, 0.5, at::TensorOptions().dtype(to_torch(dtype)));
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
  if (!device.is_cpu()) return 0;
  static std::mutex mutex;
  static std::map<Dtype, double> limits;
  std::lock_guard lock(mutex);
  auto found = limits.find(dtype);
  if (found == limits.end()) {
    // Products of 16-bit floats may run in fp32 where that is faster.
    const bool narrow = dtype == Dtype::bf16 || dtype == Dtype::f16;
    const double limit = std::max(measure(dtype), narrow ? measure(Dtype::f32) : 0.0);
    found = limits.emplace(dtype, limit).first;
  }
  return found->second;
}

}  // namespace loongforge::platform
