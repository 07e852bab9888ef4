// SPDX-License-Identifier: Apache-2.0
#include "loongforge/launch/rank_env.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "loongforge/core/error.h"

namespace loongforge::launch {
namespace {

std::optional<int> integer(const EnvLookup& lookup, const std::string& name) {
  const auto text = lookup(name);
  if (!text || text->empty()) return std::nullopt;
  int value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || stop != end) {
    throw ConfigError(fmt::format("{}='{}' is not an integer (environment)", name, *text), "unset it or correct it");
  }
  return value;
}

int required(const EnvLookup& lookup, const std::string& name, const std::string& because) {
  if (const auto value = integer(lookup, name)) return *value;
  throw ConfigError(fmt::format("{} is set but {} is not (environment)", because, name),
                    "start with torchrun, srun, mpirun or loongforge's own launcher, or unset " + because);
}

void read_master(const EnvLookup& lookup, RankEnv& env) {
  if (const auto address = lookup("MASTER_ADDR"); address && !address->empty()) env.master_addr = *address;
  if (const auto port = integer(lookup, "MASTER_PORT")) env.master_port = *port;
}

/// What a launcher calls the same things; an empty name is one that it doesn't tell.
struct Variables {
  const char* source;
  std::string rank, world_size, local_rank, local_world_size, node_rank, nodes, run_id, restart_count;
};
const Variables kTorchrun{"torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK",
                          "GROUP_WORLD_SIZE", "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT"};
const Variables kSlurm{"slurm", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "", "SLURM_NODEID",
                       "SLURM_NNODES", "SLURM_JOB_ID", "SLURM_RESTART_COUNT"};
// Open MPI's NODE_RANK counts processes on a node, not nodes.
const Variables kOpenMpi{"openmpi", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
                         "OMPI_COMM_WORLD_LOCAL_SIZE", "", "", "", ""};

RankEnv read(const EnvLookup& lookup, const Variables& names) {
  const auto optional = [&](const std::string& name) { return name.empty() ? std::nullopt : integer(lookup, name); };
  RankEnv env;
  env.source = names.source;
  env.rank = required(lookup, names.rank, names.world_size);
  env.world_size = required(lookup, names.world_size, names.rank);
  const int nodes = std::max(1, optional(names.nodes).value_or(1));
  env.local_world_size = optional(names.local_world_size).value_or(env.world_size / nodes);
  const int per_node = std::max(1, env.local_world_size);
  env.nodes = optional(names.nodes).value_or(std::max(1, env.world_size / per_node));
  env.local_rank = optional(names.local_rank).value_or(env.rank % per_node);
  env.node_rank = optional(names.node_rank).value_or(env.rank / per_node);
  env.restart_count = optional(names.restart_count).value_or(0);
  if (!names.run_id.empty()) env.run_id = lookup(names.run_id).value_or("none");
  return env;
}

RankEnv from_torchrun(const EnvLookup& lookup) {
  RankEnv env = read(lookup, kTorchrun);
  env.max_restarts = integer(lookup, "TORCHELASTIC_MAX_RESTARTS").value_or(0);
  env.agent_hosts_store = lookup("TORCHELASTIC_USE_AGENT_STORE").value_or("False") == "True";
  return env;
}

RankEnv from_slurm(const EnvLookup& lookup) {
  RankEnv env = read(lookup, kSlurm);
  const auto hosts = lookup("SLURM_STEP_NODELIST");
  if (hosts && env.nodes > 1) env.master_addr = first_slurm_host(*hosts);
  // Jobs that share a node must not share a port.
  constexpr int kFirstPort = 20000, kPorts = 40000;
  if (const auto job = integer(lookup, "SLURM_JOB_ID")) env.master_port = kFirstPort + *job % kPorts;
  return env;
}

void check(const RankEnv& env) {
  if (env.world_size < 1 || env.rank < 0 || env.rank >= env.world_size || env.local_rank < 0 ||
      env.local_world_size < 1 || env.local_rank >= env.local_world_size) {
    throw ConfigError(fmt::format("rank {} of {} (local {} of {}) makes no sense (environment of {})", env.rank,
                                  env.world_size, env.local_rank, env.local_world_size, env.source),
                      "check RANK, WORLD_SIZE, LOCAL_RANK and LOCAL_WORLD_SIZE");
  }
  if (env.nodes > 1 && (env.master_addr == "127.0.0.1" || env.master_addr == "localhost")) {
    throw ConfigError(fmt::format("{} nodes but MASTER_ADDR is {} (environment of {})", env.nodes, env.master_addr,
                                  env.source),
                      "set MASTER_ADDR to a host that every node can reach");
  }
}

}  // namespace

std::optional<std::string> process_env(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

std::string first_slurm_host(const std::string& node_list) {
  const size_t bracket = node_list.find_first_of("[,");
  if (bracket == std::string::npos || node_list[bracket] == ',') return node_list.substr(0, bracket);
  const size_t end = node_list.find_first_of("-,]", bracket);
  const size_t close = node_list.find(']', bracket);
  if (end == std::string::npos || close == std::string::npos) return node_list;
  const size_t next = node_list.find(',', close);
  const std::string suffix = node_list.substr(close + 1, next == std::string::npos ? next : next - close - 1);
  return node_list.substr(0, bracket) + node_list.substr(bracket + 1, end - bracket - 1) + suffix;
}

RankEnv RankEnv::from_environment(const EnvLookup& lookup) {
  RankEnv env;
  if (lookup("RANK") || lookup("WORLD_SIZE")) {
    env = from_torchrun(lookup);
  } else if (lookup("SLURM_STEP_ID") && lookup("SLURM_PROCID")) {
    env = from_slurm(lookup);
  } else if (lookup("OMPI_COMM_WORLD_SIZE")) {
    env = read(lookup, kOpenMpi);
  } else {
    return env;
  }
  read_master(lookup, env);
  check(env);
  return env;
}

std::map<std::string, std::string> RankEnv::to_variables() const {
  const auto text = [](int value) { return std::to_string(value); };
  return {{"RANK", text(rank)},
          {"WORLD_SIZE", text(world_size)},
          {"LOCAL_RANK", text(local_rank)},
          {"LOCAL_WORLD_SIZE", text(local_world_size)},
          {"GROUP_RANK", text(node_rank)},
          {"GROUP_WORLD_SIZE", text(nodes)},
          {"ROLE_RANK", text(rank)},
          {"ROLE_WORLD_SIZE", text(world_size)},
          {"ROLE_NAME", "default"},
          {"MASTER_ADDR", master_addr},
          {"MASTER_PORT", text(master_port)},
          {"TORCHELASTIC_RESTART_COUNT", text(restart_count)},
          {"TORCHELASTIC_MAX_RESTARTS", text(max_restarts)},
          {"TORCHELASTIC_RUN_ID", run_id},
          {"TORCHELASTIC_USE_AGENT_STORE", agent_hosts_store ? "True" : "False"}};
}

}  // namespace loongforge::launch
