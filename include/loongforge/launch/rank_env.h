// SPDX-License-Identifier: Apache-2.0
// Which rank this process is, by the environment of torchrun, our own launcher, Slurm or Open MPI.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace loongforge::launch {

/// Reads one environment variable; nullopt when unset.
using EnvLookup = std::function<std::optional<std::string>(const std::string&)>;
std::optional<std::string> process_env(const std::string& name);

struct RankEnv {
  int rank = 0, world_size = 1;
  int local_rank = 0, local_world_size = 1;
  int node_rank = 0, nodes = 1;
  std::string master_addr = "127.0.0.1";
  int master_port = 29500;
  std::string run_id = "none";
  int restart_count = 0, max_restarts = 0;
  bool agent_hosts_store = false;  ///< torchrun's agent serves the store at master_port; else rank 0 does
  std::string source = "none";     ///< "torchrun", "slurm", "openmpi", or "none" for a lone process

  /// torchrun's variables (RANK, WORLD_SIZE, …) win, then Slurm's, then Open MPI's, else a lone process.
  /// Throws ConfigError when a variable isn't an integer, one of a set is missing, or ranks don't fit sizes.
  static RankEnv from_environment(const EnvLookup& lookup = process_env);
  /// What a worker's environment must hold to be this rank: torchrun's worker contract.
  std::map<std::string, std::string> to_variables() const;
};

/// First host of a Slurm node list: "node[03-05,7]" gives "node03".
std::string first_slurm_host(const std::string& node_list);

}  // namespace loongforge::launch
