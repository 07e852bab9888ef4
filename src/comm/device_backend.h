// SPDX-License-Identifier: Apache-2.0
// How a device plug-in brings the communication between its devices.
#pragma once
#include <c10/core/Device.h>

#include "comm/process_context.h"

namespace loongforge::comm {

/// What the plug-in's entry fills in. `abi` must be kBackendAbi.
struct DeviceBackend {
  int abi = 0;
  const char* name = nullptr;  ///< what parallel.backend calls it, "nccl"
  /// A group over the device's tensors. Each rank of the group calls it with the same `name` and `prefix` (of the keys in
  /// the store).
  std::shared_ptr<GroupImpl> (*make)(std::shared_ptr<ProcessContext> context, const std::string& name,
                                     const std::string& prefix, int rank, int size, at::Device device) = nullptr;
};
inline constexpr int kBackendAbi = 1;
/// extern "C" void lf_comm_register(loongforge::comm::DeviceBackend*), in the library that has kDeviceEntry.
inline constexpr const char* kBackendEntry = "lf_comm_register";

}  // namespace loongforge::comm
