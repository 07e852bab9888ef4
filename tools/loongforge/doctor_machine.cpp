// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <langinfo.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

#include "doctor.h"
#include "loongforge/core/machine.h"
#include "loongforge/core/text.h"
#include "loongforge/spec/model_path.h"

namespace loongforge::tools {

namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMiB = uint64_t{1} << 20, kGiB = uint64_t{1} << 30;

/// The text after `key` and its separator in the first line of `path` that begins with it.
std::string line_of(const char* path, std::string_view key, char separator) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    std::string value(trim(std::string_view(line).substr(line.find(separator) + 1)));
    std::erase(value, '"');
    return value;
  }
  return "";
}

Finding system() {
  utsname name{};
  ::uname(&name);
  const std::string libc = gnu_get_libc_version();
  Finding finding{"system", fmt::format("{}, Linux {}, glibc {}", line_of("/etc/os-release", "PRETTY_NAME", '='),
                                        name.release, libc)};
  int major = 0, minor = 0;
  char dot = 0;
  std::istringstream(libc) >> major >> dot >> minor;
  constexpr int kOldest = 28;  // the wheels of LibTorch are manylinux_2_28
  if (major == 2 && minor < kOldest) {
    finding.health = Health::problem;
    finding.fix = "LibTorch needs glibc 2.28 or newer: use Debian 12, Ubuntu 24.04 or a container of one";
  }
  return finding;
}

Finding cores() {
  const auto present = ::sysconf(_SC_NPROCESSORS_ONLN);
  const int usable = usable_cores();
  Finding finding{"cores", fmt::format("{} of {} ({})", usable, present, line_of("/proc/cpuinfo", "model name", ':'))};
  if (usable < present) {
    finding.health = Health::note;
    finding.fix =
        "affinity or a quota of the control group holds the rest back (docker run --cpus, taskset, a job's cores)";
  }
  return finding;
}

Finding instruction_sets() {
  std::istringstream words(line_of("/proc/cpuinfo", "flags", ':'));
  const std::set<std::string> flags{std::istream_iterator<std::string>(words), {}};
  std::string list;
  for (const char* name :
       {"avx2", "fma", "f16c", "avx512f", "avx512vl", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8"}) {
    if (flags.contains(name)) list += (list.empty() ? "" : " ") + std::string(name);
  }
  Finding finding{"instructions", list.empty() ? "none of AVX2, AVX-512, AMX" : list};
#if defined(__x86_64__)
  if (!flags.contains("avx2")) {
    finding.health = Health::note;
    finding.fix = "matrix products are several times slower without AVX2; a virtual machine may hide it (cpu=host)";
  } else if (!flags.contains("avx512_bf16") && !flags.contains("amx_bf16")) {
    finding.value += " (bf16 is computed by conversion: fp32 is faster here)";
  }
#endif
  return finding;
}

Finding memory() {
  const HostMemory memory = host_memory();
  Finding finding{"memory", fmt::format("{}, {} free{}", format_bytes(memory.total), format_bytes(memory.available),
                                        memory.limited ? " (limit of the control group)" : "")};
  if (memory.available < 2 * kGiB) {
    finding.health = Health::note;
    finding.fix = "less than 2 GiB are free: close programs, or raise the limit (docker run --memory)";
  }
  return finding;
}

std::optional<uint64_t> free_bytes(const fs::path& folder) {
  struct statvfs stat {};
  if (::statvfs(folder.c_str(), &stat) != 0) return std::nullopt;
  return static_cast<uint64_t>(stat.f_bavail) * stat.f_frsize;
}

Finding shared_memory() {
  const auto free = free_bytes("/dev/shm");
  if (!free)
    return {"shared memory", "/dev/shm is not there", Health::problem, "mount it: mount -t tmpfs tmpfs /dev/shm"};
  Finding finding{"shared memory", format_bytes(*free) + " free in /dev/shm"};
  if (*free < 64 * kMiB) {
    finding.health = Health::note;
    finding.fix = "several ranks want more: docker run --shm-size=1g, or mount -o remount,size=1g /dev/shm";
  }
  return finding;
}

Finding open_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  Finding finding{"open files", limit.rlim_cur == RLIM_INFINITY ? "unlimited" : fmt::format("{}", limit.rlim_cur)};
  constexpr rlim_t kEnough = 1024, kWanted = 65536;
  if (limit.rlim_cur < kEnough) {
    finding.health = Health::note;
    finding.fix = fmt::format("many shards and ranks need more: ulimit -n {}", std::min(limit.rlim_max, kWanted));
  }
  return finding;
}

Finding processes() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NPROC, &limit);
  Finding finding{"processes", limit.rlim_cur == RLIM_INFINITY ? "unlimited" : fmt::format("{}", limit.rlim_cur)};
  constexpr rlim_t kEnough = 256;
  if (limit.rlim_cur < kEnough) {
    finding.health = Health::note;
    finding.fix = "ranks and their threads count against it: ulimit -u 4096";
  }
  return finding;
}

Finding locale() {
  std::setlocale(LC_ALL, "");
  const std::string codeset = ::nl_langinfo(CODESET);
  std::setlocale(LC_ALL, "C");
  Finding finding{"locale", codeset};
  if (codeset != "UTF-8") {
    finding.health = Health::note;
    finding.fix =
        "messages are UTF-8, your terminal may garble them: export LANG=C.UTF-8 (files are UTF-8 in any locale)";
  }
  return finding;
}

/// The nearest folder on the way up that is there.
fs::path existing(fs::path folder) {
  std::error_code ignored;
  while (!fs::is_directory(folder, ignored) && folder.has_relative_path()) folder = folder.parent_path();
  return folder;
}

Finding writable(const std::string& name, const fs::path& folder, uint64_t wanted, const std::string& other) {
  const fs::path place = existing(fs::absolute(folder));
  Finding finding{name, folder.string()};
  if (::access(place.c_str(), W_OK | X_OK) != 0) {
    finding.health = Health::problem;
    finding.value += " is not writable";
    finding.fix = other;
    return finding;
  }
  const uint64_t free = free_bytes(place).value_or(0);
  finding.value += fmt::format(", {} free", format_bytes(free));
  if (free < wanted) {
    finding.health = Health::note;
    finding.fix = fmt::format("checkpoints and data may not fit: free some space, or {}", other);
  }
  return finding;
}

Finding hub() {
  const fs::path cache = spec::hub_cache();
  std::error_code error;
  int models = 0;
  for (fs::directory_iterator it(cache, error), end; !error && it != end; it.increment(error)) {
    models += it->path().filename().string().starts_with("models--") ? 1 : 0;
  }
  return {"hub cache", fmt::format("{}, {} model{}", cache.string(), models, models == 1 ? "" : "s")};
}

}  // namespace

std::vector<Finding> examine_machine() {
  return {system(), cores(), instruction_sets(), memory(), shared_memory(), open_files(), processes(), locale()};
}

std::vector<Finding> examine_folders() {
  return {writable("runs", "runs", 5 * kGiB, "set run.output_dir to another disk"),
          writable("temporary", fs::temp_directory_path(), kGiB, "set TMPDIR to another disk"), hub()};
}

}  // namespace loongforge::tools
