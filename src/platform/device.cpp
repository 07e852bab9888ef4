// SPDX-License-Identifier: Apache-2.0
#include "loongforge/platform/device.h"

#include <dlfcn.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <vector>

#include "loongforge/core/error.h"
#include "loongforge/core/plugin_folders.h"

namespace loongforge::platform {

namespace {

namespace fs = std::filesystem;

std::atomic<int64_t> host_syncs{0};

DeviceApi load_plugin(const std::string& name) {
  std::string looked;
  for (const auto& folder : plugin_folders()) {
    const fs::path file = folder / ("liblf_" + name + ".so");
    looked += (looked.empty() ? "" : ", ") + file.string();
    if (!fs::exists(file)) continue;
    void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (!library) {
      throw ResourceError(fmt::format("cannot load {}: {}", file.string(), ::dlerror()),
                          "rebuild it with this LoongForge");
    }
    auto entry = reinterpret_cast<void (*)(DeviceApi*)>(::dlsym(library, kDeviceEntry));
    DeviceApi api;
    if (entry) entry(&api);
    if (!entry || api.abi != kDeviceAbi) {
      throw ResourceError(fmt::format("{} is no device plug-in of this version", file.string()),
                          "rebuild it with this LoongForge");
    }
    return api;
  }
  throw ResourceError(fmt::format("platform.device={}: no plug-in found ({})", name, looked),
                      name == "cuda" ? "build with `cmake --preset cuda` where a CUDA toolkit is, or use "
                                       "platform.device=cpu"
                                     : "use platform.device=cpu, or set LOONGFORGE_PLUGIN_PATH");
}

}  // namespace

c10::Device open_device(const std::string& name, int local_rank) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  static std::mutex mutex;
  static std::map<std::string, DeviceApi> loaded;
  std::lock_guard lock(mutex);
  auto found = loaded.find(name);
  if (found == loaded.end()) found = loaded.emplace(name, load_plugin(name)).first;
  const DeviceApi& api = found->second;
  const int count = api.count();
  if (count < 1) {
    throw ResourceError(fmt::format("platform.device={}: {}", name, api.why_none ? api.why_none() : "no device"),
                        "check the driver, or use platform.device=cpu");
  }
  return c10::Device(api.type, static_cast<c10::DeviceIndex>(local_rank % count));
}

at::Tensor to_host(const at::Tensor& tensor) {
  if (tensor.is_cpu()) return tensor;
  host_syncs.fetch_add(1, std::memory_order_relaxed);
  return tensor.to(c10::Device(c10::kCPU));
}

at::Tensor to_device(const at::Tensor& tensor, c10::Device device) {
  return tensor.device() == device ? tensor : tensor.to(device, /*non_blocking=*/true);
}

int64_t host_sync_count() { return host_syncs.load(std::memory_order_relaxed); }

}  // namespace loongforge::platform
