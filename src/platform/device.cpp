// SPDX-License-Identifier: Apache-2.0
#include "loongforge/platform/device.h"

#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include <atomic>
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

struct Plugin {
  void* library = nullptr;
  DeviceApi api;
};

bool complete(const DeviceApi& api) {
  return api.abi == kDeviceAbi && api.count && api.why_none && api.select && api.info && api.memory;
}

Plugin load_plugin(const std::string& name) {
  std::string looked;
  for (const auto& folder : plugin_folders()) {
    const fs::path file = folder / ("liblf_" + name + ".so");
    looked += (looked.empty() ? "" : ", ") + file.string();
    if (!fs::exists(file)) continue;
    void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (!library) {
      throw ResourceError(fmt::format("platform.device={}: cannot load {}: {}", name, file.string(), ::dlerror()),
                          "if a library is missing, tools/setup.sh installs it where a toolkit is, or put it on "
                          "LD_LIBRARY_PATH; if a symbol is, rebuild the plug-in with this LoongForge");
    }
    auto entry = reinterpret_cast<void (*)(DeviceApi*)>(::dlsym(library, kDeviceEntry));
    Plugin plugin{library, {}};
    if (entry) entry(&plugin.api);
    if (!complete(plugin.api)) {
      throw ResourceError(fmt::format("{} is no device plug-in of this version", file.string()),
                          "rebuild it with this LoongForge");
    }
    return plugin;
  }
  throw ResourceError(fmt::format("platform.device={}: no plug-in found ({})", name, looked),
                      name == "cuda" ? "build with `cmake --preset cuda` where a CUDA toolkit is, or use "
                                       "platform.device=cpu"
                                     : "use platform.device=cpu, or set LOONGFORGE_PLUGIN_PATH");
}

std::mutex plugins_mutex;
std::map<std::string, Plugin> plugins;  // by name; never unloaded

const Plugin& plugin_named(const std::string& name) {
  std::lock_guard lock(plugins_mutex);
  auto found = plugins.find(name);
  if (found == plugins.end()) found = plugins.emplace(name, load_plugin(name)).first;
  return found->second;
}

const DeviceApi& api_of(c10::Device device) {
  std::lock_guard lock(plugins_mutex);
  for (const auto& [name, plugin] : plugins) {
    if (plugin.api.type == device.type()) return plugin.api;
  }
  LF_ASSERT(false, "no plug-in is loaded for {}", device.str());
}

}  // namespace

c10::Device open_device(const std::string& name, int local_rank) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  const DeviceApi& api = plugin_named(name).api;
  const int count = api.count();
  if (count < 1) {
    const NoDevice none = api.why_none();
    throw ResourceError(fmt::format("platform.device={}: {}", name, none.why), none.hint);
  }
  const int index = local_rank % count;
  api.select(index);
  return c10::Device(api.type, static_cast<c10::DeviceIndex>(index));
}

void* plugin_symbol(const std::string& device, const char* symbol) {
  return ::dlsym(plugin_named(device).library, symbol);
}

DeviceInfo device_info(c10::Device device) { return api_of(device).info(device.index()); }
DeviceMemory device_memory(c10::Device device) { return api_of(device).memory(device.index()); }
bool is_simulated(c10::Device device) { return api_of(device).simulated; }

void synchronize(c10::Device device) {
  if (device.is_cpu()) return;
  c10::impl::VirtualGuardImpl(device.type()).synchronizeDevice(device.index());
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
