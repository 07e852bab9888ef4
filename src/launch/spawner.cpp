// SPDX-License-Identifier: Apache-2.0
#include "loongforge/launch/spawner.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "launch/child.h"
#include "launch/worker_set.h"
#include "loongforge/core/error.h"
#include "loongforge/launch/rank_env.h"

namespace loongforge::launch {
namespace {

void check(const SpawnOptions& options) {
  if (options.command.empty()) throw ConfigError("no worker program to start");
  if (options.workers < 1) throw ConfigError(fmt::format("{} workers a node makes no sense", options.workers));
  if (options.nodes < 1 || options.node_rank < 0 || options.node_rank >= options.nodes) {
    throw ConfigError(fmt::format("node {} of {} makes no sense", options.node_rank, options.nodes),
                      "--node-rank counts from 0 to --nnodes minus 1");
  }
  if (options.nodes > 1 && options.master_port == 0) {
    throw ConfigError("several nodes need one agreed port", "pass --master-port (the same on every node)");
  }
}

ChildImage image_of(const SpawnOptions& options, int local_rank, int attempt, int port) {
  RankEnv env;
  env.local_rank = local_rank;
  env.local_world_size = options.workers;
  env.rank = options.node_rank * options.workers + local_rank;
  env.world_size = options.nodes * options.workers;
  env.node_rank = options.node_rank;
  env.nodes = options.nodes;
  env.master_addr = options.master_addr;
  env.master_port = port;
  env.run_id = options.run_id;
  env.restart_count = attempt;
  env.max_restarts = options.max_restarts;
  auto variables = env.to_variables();
  for (const auto& [name, value] : options.environment) variables[name] = value;
  return {find_program(options.command[0]), options.command, environment_with(variables)};
}

}  // namespace

SpawnResult spawn_workers(const SpawnOptions& options) {
  check(options);
  SignalInbox inbox;
  SpawnResult result;
  for (int attempt = 0; attempt <= options.max_restarts; ++attempt) {
    const int port = options.master_port ? options.master_port : free_port();
    WorkerSet workers(options, inbox);
    for (int local = 0; local < options.workers; ++local) {
      const int rank = options.node_rank * options.workers + local;
      workers.start(image_of(options, local, attempt, port), rank, attempt);
    }
    result = workers.run();
    result.restarts = attempt;
    if (result.failed_rank < 0 || result.stopped) break;
  }
  return result;
}

int free_port() {
  Fd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (!probe || ::bind(probe.get(), generic, size) != 0 || ::getsockname(probe.get(), generic, &size) != 0) {
    throw ResourceError(fmt::format("cannot find a free port: {}", std::strerror(errno)));
  }
  return ntohs(address.sin_port);
}

}  // namespace loongforge::launch
