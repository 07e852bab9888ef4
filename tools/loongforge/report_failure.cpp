// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <stdexcept>
#include <string_view>
#include <typeinfo>

#include "commands.h"
#include "loongforge/core/error.h"

namespace loongforge::tools {

namespace {

/// Names in damaged files may hold anything; a message shall neither end early nor play with the terminal.
std::string printable(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool control = static_cast<unsigned char>(c) < 0x20 && c != '\n';
    out += control ? fmt::format("\\x{:02x}", static_cast<unsigned char>(c)) : std::string(1, c);
  }
  return out;
}

void print(const std::string& what, const std::string& hint) {
  std::fprintf(stderr, "error: %s\nhint: %s\n", printable(what).c_str(), printable(hint).c_str());
}

/// For errors that were thrown without advice of their own.
const char* general_hint(ExitCode code) {
  switch (code) {
    case ExitCode::usage: return "see `loongforge COMMAND --help`; every configuration field: loongforge train --help-config";
    case ExitCode::data: return "the data is damaged or of another kind: check the path, or make it again";
    case ExitCode::checkpoint: return "the model or checkpoint is damaged or incomplete: copy it again, or name another";
    case ExitCode::comm: return "see the other ranks' messages (--log-dir keeps them)";
    case ExitCode::numerics: return "look at the data and the learning rate of the last steps";
    case ExitCode::resource: return "free some of what is named, or give the run less to do";
    case ExitCode::ok: break;
  }
  return "";
}

/// LibTorch tells of memory that the system refused in the text of a general error only.
bool is_out_of_memory(const std::exception& failure) {
  return dynamic_cast<const std::bad_alloc*>(&failure) || dynamic_cast<const std::length_error*>(&failure) ||
         std::string_view(failure.what()).find("can't allocate memory") != std::string_view::npos;
}

/// The first line: what libraries throw may carry a stack below it.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

int report_failure(const std::exception& failure) {
  if (std::getenv("LOONGFORGE_BACKTRACE")) {
    std::fprintf(stderr, "%s: %s\n", typeid(failure).name(), failure.what());
  }
  if (const auto* known = dynamic_cast<const Error*>(&failure)) {
    print(known->what(), known->hint().empty() ? general_hint(known->code()) : known->hint());
    return static_cast<int>(known->code());
  }
  if (is_out_of_memory(failure)) {
    print("out of memory", "use a smaller train.micro_batch_size, memory.recompute=full, more ranks with parallel.zero=3, "
                           "or a smaller model");
    return static_cast<int>(ExitCode::resource);
  }
  if (const auto* files = dynamic_cast<const std::filesystem::filesystem_error*>(&failure)) {
    print(fmt::format("cannot use {}: {}", files->path1().string(), files->code().message()), "check the path");
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
