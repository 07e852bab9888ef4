// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "commands.h"
#include "loongforge/core/error.h"

namespace loongforge::tools {

std::string worker_program() {
  namespace fs = std::filesystem;
  const fs::path here = fs::read_symlink("/proc/self/exe").parent_path();
  for (const fs::path& candidate : {here / "loongforge-worker", here.parent_path() / "libexec" / "loongforge-worker"}) {
    if (fs::exists(candidate)) return candidate.string();
  }
  throw ResourceError(fmt::format("loongforge-worker is neither in {} nor in ../libexec", here.string()),
                      "build or install it together with loongforge: cmake --build --preset release");
}

int worker_command(const char* name, const Args& args) {
  const std::string program = worker_program();
  std::vector<char*> argv{const_cast<char*>(program.c_str()), const_cast<char*>(name)};
  for (const auto& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  throw ResourceError(fmt::format("cannot start {}: {}", program, std::strerror(errno)), "reinstall loongforge");
}

}  // namespace loongforge::tools
