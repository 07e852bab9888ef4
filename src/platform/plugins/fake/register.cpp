// SPDX-License-Identifier: Apache-2.0
#include <mutex>

#include "fake.h"
#include "loongforge/platform/device.h"

extern "C" void lf_device_register(loongforge::platform::DeviceApi* api) {
  using namespace loongforge::fake;
  static std::once_flag once;
  std::call_once(once, [] {
    reserve_memory();
    c10::register_privateuse1_backend("fake");
    c10::SetAllocator(kType, &device_allocator());
    register_guard_and_hooks();
  });
  api->abi = loongforge::platform::kDeviceAbi;
  api->type = kType;
  api->simulated = true;
  api->count = [] { return kDevices; };
  api->why_none = [] { return loongforge::platform::NoDevice{"the simulation has no device", ""}; };
  api->select = [](int index) { exchange_device(static_cast<c10::DeviceIndex>(index)); };
  api->info = [](int) {
    return loongforge::platform::DeviceInfo{"simulated accelerator", lazy() ? "lazy streams" : "eager streams", kDeviceBytes};
  };
  api->memory = [](int index) { return memory_of(static_cast<c10::DeviceIndex>(index)); };
}
