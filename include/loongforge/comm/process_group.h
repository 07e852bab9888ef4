// SPDX-License-Identifier: Apache-2.0
// The world of a run whose ranks are processes.
#pragma once
#include <chrono>
#include <memory>
#include <string>

#include "loongforge/comm/group.h"
#include "loongforge/comm/store.h"
#include "loongforge/launch/rank_env.h"

namespace loongforge::comm {

struct WorldOptions {
  std::chrono::milliseconds timeout = std::chrono::minutes(10);  ///< to join, and for any one operation
  int generation = 0;                                            ///< a new one never sees an older one's keys
  /// Where each rank keeps its ledger, `rank<r>.ledger`. Empty: $LOONGFORGE_LEDGER_DIR, else a folder of the run in
  /// /dev/shm whose files go away when the run ends well.
  std::string ledger_folder;
  std::string device = "cpu";  ///< platform.device: where the tensors lie
};

struct ProcessWorld {
  Group group;
  std::shared_ptr<Store> store;  ///< over its own connection: a wait in one thread holds up no other
};

/// All ranks of the run. `backend`: auto (gloo on the CPU, what the device's plug-in brings elsewhere), local (one rank),
/// gloo, nccl, fake. A world on a device carries its tensors by the device's backend, CPU tensors and host values by gloo.
/// One rank never communicates whatever the backend. Collective: returns when every rank has joined. Throws ConfigError
/// for a backend that is unknown or doesn't fit the device, ResourceError when there is no such device, CommError when a
/// rank does not come within the timeout.
ProcessWorld make_process_world(const std::string& backend, const launch::RankEnv& env, const WorldOptions& options = {});

/// The group of make_process_world alone.
Group make_world(const std::string& backend, const launch::RankEnv& env, const WorldOptions& options = {});

/// Rank `rank` of a world of any size that isn't there: nothing is sent, tensors (meta or real) get the right shapes and keep
/// what they hold, gathers repeat this rank's part; the ledger records all. For dry runs.
Group make_fake_world(int size, int rank);

}  // namespace loongforge::comm
