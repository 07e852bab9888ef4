// SPDX-License-Identifier: Apache-2.0
// Devices: the CPU is built in, others are plug-in libraries (liblf_<name>.so) loaded when asked for.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace loongforge::platform {

/// What a plug-in tells about itself. `abi` must be kDeviceAbi.
struct DeviceApi {
  int abi = 0;
  c10::DeviceType type = c10::DeviceType::CPU;
  int (*count)() = nullptr;                  ///< devices that can be used now
  const char* (*why_none)() = nullptr;       ///< when count() is 0
};
inline constexpr int kDeviceAbi = 1;
/// A plug-in's entry: extern "C" void lf_device_register(loongforge::platform::DeviceApi*).
inline constexpr const char* kDeviceEntry = "lf_device_register";

/// The device of a rank: "cpu", or the plug-in's device number `local_rank` mod its count. Plug-ins are looked for beside
/// the library, in ../lib, and in $LOONGFORGE_PLUGIN_PATH. Throws ResourceError naming the places, or why there is no device.
c10::Device open_device(const std::string& name, int local_rank);

/// host_sync: the tensor in host memory. Each call that has to wait for a device is counted.
at::Tensor to_host(const at::Tensor& tensor);
/// Copies to `device`, asynchronously where the source is pinned.
at::Tensor to_device(const at::Tensor& tensor, c10::Device device);
/// Calls of to_host on device tensors so far, on any thread.
int64_t host_sync_count();

}  // namespace loongforge::platform
