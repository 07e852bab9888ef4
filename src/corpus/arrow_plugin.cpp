// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>

#include "loongforge/core/error.h"
#include "loongforge/core/plugin_folders.h"
#include "readers.h"

namespace loongforge::corpus {

namespace {

namespace fs = std::filesystem;
using Open = RecordReader* (*)(const char* path);

Open load() {
  std::string failure = "liblf_arrow.so is not installed";
  for (const auto& folder : plugin_folders()) {
    const fs::path file = folder / "liblf_arrow.so";
    if (!fs::exists(file)) continue;
    if (void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
      if (auto open = reinterpret_cast<Open>(::dlsym(library, "lf_open_arrow"))) return open;
    }
    failure = ::dlerror();
    break;
  }
  throw ResourceError(
      fmt::format("Parquet and Arrow files can't be read here: {}", failure),
      "run tools/setup.sh --arrow and build again, or turn the file into JSONL (datasets: ds.to_json(\"data.jsonl\"))");
}

}  // namespace

std::unique_ptr<RecordReader> open_arrow(const fs::path& path) {
  static const Open open = load();
  return std::unique_ptr<RecordReader>(open(path.c_str()));
}

}  // namespace loongforge::corpus
