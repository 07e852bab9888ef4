// SPDX-License-Identifier: Apache-2.0
#include "loongforge/telemetry/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

namespace loongforge::telemetry {
namespace {

constexpr const char* kWipe = "\r\x1b[K";
constexpr std::chrono::milliseconds kInterval{100};

size_t columns(std::FILE* out) {
  winsize size{};
  return ::ioctl(::fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : std::string::npos;
}

}  // namespace

Progress::Progress(std::FILE* out) : out_(out), terminal_(::isatty(::fileno(out)) != 0) {}

Progress::~Progress() {
  if (open_) std::fputc('\n', out_);
  std::fflush(out_);
}

void Progress::keep(const std::string& line) {
  if (open_) std::fputs(kWipe, out_);
  open_ = false;
  std::fputs(line.c_str(), out_);
  std::fputc('\n', out_);
  std::fflush(out_);
}

void Progress::show(const std::string& line) {
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || (shown_.time_since_epoch().count() != 0 && now - shown_ < kInterval)) return;
  shown_ = now;
  open_ = true;
  // One column less: some terminals wrap after the last one.
  const size_t width = columns(out_);
  std::fputs(kWipe, out_);
  std::fwrite(line.data(), 1, std::min(line.size(), width == std::string::npos ? width : width - 1), out_);
  std::fflush(out_);
}

}  // namespace loongforge::telemetry
