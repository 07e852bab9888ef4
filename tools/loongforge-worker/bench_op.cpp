// SPDX-License-Identifier: Apache-2.0
// `loongforge bench op`: each operation's own kernel against its reference, in alternation.
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>

#include "kernels/cpu/dispatch.h"
#include "loongforge/core/dtype.h"
#include "loongforge/core/error.h"
#include "loongforge/core/text.h"
#include "loongforge/ops/catalog.h"
#include "loongforge/optim/catalog.h"
#include "loongforge/platform/dtype.h"
#include "loongforge/platform/gemm_limit.h"
#include "loongforge/platform/runtime.h"
#include "worker.h"

namespace loongforge::tools {
namespace {

struct BenchArguments {
  std::vector<std::string> names;
  std::vector<std::string> dtypes{"fp32", "bf16"};
  step::OpSizes sizes;
  int rounds = 9, threads = 0;
  bool list = false;
};

std::vector<step::OpDescription> all_operations() {
  std::vector<step::OpDescription> all = ops::catalog();
  for (auto& description : optim::catalog()) all.push_back(std::move(description));
  return all;
}

std::vector<step::OpDescription> chosen(const std::vector<std::string>& names) {
  std::vector<step::OpDescription> all = all_operations(), result;
  std::vector<std::string> known;
  for (const auto& description : all) known.push_back(description.name);
  for (const auto& name : names) {
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) {
      const auto close = nearest(name, known);
      throw ConfigError(fmt::format("bench op: no operation `{}`", name),
                        close ? fmt::format("did you mean `{}`?", *close) : "`loongforge bench op --list` names them");
    }
    result.push_back(all[static_cast<size_t>(found - known.begin())]);
  }
  return names.empty() ? all : result;
}

double seconds_of(const step::OpCase& op) {
  const auto start = std::chrono::steady_clock::now();
  op.run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Timing {
  double reference = 0, own = 0;  ///< median seconds of a run
  double ratio = 0;               ///< median of the rounds' ratios, reference over own
};

Timing measure(const step::OpCase& op, int rounds) {
  std::vector<double> reference, own, ratio;
  for (int round = -1; round < rounds; ++round) {  // the first warms up
    double without = 0;
    {
      cpu::KernelScope none(nullptr);
      without = seconds_of(op);
    }
    const double with = seconds_of(op);
    if (round < 0) continue;
    reference.push_back(without);
    own.push_back(with);
    ratio.push_back(without / with);
  }
  return {median(reference), median(own), median(ratio)};
}

/// Bytes a second that copying a large buffer reads and writes.
double copy_limit() {
  const auto from = at::empty({int64_t{1} << 25}, at::kFloat).fill_(1), into = at::empty_like(from);
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    into.copy_(from);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, 2.0 * static_cast<double>(from.nbytes()) / seconds);
  }
  return best;
}

void print_row(const step::OpDescription& description, const step::OpCase& op, const std::string& dtype, const Timing& timing,
               double copy_rate, double product_rate) {
  const bool products = op.flops > 0;
  const double rate = (products ? op.flops : op.bytes) / timing.own;
  const double limit = products ? product_rate : copy_rate;
  std::printf("%-22s %-5s %11.3f %11.3f %7.2f %9.1f %-8s %4.0f%%\n", description.name.c_str(), dtype.c_str(),
              timing.reference * 1e3, timing.own * 1e3, timing.ratio, rate / 1e9, products ? "GFLOP/s" : "GB/s",
              100 * rate / limit);
  std::fflush(stdout);
}

Dtype dtype_named(const std::string& name) {
  const auto dtype = dtype_from_name(name);
  if (!dtype || (*dtype != Dtype::f32 && *dtype != Dtype::bf16 && *dtype != Dtype::f16)) {
    throw ConfigError(fmt::format("bench op: --dtype {} has no kernels", name), "fp32, bf16 or fp16");
  }
  return *dtype;
}

void check_sizes(const step::OpSizes& sizes) {
  for (const auto& [name, value] : {std::pair{"rows", sizes.rows}, {"hidden", sizes.hidden}, {"ffn", sizes.ffn},
                                    {"classes", sizes.classes}, {"heads", sizes.heads}, {"head-dim", sizes.head_dim},
                                    {"elements", sizes.elements}}) {
    if (value < 1) throw ConfigError(fmt::format("bench op: --{} is {}", name, value), "give a number from 1 on");
  }
}

void run_all(const BenchArguments& arguments, const std::vector<step::OpDescription>& operations) {
  const double copy_rate = copy_limit();
  std::printf("kernels: %s, copying reaches %.1f GB/s\n%-22s %-5s %11s %11s %7s %9s %-8s %5s\n", cpu::kernels().isa,
              copy_rate / 1e9, "operation", "dtype", "ATen, ms", "own, ms", "ratio", "rate", "", "limit");
  for (const auto& name : arguments.dtypes) {
    const Dtype dtype = dtype_named(name);
    const double product_rate = platform::gemm_limit(dtype, c10::kCPU);
    for (const auto& description : operations) {
      const at::ScalarType type = platform::to_torch(dtype);
      const step::OpCase op = description.make(arguments.sizes, type, type);
      print_row(description, op, name, measure(op, arguments.rounds), copy_rate, product_rate);
    }
  }
}

void declare(CLI::App& app, BenchArguments& arguments) {
  auto& sizes = arguments.sizes;
  app.add_option("names", arguments.names, "operations to time; default: all");
  app.add_flag("--list", arguments.list, "name the operations and stop");
  app.add_option("--dtype", arguments.dtypes, "fp32, bf16, fp16; several with commas between")
      ->capture_default_str()
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--rows", sizes.rows, "rows (positions) of a step")->capture_default_str();
  app.add_option("--hidden", sizes.hidden, "hidden size")->capture_default_str();
  app.add_option("--ffn", sizes.ffn, "width of the feed-forward layer")->capture_default_str();
  app.add_option("--classes", sizes.classes, "classes of the output")->capture_default_str();
  app.add_option("--heads", sizes.heads, "attention heads")->capture_default_str();
  app.add_option("--head-dim", sizes.head_dim, "size of a head")->capture_default_str();
  app.add_option("--elements", sizes.elements, "parameters in the optimizer's shard")->capture_default_str();
  app.add_option("--rounds", arguments.rounds, "timed rounds, each side once a round; medians are shown")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--threads", arguments.threads, "threads; 0: all cores")->capture_default_str()->check(CLI::Range(0, 4096));
  set_usage(
      app, "", "loongforge bench op --list\nloongforge bench op --dtype bf16 --rows 2048",
      "Columns: median time of forward and backward by ATen's operations and by the kernels used in training, the median of\n"
      "their ratios (above 1: the kernel is faster), the rate of the kernel, and its share of what a copy (GB/s) or a square\n"
      "matrix product (GFLOP/s) reaches here. LOONGFORGE_CPU_ISA=avx2 times another instruction set's kernels.");
}

}  // namespace

int bench_op(const Args& args) {
  BenchArguments arguments;
  CLI::App app("Times operations: own kernels against ATen's.", "loongforge bench op");
  declare(app, arguments);
  if (parse_or_help(app, args)) return 0;
  if (arguments.list) {
    for (const auto& description : all_operations()) std::printf("%-22s %s\n", description.name.c_str(), description.what.c_str());
    return 0;
  }
  check_sizes(arguments.sizes);
  for (const auto& name : arguments.dtypes) dtype_named(name);
  const auto operations = chosen(arguments.names);
  platform::init_runtime({.threads = arguments.threads});
  run_all(arguments, operations);
  return 0;
}

}  // namespace loongforge::tools
