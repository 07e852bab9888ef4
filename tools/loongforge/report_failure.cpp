// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <new>
#include <typeinfo>

#include "commands.h"
#include "loongforge/core/error.h"

namespace loongforge::tools {

namespace {

void print(const std::string& what, const std::string& hint) {
  std::fprintf(stderr, "error: %s\n", what.c_str());
  if (!hint.empty()) std::fprintf(stderr, "hint: %s\n", hint.c_str());
}

/// The first line: what libraries throw may carry a stack below it.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

int report_failure(const std::exception& failure) {
  if (std::getenv("LOONGFORGE_BACKTRACE")) {
    std::fprintf(stderr, "%s: %s\n", typeid(failure).name(), failure.what());
  }
  if (const auto* known = dynamic_cast<const Error*>(&failure)) {
    print(known->what(), known->hint());
    return static_cast<int>(known->code());
  }
  if (dynamic_cast<const std::bad_alloc*>(&failure)) {
    print("out of memory", "use a smaller train.micro_batch_size, train.recompute=full, or a smaller model");
    return static_cast<int>(ExitCode::resource);
  }
  print(first_line(failure.what()),
        "this looks like a defect of LoongForge; LOONGFORGE_BACKTRACE=1 shows more, please report it");
  return 1;
}

int guarded(int (*body)(const Args&), const Args& args) {
  try {
    return body(args);
  } catch (const std::exception& failure) {
    return report_failure(failure);
  }
}

}  // namespace loongforge::tools
