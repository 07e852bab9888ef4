// SPDX-License-Identifier: Apache-2.0
// `loongforge doctor`: what this machine has, and what to do about what it lacks.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli.h"
#include "commands.h"
#include "doctor.h"
#include "loongforge/core/error.h"
#include "loongforge/core/json.h"

namespace loongforge::tools {

namespace {

struct DoctorOptions {
  bool json = false, offline = false;
  double timeout = 10;
};

void declare(CLI::App& app, DoctorOptions& options) {
  app.description(
      "Looks at this machine as a run would: system, cores, instruction sets, memory, limits, folders, LibTorch, "
      "driver and "
      "devices. Says what is in the way and what to do. Exit code 0: runs can start here; 7: something must be "
      "mended.");
  app.add_flag("--json", options.json, "one JSON object instead of the table");
  app.add_flag("--no-worker,--no_worker", options.offline, "don't start loongforge-worker to ask about LibTorch");
  both(app, "timeout", options.timeout, "seconds to wait for loongforge-worker")->check(CLI::Range(0.1, 600.0));
  set_usage(app, "", "loongforge doctor\nloongforge doctor --json --no-worker");
}

const char* mark(Health health) {
  switch (health) {
    case Health::good:
      return "ok  ";
    case Health::note:
      return "note";
    case Health::problem:
      break;
  }
  return "BAD ";
}

void print(const std::vector<Finding>& findings) {
  for (const auto& finding : findings) {
    std::printf("%s  %-14s %s\n", mark(finding.health), finding.name.c_str(), finding.value.c_str());
    if (!finding.fix.empty()) std::printf("      %-14s -> %s\n", "", finding.fix.c_str());
  }
}

void print_json(const std::vector<Finding>& findings, bool good) {
  Json list = Json::array();
  for (const auto& finding : findings) {
    const char* health = finding.health == Health::good ? "ok" : finding.health == Health::note ? "note" : "problem";
    list.push_back({{"name", finding.name}, {"value", finding.value}, {"health", health}, {"fix", finding.fix}});
  }
  std::puts(Json({{"ok", good}, {"version", LF_VERSION}, {"findings", list}}).dump(1).c_str());
}

}  // namespace

void declare_doctor(CLI::App& app) {
  static DoctorOptions options;
  declare(app, options);
}

int doctor_command(const Args& args) {
  DoctorOptions options;
  CLI::App app("", "loongforge doctor");
  declare(app, options);
  if (parse_or_help(app, args)) return 0;
  std::string torch_cuda;
  std::vector<Finding> findings = examine_machine();
  const auto append = [&](std::vector<Finding> more) {
    findings.insert(findings.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  append(examine_folders());
  if (!options.offline) append(examine_libraries(options.timeout, torch_cuda));
  append(examine_gpus(torch_cuda));
  const bool good =
      std::none_of(findings.begin(), findings.end(), [](const auto& f) { return f.health == Health::problem; });
  options.json ? print_json(findings, good) : print(findings);
  if (!options.json)
    std::puts(good ? "\nruns can start here" : "\nruns will fail here until what is marked BAD is mended");
  return good ? 0 : static_cast<int>(ExitCode::resource);
}

}  // namespace loongforge::tools
