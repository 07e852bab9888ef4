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

RankEnv from_torchrun(const EnvLookup& lookup) {
  RankEnv env;
  env.source = "torchrun";
  env.rank = required(lookup, "RANK", "WORLD_SIZE");
  env.world_size = required(lookup, "WORLD_SIZE", "RANK");
  env.local_rank = integer(lookup, "LOCAL_RANK").value_or(env.rank);
  env.local_world_size = integer(lookup, "LOCAL_WORLD_SIZE").value_or(env.world_size);
  env.node_rank = integer(lookup, "GROUP_RANK").value_or(env.rank / std::max(1, env.local_world_size));
  env.nodes = integer(lookup, "GROUP_WORLD_SIZE").value_or(env.world_size / std::max(1, env.local_world_size));
  env.restart_count = integer(lookup, "TORCHELASTIC_RESTART_COUNT").value_or(0);
  env.max_restarts = integer(lookup, "TORCHELASTIC_MAX_RESTARTS").value_or(0);
  env.run_id = lookup("TORCHELASTIC_RUN_ID").value_or("none");
  env.agent_hosts_store = lookup("TORCHELASTIC_USE_AGENT_STORE").value_or("False") == "True";
  return env;
}

RankEnv from_slurm(const EnvLookup& lookup) {
  RankEnv env;
  env.source = "slurm";
  env.rank = required(lookup, "SLURM_PROCID", "SLURM_STEP_ID");
  env.world_size = required(lookup, "SLURM_NTASKS", "SLURM_PROCID");
  env.local_rank = integer(lookup, "SLURM_LOCALID").value_or(0);
  env.node_rank = integer(lookup, "SLURM_NODEID").value_or(0);
  env.nodes = integer(lookup, "SLURM_NNODES").value_or(1);
  env.local_world_size = env.world_size / std::max(1, env.nodes);
  env.run_id = lookup("SLURM_JOB_ID").value_or("none");
  env.restart_count = integer(lookup, "SLURM_RESTART_COUNT").value_or(0);
  const auto hosts = lookup("SLURM_STEP_NODELIST");
  if (hosts && env.nodes > 1) env.master_addr = first_slurm_host(*hosts);
  // Jobs that share a node must not share a port.
  constexpr int kFirstPort = 20000, kPorts = 40000;
  if (const auto job = integer(lookup, "SLURM_JOB_ID")) env.master_port = kFirstPort + *job % kPorts;
  return env;
}

RankEnv from_openmpi(const EnvLookup& lookup) {
  RankEnv env;
  env.source = "openmpi";
  env.rank = required(lookup, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE");
  env.world_size = required(lookup, "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK");
  env.local_rank = integer(lookup, "OMPI_COMM_WORLD_LOCAL_RANK").value_or(env.rank);
  env.local_world_size = integer(lookup, "OMPI_COMM_WORLD_LOCAL_SIZE").value_or(env.world_size);
  env.node_rank = integer(lookup, "OMPI_COMM_WORLD_NODE_RANK").value_or(0);
  env.nodes = std::max(1, env.world_size / std::max(1, env.local_world_size));
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
    env = from_openmpi(lookup);
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
