// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/plugin_folders.h"

#include <dlfcn.h>

#include <cstdlib>

namespace loongforge {

std::vector<std::filesystem::path> plugin_folders() {
  namespace fs = std::filesystem;
  std::vector<fs::path> folders;
  if (const char* path = std::getenv("LOONGFORGE_PLUGIN_PATH")) folders.emplace_back(path);
  Dl_info info{};
  if (::dladdr(reinterpret_cast<void*>(&plugin_folders), &info) && info.dli_fname) {
    folders.push_back(fs::absolute(info.dli_fname).parent_path());
  }
  const fs::path program = fs::read_symlink("/proc/self/exe").parent_path();
  folders.push_back(program);
  folders.push_back(program.parent_path() / "lib");
  return folders;
}

}  // namespace loongforge
