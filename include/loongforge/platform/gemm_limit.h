// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <c10/core/Device.h>

#include <optional>
#include <string_view>

#include "loongforge/core/dtype.h"

namespace loongforge::platform {

/// FLOP/s of the best of a few square matrix products in `dtype` (16-bit types on the CPU: or in fp32) on this rank's
/// threads or device; measured once a process (about 0.1 s), type and device. 0 on simulated devices.
double gemm_limit(Dtype dtype, c10::Device device);

/// FLOP/s that the maker of `device` publishes for dense matrix products in `dtype`; nullopt for CPUs (it depends on
/// clocks that change under load) and for devices and types that aren't in the table.
std::optional<double> published_peak(Dtype dtype, c10::Device device);
/// The same by the device's name ("NVIDIA H100 80GB HBM3").
std::optional<double> peak_of_device_named(Dtype dtype, std::string_view name);

}  // namespace loongforge::platform
