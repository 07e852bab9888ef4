// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/dispatch.h"

#include <fmt/ranges.h>

#include <atomic>
#include <cstdlib>

#include "loongforge/core/error.h"

namespace loongforge::cpu {
namespace portable {
extern const KernelTable kernel_table;
}
#if defined(__x86_64__)
namespace avx2 {
extern const KernelTable kernel_table;
}
namespace avx512 {
extern const KernelTable kernel_table;
}
namespace avx512_bf16 {
extern const KernelTable kernel_table;
}
#endif

std::vector<const KernelTable*> usable_tables() {
  std::vector<const KernelTable*> tables;
#if defined(__x86_64__)
  // The built-in asks the operating system too, whether it saves the wide registers.
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  if (v4 && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vbmi")) {
    tables.push_back(&avx512_bf16::kernel_table);
  }
  if (v4) tables.push_back(&avx512::kernel_table);
  if (v3) tables.push_back(&avx2::kernel_table);
#endif
  tables.push_back(&portable::kernel_table);
  return tables;
}

const KernelTable& choose_table(std::string_view wanted) {
  const std::vector<const KernelTable*> tables = usable_tables();
  if (wanted.empty()) return *tables.front();
  std::vector<std::string_view> names;
  for (const KernelTable* table : tables) {
    if (wanted == table->isa) return *table;
    names.emplace_back(table->isa);
  }
  throw ConfigError(fmt::format("no CPU kernels for instruction set `{}` (LOONGFORGE_CPU_ISA)", wanted),
                    fmt::format("this machine runs: {}; unset the variable for the best", fmt::join(names, ", ")));
}

namespace {
std::atomic<const KernelTable*> g_table{nullptr};  // null: not chosen yet
std::atomic<bool> g_in_use{true};
}  // namespace

const KernelTable& kernels() {
  const KernelTable* table = g_table.load(std::memory_order_acquire);
  if (!table) {
    const char* wanted = std::getenv("LOONGFORGE_CPU_ISA");
    table = &choose_table(wanted ? wanted : "");
    g_table.store(table, std::memory_order_release);
  }
  return *table;
}

bool fast_bf16_pairs() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") && !__builtin_cpu_is("intel");
#else
  return false;
#endif
}

bool kernels_in_use() { return g_in_use.load(std::memory_order_relaxed); }

KernelScope::KernelScope(const KernelTable* table) : before_(&kernels()), in_use_before_(kernels_in_use()) {
  if (table) g_table = table;
  g_in_use = table != nullptr;
}
KernelScope::~KernelScope() {
  g_table = before_;
  g_in_use = in_use_before_;
}

}  // namespace loongforge::cpu
