// SPDX-License-Identifier: Apache-2.0
#include "loongforge/telemetry/step_line.h"

#include <fmt/chrono.h>
#include <sys/resource.h>

#include <algorithm>
#include <ctime>

#include "loongforge/core/text.h"

namespace loongforge::telemetry {

std::string step_line(const StepNumbers& n) {
  const double seconds = std::max(n.seconds, 1e-9);
  std::string line = fmt::format("step {}/{} | loss {:.4f} | grad_norm {:.3f} | lr {:.2e} | {} {}/s | {:.3f} s", n.step,
                                 n.total_steps, n.loss, n.grad_norm, n.lr, format_count(n.units / seconds), n.unit,
                                 n.seconds);
  if (n.predicted_seconds) line += fmt::format(" (pred {:.3f})", *n.predicted_seconds);
  if (n.gemm_share) line += fmt::format(" | {:.0f}% of GEMM limit", 100 * *n.gemm_share);
  if (n.mfu) line += fmt::format(" | mfu {:.0f}%", 100 * *n.mfu);
  line += fmt::format(" | data {:.0f}% | mem {} | eta {}", 100 * n.data_seconds / seconds,
                      format_bytes(static_cast<uint64_t>(n.memory_bytes)), format_duration(n.eta_seconds));
  if (n.skipped) line += " | skipped";
  return line;
}

std::string megatron_line(const StepNumbers& n) {
  return fmt::format(
      " [{:%Y-%m-%d %H:%M:%S}] iteration {:8}/{:8} | consumed samples: {:12} | elapsed time per iteration (ms): {:.1f} | "
      "learning rate: {:.6E} | global batch size: {:5} | lm loss: {:.6E} | loss scale: 1.0 | grad norm: {:.3f} | "
      "number of skipped iterations: {:3} | number of nan iterations:   0 |",
      fmt::localtime(std::time(nullptr)), n.step, n.total_steps, n.consumed_samples, 1000 * n.seconds, n.lr,
      n.global_batch_size, n.loss, n.grad_norm, n.skipped ? 1 : 0);
}

uint64_t peak_memory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace loongforge::telemetry
