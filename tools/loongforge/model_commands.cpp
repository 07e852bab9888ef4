// SPDX-License-Identifier: Apache-2.0
// `loongforge verify|eval|generate`: what can be checked without LibTorch is checked here, so that help and mistakes
// cost milliseconds; the worker then reads the same arguments.
#include "commands.h"
#include "loongforge/config/run_config.h"
#include "loongforge/core/dtype.h"
#include "loongforge/core/error.h"
#include "loongforge/spec/model_path.h"
#include "options.h"

namespace loongforge::tools {

namespace {

void require_dtype(const std::string& name) {
  if (name.empty() || dtype_from_name(name)) return;
  throw ConfigError(fmt::format("--dtype: unknown type `{}`", name), "fp32, bf16, fp16 or fp64");
}

}  // namespace

int verify_command(const Args& args) {
  VerifyOptions options;
  CLI::App app("", "loongforge verify");
  declare_verify(app, options);
  if (parse_or_help(app, args)) return 0;
  config::LoadOptions load;
  load.overrides = app.remaining();
  load.overrides.emplace_back("train.global_batch_size=0");  // verify makes its own batches
  config::load_run_config(options.config, load);
  return worker_command("verify", args);
}

int eval_command(const Args& args) {
  EvalOptions options;
  CLI::App app("", "loongforge eval");
  declare_eval(app, options);
  if (parse_or_help(app, args)) return 0;
  require_dtype(options.dtype);
  spec::find_model(options.model, "--model");
  return worker_command("eval", args);
}

int generate_command(const Args& args) {
  GenerateOptions options;
  CLI::App app("", "loongforge generate");
  declare_generate(app, options);
  if (parse_or_help(app, args)) return 0;
  require_dtype(options.dtype);
  if (options.prompt.empty() == options.prompt_ids.empty()) {
    throw ConfigError("generate needs --prompt or --prompt-ids, and not both", "--prompt \"In the beginning\"");
  }
  spec::find_model(options.model, "--model");
  return worker_command("generate", args);
}

void declare_bench(CLI::App& app) {
  app.description("Measures this machine. `loongforge bench op --help` and `bench step --help` tell the options.");
  auto* op = app.add_subcommand("op", "time operations: own kernels against ATen's");
  set_usage(*op, "[names ...]", "loongforge bench op --list");
  auto* step = app.add_subcommand("step", "time training steps of a configuration, by kind of block");
  set_usage(*step, "[key=value ...]", "loongforge bench step --config quickstart --steps 10");
}

int bench_command(const Args& args) {
  CLI::App app("", "loongforge bench");
  declare_bench(app);
  if (args.empty()) throw ConfigError("loongforge bench: op or step is needed", "for example: loongforge bench op --list");
  if (args[0] != "op" && args[0] != "step" && parse_or_help(app, args)) return 0;
  return worker_command("bench", args);
}

}  // namespace loongforge::tools
