// SPDX-License-Identifier: Apache-2.0
// Starts the ranks of one node as child processes and keeps them to one fate.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace loongforge::launch {

/// Which ranks' streams to copy to the launcher's own besides the log (torchrun's --tee).
enum class Tee : uint8_t { none, out, err, both };

struct SpawnOptions {
  std::vector<std::string> command;  ///< program and arguments; a bare program name is looked up in PATH
  int workers = 1;                   ///< processes on this node
  int nodes = 1, node_rank = 0;
  std::string master_addr = "127.0.0.1";
  int master_port = 0;               ///< 0: a free one (one node only)
  std::string run_id = "none";
  int max_restarts = 0;              ///< times that all workers are started anew after a failure
  std::string log_dir;               ///< with it, rank r writes log_dir/attempt_<k>/<r>/{stdout,stderr}.log
  Tee tee = Tee::none;               ///< what is also shown, lines marked "[rank r] "; only with log_dir
  std::map<std::string, std::string> environment;  ///< added to (or replacing) the launcher's own
  std::chrono::milliseconds grace{600000};         ///< after a request to stop, for the workers to save
  std::chrono::milliseconds failure_grace{30000};  ///< after a worker failed, when the others can't save any more
};

struct SpawnResult {
  int exit_code = 0;      ///< 0, or that of the first rank to fail (128+n: ended by signal n)
  int failed_rank = -1;   ///< which; -1: none
  std::string reason;     ///< "rank 2 exited with code 5", "rank 1 was killed by signal 9 (Killed)"
  int restarts = 0;
  bool stopped = false;   ///< the launcher itself was asked to stop by a signal, which the workers have received
};

/// Runs the workers to their end. SIGINT, SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 sent to the launcher go to every worker; all but
/// SIGUSR2 are requests to stop: workers still running after `grace` get SIGKILL, and none is started anew. When one worker
/// fails the others, with all their descendants in the worker's process group, get SIGTERM and after `failure_grace` SIGKILL. Workers die with the launcher, however it ends.
/// Call it from the main thread of a process with one thread. Throws ConfigError when the program can't be found or the options
/// make no sense, ResourceError when processes, pipes or logs can't be made.
SpawnResult spawn_workers(const SpawnOptions& options);

/// A TCP port of the loopback interface that nobody listens on now.
int free_port();

}  // namespace loongforge::launch
