// SPDX-License-Identifier: Apache-2.0
// Which instruction set's kernels this process uses.
#pragma once
#include <string_view>
#include <vector>

#include "kernels/cpu/table.h"

namespace loongforge::cpu {

/// Sets that were built and that this CPU and operating system can run, best first.
std::vector<const KernelTable*> usable_tables();

/// The table named `wanted`, or the best one for an empty name. ConfigError for a name that is unknown or can't run
/// here.
const KernelTable& choose_table(std::string_view wanted);

/// The table that the process uses: the one LOONGFORGE_CPU_ISA names, else the best. Chosen at the first call.
const KernelTable& kernels();

/// Whether this machine multiplies pairs of bf16 faster than the floats they widen to. Intel's cores don't outside of
/// AMX: Emerald Rapids ends a vector of pairs every two cycles, and two vectors of floats every cycle.
bool fast_bf16_pairs();

/// Whether operations may call kernels(): false inside a KernelScope of none.
bool kernels_in_use();

/// Makes kernels() another table for a scope, or with null leaves operations to their references. For the whole process: for
/// tests and measurements.
class KernelScope {
 public:
  explicit KernelScope(const KernelTable* table);
  ~KernelScope();
  KernelScope(const KernelScope&) = delete;
  KernelScope& operator=(const KernelScope&) = delete;

 private:
  const KernelTable* before_;
  bool in_use_before_;
};

}  // namespace loongforge::cpu
