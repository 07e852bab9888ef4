// SPDX-License-Identifier: Apache-2.0
#include "loongforge/platform/runtime.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/AutogradState.h>
#include <malloc.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <string>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "loongforge/core/error.h"
#include "loongforge/core/machine.h"

namespace loongforge::platform {
namespace {

std::mutex g_mutex;
std::optional<RuntimeOptions> g_options;

// Flush-to-zero (bit 15) and denormals-are-zero (bit 6) of MXCSR.
constexpr unsigned kFlushBits = 0x8040;

unsigned float_mode() {
#if defined(__SSE2__)
  return _mm_getcsr();
#else
  return 0;
#endif
}

void set_float_mode([[maybe_unused]] unsigned mode) {
#if defined(__SSE2__)
  _mm_setcsr(mode);
#endif
}

bool flush_denormals_wanted() {
  std::lock_guard lock(g_mutex);
  return g_options && g_options->flush_denormals;
}

void keep_freed_memory() {
#if defined(__GLIBC__)
  constexpr int kKeepBytes = 1 << 30;
  mallopt(M_MMAP_THRESHOLD, kKeepBytes);
  mallopt(M_TRIM_THRESHOLD, kKeepBytes);
#endif
}

void set_autograd_multithreading(bool enabled) {
  c10::AutogradState::get_tls_state().set_multithreading_enabled(enabled);
}

}  // namespace

void init_runtime(const RuntimeOptions& options) {
  RuntimeOptions wanted = options;
  if (wanted.threads == 0) wanted.threads = usable_cores();
  {
    std::lock_guard lock(g_mutex);
    if (g_options) {
      const bool same = g_options->threads == wanted.threads && g_options->deterministic == wanted.deterministic &&
                        g_options->flush_denormals == wanted.flush_denormals;
      if (same) return;
      throw ConfigError("the runtime is initialised already, with other settings", "set it up once a process");
    }
    g_options = wanted;
  }
  keep_freed_memory();
  at::set_num_threads(wanted.threads);
  at::globalContext().setDeterministicAlgorithms(wanted.deterministic, /*warn_only=*/false);
  at::globalContext().setDeterministicFillUninitializedMemory(false);
  set_autograd_multithreading(false);
  if (wanted.flush_denormals) set_float_mode(float_mode() | kFlushBits);
}

bool runtime_initialised() {
  std::lock_guard lock(g_mutex);
  return g_options.has_value();
}

IntraOpThreads::IntraOpThreads(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
IntraOpThreads::~IntraOpThreads() { at::set_num_threads(before_); }

RankThread::RankThread()
    : multithreading_before_(c10::AutogradState::get_tls_state().get_multithreading_enabled()),
      float_mode_before_(float_mode()) {
  set_autograd_multithreading(false);
  if (flush_denormals_wanted()) set_float_mode(float_mode() | kFlushBits);
}

RankThread::~RankThread() {
  set_autograd_multithreading(multithreading_before_);
  set_float_mode(float_mode_before_);
}

}  // namespace loongforge::platform
