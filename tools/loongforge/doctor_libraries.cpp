// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "commands.h"
#include "doctor.h"
#include "loongforge/core/error.h"
#include "loongforge/core/machine.h"
#include "loongforge/core/plugin_folders.h"
#include "loongforge/core/text.h"
#include "loongforge/launch/capture.h"

namespace loongforge::tools {

namespace {

namespace fs = std::filesystem;

constexpr const char* kReinstall = "build or install again: tools/setup.sh, then cmake --build --preset release";

/// Plug-in libraries (liblf_*.so) where runs look for them.
Finding plugins() {
  std::set<std::string> names;
  for (const fs::path& folder : plugin_folders()) {
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      const std::string name = it->path().filename().string();
      if (name.starts_with("liblf_") && name.ends_with(".so")) names.insert(name.substr(6, name.size() - 9));
    }
  }
  return {"plug-ins", names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))};
}

Finding worker_failed(const launch::Captured& answer, double seconds) {
  Finding finding{"LibTorch", "", Health::problem, kReinstall};
  const std::string reason(trim(std::string_view(answer.err).substr(0, answer.err.find('\n'))));
  if (answer.timed_out) {
    finding.value = fmt::format("loongforge-worker gave no answer in {} s", seconds);
    finding.fix = "the disk or network file system that holds LibTorch may be slow; --timeout S waits longer";
  } else if (reason.empty()) {
    finding.value = fmt::format("loongforge-worker ended with code {}", answer.exit_code);
  } else {
    finding.value = reason;
  }
  return finding;
}

std::vector<Finding> from_worker(const Json& facts) {
  std::vector<Finding> findings = {
      {"LibTorch", fmt::format("{} in {}", facts.value("torch", "?"), facts.value("folder", "?"))}};
  findings.push_back({"threads", facts.value("threads", "?")});
  if (!facts.contains("cuda_failure")) return findings;
  const auto failure = facts.value("cuda_failure", "");
  findings.push_back({"CUDA libraries", failure.empty() ? fmt::format("CUDA {}", facts.value("cuda", "?")) : failure});
  if (!failure.empty()) {
    findings.back().health = Health::problem;
    findings.back().fix =
        "a GPU is there, but LibTorch's CUDA part can't load: install the nvidia-* packages that the torch wheel names";
  }
  return findings;
}

/// Of a driver that serves CUDA `driver`, for libraries of CUDA `library` ("12.8"): the same major version is enough.
bool serves(int driver_major, const std::string& library) { return std::atoi(library.c_str()) <= driver_major; }

}  // namespace

std::vector<Finding> examine_gpus(const std::string& torch_cuda) {
  std::error_code ignored;
  const GpuReport report = nvidia_gpus();
  const bool device_files = fs::exists("/dev/nvidia0", ignored) || fs::exists("/proc/driver/nvidia/version", ignored);
  if (report.driver.empty()) {
    if (!device_files && report.problem.empty()) return {{"GPU", "none"}};
    return {{"GPU", report.problem.empty() ? "a device, but no driver library (libnvidia-ml.so.1)" : report.problem,
             Health::problem,
             "in a container: docker run --gpus all with nvidia-container-toolkit; on the machine: install the NVIDIA "
             "driver"}};
  }
  std::vector<Finding> findings = {
      {"driver", fmt::format("{}, serves CUDA {}.{}", report.driver, report.cuda_major, report.cuda_minor)}};
  if (!torch_cuda.empty() && !serves(report.cuda_major, torch_cuda)) {
    findings[0].health = Health::problem;
    findings[0].fix = fmt::format("LibTorch was built with CUDA {}: update the driver, or use a LibTorch for CUDA {}",
                                  torch_cuda, report.cuda_major);
  }
  for (size_t i = 0; i < report.gpus.size(); ++i) {
    const auto& gpu = report.gpus[i];
    findings.push_back(
        {fmt::format("GPU {}", i), fmt::format("{}, sm_{}{}, {}, {} free", gpu.name, gpu.major, gpu.minor,
                                               format_bytes(gpu.total_memory), format_bytes(gpu.free_memory))});
    if (gpu.free_memory < gpu.total_memory / 2) {
      findings.back().health = Health::note;
      findings.back().fix =
          "another program holds its memory: nvidia-smi names it; CUDA_VISIBLE_DEVICES picks other devices";
    }
  }
  if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES"))
    findings.push_back({"visible", fmt::format("CUDA_VISIBLE_DEVICES={}", visible)});
  return findings;
}

std::vector<Finding> examine_libraries(double seconds, std::string& torch_cuda) {
  std::vector<Finding> findings = {plugins()};
  launch::Captured answer;
  try {
    answer = launch::run_captured({worker_program(), "about"},
                                  std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000)));
  } catch (const Error& error) {
    findings.push_back({"worker", error.what(), Health::problem, error.hint()});
    return findings;
  }
  const Json facts = Json::parse(answer.out, nullptr, /*allow_exceptions=*/false);
  if (answer.exit_code != 0 || !facts.is_object()) {
    findings.push_back(worker_failed(answer, seconds));
    return findings;
  }
  torch_cuda = facts.value("cuda", "");
  for (auto& finding : from_worker(facts)) findings.push_back(std::move(finding));
  return findings;
}

}  // namespace loongforge::tools
