// SPDX-License-Identifier: Apache-2.0
// `loongforge-worker about`: facts about the LibTorch that it runs on, as JSON, for `loongforge doctor`.
#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <torch/headeronly/version.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "loongforge/core/json.h"
#include "worker.h"

namespace loongforge::tools {

namespace {

namespace fs = std::filesystem;

/// Folder of the loaded LibTorch (…/torch).
fs::path torch_folder() {
  Dl_info info{};
  std::error_code ignored;
  if (!::dladdr(reinterpret_cast<const void*>(&at::get_parallel_info), &info) || !info.dli_fname) return {};
  return fs::weakly_canonical(info.dli_fname, ignored).parent_path().parent_path();
}

/// "13.0", the CUDA that a wheel was built with; "" for CPU builds and LibTorch without Python files.
std::string built_with_cuda(const fs::path& folder) {
  std::ifstream file(folder / "version.py");
  for (std::string line; std::getline(file, line);) {
    const size_t equals = line.find('=');
    if (!line.starts_with("cuda") || equals == std::string::npos) continue;
    const size_t open = line.find('\'', equals);
    if (open == std::string::npos) return "";
    return line.substr(open + 1, line.find('\'', open + 1) - open - 1);
  }
  return "";
}

/// Why `library` can't be loaded; "" when it can.
std::string load_failure(const std::string& library) {
  if (::dlopen(library.c_str(), RTLD_LAZY | RTLD_LOCAL) != nullptr) return "";
  const char* reason = ::dlerror();
  return reason ? reason : "unknown";
}

}  // namespace

int about_worker(const Args&) {
  const fs::path folder = torch_folder();
  const std::string cuda = built_with_cuda(folder);
  Json facts = {{"torch", TORCH_VERSION},
                {"folder", folder.string()},
                {"cuda", cuda},
                {"threads", std::to_string(at::get_num_threads()) + " intra-op"}};
  // Without a driver nobody needs them.
  if (!cuda.empty() && load_failure("libcuda.so.1").empty()) {
    facts["cuda_failure"] = load_failure((folder / "lib" / "libtorch_cuda.so").string());
  }
  std::puts(facts.dump().c_str());
  return 0;
}

}  // namespace loongforge::tools
