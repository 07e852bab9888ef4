// SPDX-License-Identifier: Apache-2.0
#include "loongforge/comm/process_group.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <optional>

#include "comm/device_backend.h"
#include "comm/gloo_world.h"
#include "loongforge/comm/ledger.h"
#include "loongforge/core/error.h"
#include "loongforge/platform/device.h"

namespace loongforge::comm {
namespace {

std::vector<int> all_ranks(int size) {
  std::vector<int> ranks(static_cast<size_t>(size));
  std::iota(ranks.begin(), ranks.end(), 0);
  return ranks;
}

struct LedgerPlace {
  std::string folder;
  bool temporary = false;
};

LedgerPlace ledger_place(const launch::RankEnv& env, const WorldOptions& options) {
  if (!options.ledger_folder.empty()) return {options.ledger_folder};
  if (const char* folder = std::getenv("LOONGFORGE_LEDGER_DIR"); folder && *folder) return {folder};
  return {fmt::format("/dev/shm/loongforge-{}-{}-{}", ::getuid(), env.run_id, env.master_port), true};
}

std::shared_ptr<Ledger> open_ledger(const LedgerPlace& place, int rank) {
  std::error_code error;
  std::filesystem::create_directories(place.folder, error);
  const std::string path = fmt::format("{}/rank{}.ledger", place.folder, rank);
  try {
    auto ledger = std::make_shared<Ledger>(rank, path);
    if (place.temporary) ledger->remove_if_clean();
    return ledger;
  } catch (const ResourceError&) {
    // Machines without /dev/shm still train; a folder that was asked for has to work.
    if (!place.temporary) throw;
    return std::make_shared<Ledger>(rank);
  }
}

std::optional<DeviceBackend> backend_of_plugin(const std::string& device) {
  auto* entry = reinterpret_cast<void (*)(DeviceBackend*)>(platform::plugin_symbol(device, kBackendEntry));
  if (!entry) return std::nullopt;
  DeviceBackend backend;
  entry(&backend);
  if (backend.abi != kBackendAbi) {
    throw ResourceError(fmt::format("the plug-in of platform.device={} is of another version", device),
                        "rebuild it with this LoongForge");
  }
  return backend;
}

/// What carries the device's tensors; nothing on the CPU, where gloo does. Throws ConfigError when `backend` doesn't fit.
std::optional<DeviceBackend> choose_backend(const std::string& backend, const std::string& device) {
  const auto found = device == "cpu" ? std::nullopt : backend_of_plugin(device);
  if (device != "cpu" && !found) {
    throw ConfigError(fmt::format("platform.device={} has no communication between processes", device),
                      "use one process, or another platform.device");
  }
  const std::string fitting = found ? found->name : "gloo";
  if (backend != "auto" && backend != fitting) {
    throw ConfigError(fmt::format("parallel.backend={} doesn't carry tensors of platform.device={}", backend, device),
                      fmt::format("use auto or {}", fitting));
  }
  return found;
}

}  // namespace

ProcessWorld make_process_world(const std::string& backend, const launch::RankEnv& env, const WorldOptions& options) {
  if (env.world_size == 1) return {Group(), make_memory_store()};
  if (backend == "fake") return {make_fake_world(env.world_size, env.rank), make_memory_store()};
  if (backend == "local") {
    throw ConfigError(fmt::format("parallel.backend=local has one rank, this run {}", env.world_size), "use gloo");
  }
  if (backend != "auto" && backend != "gloo" && backend != "nccl") {
    throw ConfigError(fmt::format("parallel.backend={} cannot join processes", backend),
                      "use auto, gloo or nccl; thread and fake ranks are for tests and dry runs");
  }
  const at::Device device = platform::open_device(options.device, env.local_rank);
  const auto on_device = choose_backend(backend, options.device);
  const LedgerPlace place = ledger_place(env, options);
  const std::string prefix = fmt::format("loongforge/{}/{}/{}/", env.run_id, env.restart_count, options.generation);
  auto ledger = open_ledger(place, env.rank);
  GlooWorld world =
      make_gloo_world(env, options.timeout, prefix, place.folder, on_device ? &*on_device : nullptr, device);
  return {Group(std::move(world.group), env.rank, env.world_size, "world", all_ranks(env.world_size),
                std::move(ledger)),
          std::move(world.store)};
}

Group make_world(const std::string& backend, const launch::RankEnv& env, const WorldOptions& options) {
  return make_process_world(backend, env, options).group;
}

}  // namespace loongforge::comm
