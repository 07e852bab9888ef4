// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <memory>
#include <string>

#include "loongforge/comm/group.h"
#include "loongforge/comm/store.h"
#include "loongforge/launch/rank_env.h"

namespace loongforge::comm {

struct GlooWorld {
  std::shared_ptr<GroupImpl> group;
  std::shared_ptr<Store> store;
};

struct DeviceBackend;

/// The world of all processes of the run over gloo, meeting under keys that begin with `prefix`. Collective. With a
/// `backend`, tensors of `device` go by it, and gloo has the CPU's. `ledger_folder` is where failures look for who caused
/// them.
GlooWorld make_gloo_world(const launch::RankEnv& env, std::chrono::milliseconds timeout, const std::string& prefix,
                          const std::string& ledger_folder, const DeviceBackend* backend, at::Device device);

}  // namespace loongforge::comm
