// SPDX-License-Identifier: Apache-2.0
// Process-wide settings, made once, and the per-thread settings of a rank.
#pragma once
#include <cstdint>

namespace loongforge::platform {

struct RuntimeOptions {
  int threads = 0;             ///< intra-op threads of a process rank; 0: the cores it may use
  bool deterministic = true;   ///< only kernels that give the same bits each time; an op without one throws
  bool flush_denormals = true; ///< treat denormal floats as zero on rank threads
};

/// Sets the process up; the first call wins and later calls with other values throw ConfigError. Also makes the
/// calling thread a rank thread for the rest of its life. With glibc, big blocks are kept by malloc for reuse instead
/// of going back to the kernel, which costs page faults every step.
void init_runtime(const RuntimeOptions& options);

/// Whether init_runtime has been called.
bool runtime_initialised();

/// Sets the calling thread's intra-op thread count, and restores it. Rank threads use 1.
class IntraOpThreads {
 public:
  explicit IntraOpThreads(int count);
  ~IntraOpThreads();
  IntraOpThreads(const IntraOpThreads&) = delete;
  IntraOpThreads& operator=(const IntraOpThreads&) = delete;

 private:
  int before_;
};

/// Makes the calling thread one that may run a rank: autograd runs its backward on this very thread (no engine
/// threads), denormals by the process's policy. Restored at the end of the scope.
class RankThread {
 public:
  RankThread();
  ~RankThread();
  RankThread(const RankThread&) = delete;
  RankThread& operator=(const RankThread&) = delete;

 private:
  bool multithreading_before_;
  unsigned float_mode_before_;
};

}  // namespace loongforge::platform
