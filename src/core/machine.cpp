// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/machine.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "loongforge/core/text.h"

namespace loongforge {
namespace {

namespace fs = std::filesystem;

constexpr double kNoLimit = 0x1p60;  // v1 writes a number near 2^63 for "none"

std::optional<double> number_in(const fs::path& path) {
  std::ifstream file(path);
  double value = 0;
  if (!(file >> value)) return std::nullopt;
  return value;
}

/// The value after `key` in a file of "key value" lines ("MemTotal:  16 kB" too).
std::optional<double> value_of(const fs::path& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    double value = 0;
    if (words >> name >> value && name == key) return value;
  }
  return std::nullopt;
}

/// This process's folders in the hierarchy of `controller` ("" for v2), from its own up to the root.
std::vector<fs::path> group_folders(const fs::path& proc, const fs::path& root, const std::string& controller) {
  std::ifstream file(proc / "self" / "cgroup");
  std::vector<fs::path> folders;
  for (std::string line; std::getline(file, line);) {
    const auto parts = split(line, ':');
    if (parts.size() < 3) continue;
    const auto controllers = split(parts[1], ',');
    if (std::find(controllers.begin(), controllers.end(), controller) == controllers.end()) continue;
    if (!parts[2].starts_with("/")) continue;
    for (fs::path path(parts[2].substr(1)); !path.empty(); path = path.parent_path()) {
      folders.push_back(root / path);
    }
  }
  folders.push_back(root);
  return folders;
}

std::optional<double> quota_cores() {
  std::optional<double> least;
  const auto take = [&](double quota, double period) {
    if (quota > 0 && period > 0) least = std::min(least.value_or(kNoLimit), quota / period);
  };
  for (const auto& folder : group_folders("/proc", "/sys/fs/cgroup", "")) {
    std::ifstream file(folder / "cpu.max");
    double quota = 0, period = 0;
    if (file >> quota >> period) take(quota, period);
  }
  for (const auto& folder : group_folders("/proc", "/sys/fs/cgroup/cpu", "cpu")) {
    take(number_in(folder / "cpu.cfs_quota_us").value_or(0), number_in(folder / "cpu.cfs_period_us").value_or(0));
  }
  return least;
}

struct GroupUse {
  double limit, used;  // bytes; `used` without what the kernel can drop
};

void limit_by(const std::vector<fs::path>& folders, const char* limit_file, const char* use_file, const char* prefix,
              std::vector<GroupUse>& uses) {
  for (const auto& folder : folders) {
    const auto limit = number_in(folder / limit_file), used = number_in(folder / use_file);
    if (!limit || !used || *limit >= kNoLimit) continue;
    const auto cached = [&](const char* key) {
      return value_of(folder / "memory.stat", std::string(prefix) + key).value_or(0);
    };
    uses.push_back({*limit, std::max(0.0, *used - cached("inactive_file") - cached("active_file"))});
  }
}

}  // namespace

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int cores = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  const auto quota = quota_cores();
  return std::max(1, quota ? std::min(cores, static_cast<int>(std::ceil(*quota))) : cores);
}

HostMemory host_memory(const std::string& proc, const std::string& cgroup) {
  constexpr double kKiB = 1024;
  const fs::path meminfo = fs::path(proc) / "meminfo";
  double total = value_of(meminfo, "MemTotal:").value_or(0) * kKiB;
  double available = value_of(meminfo, "MemAvailable:").value_or(0) * kKiB;
  std::vector<GroupUse> uses;
  limit_by(group_folders(proc, cgroup, ""), "memory.max", "memory.current", "", uses);
  limit_by(group_folders(proc, fs::path(cgroup) / "memory", "memory"), "memory.limit_in_bytes", "memory.usage_in_bytes",
           "total_", uses);
  bool limited = false;
  for (const auto& use : uses) {
    const double left = std::max(0.0, use.limit - use.used);
    if (use.limit < total || left < available) limited = true;
    total = std::min(total, use.limit);
    available = std::min(available, left);
  }
  return {static_cast<uint64_t>(total), static_cast<uint64_t>(available), limited};
}

}  // namespace loongforge
