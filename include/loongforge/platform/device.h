// SPDX-License-Identifier: Apache-2.0
// Devices: the CPU is built in, others are plug-in libraries (liblf_<name>.so) loaded when asked for.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace loongforge::platform {

struct DeviceInfo {
  std::string name;          ///< "NVIDIA H100 80GB HBM3"
  std::string detail;        ///< "sm_90, 132 multiprocessors, driver for CUDA 13.0"
  int64_t memory_bytes = 0;
};
/// Bytes of this process on one device.
struct DeviceMemory {
  int64_t in_use = 0, peak = 0;  ///< held by tensors now, and at most so far
  int64_t reserved = 0;          ///< taken from the device, in use or kept for reuse
  int64_t allocations = 0;       ///< how often memory was taken from the device; doesn't grow after warm-up
};
struct NoDevice {
  std::string why, hint;
};

/// What a plug-in tells about itself; c10's own registries (guard, allocator, hooks) carry the rest: streams, events, pinned
/// memory. `abi` must be kDeviceAbi and every function set. `index` is below count().
struct DeviceApi {
  int abi = 0;
  c10::DeviceType type = c10::DeviceType::CPU;
  bool simulated = false;                    ///< its times mean nothing
  int (*count)() = nullptr;                  ///< devices that can be used now
  NoDevice (*why_none)() = nullptr;          ///< called when count() is 0
  void (*select)(int index) = nullptr;       ///< makes it the calling thread's device
  DeviceInfo (*info)(int index) = nullptr;
  DeviceMemory (*memory)(int index) = nullptr;
};
inline constexpr int kDeviceAbi = 2;
/// A plug-in's entry: extern "C" void lf_device_register(loongforge::platform::DeviceApi*).
inline constexpr const char* kDeviceEntry = "lf_device_register";

/// The device of a rank, from now on the calling thread's: "cpu", or the plug-in's device number `local_rank` mod its count.
/// Plug-ins are looked for beside the library, in ../lib, and in $LOONGFORGE_PLUGIN_PATH. Throws ResourceError naming the
/// places, what a plug-in lacks to be loaded, or why there is no device.
c10::Device open_device(const std::string& name, int local_rank);

/// A function that the device's plug-in exports, nullptr without one of that name. Loads the plug-in; throws as open_device
/// does when it can't be.
void* plugin_symbol(const std::string& device, const char* symbol);

// For devices that open_device gave, other than the CPU:
DeviceInfo device_info(c10::Device device);
DeviceMemory device_memory(c10::Device device);
bool is_simulated(c10::Device device);
/// Waits until the device has done all that was given to it. The CPU always has.
void synchronize(c10::Device device);

/// host_sync: the tensor in host memory. Each call that has to wait for a device is counted.
at::Tensor to_host(const at::Tensor& tensor);
/// Copies to `device`, asynchronously where the source is pinned.
at::Tensor to_device(const at::Tensor& tensor, c10::Device device);
/// Calls of to_host on device tensors so far, on any thread.
int64_t host_sync_count();

}  // namespace loongforge::platform
