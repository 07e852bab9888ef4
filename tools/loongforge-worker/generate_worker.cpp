// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "loongforge/core/error.h"
#include "loongforge/infer/generate.h"
#include "loongforge/platform/device.h"
#include "loongforge/platform/runtime.h"
#include "loongforge/tokenizer/tokenizer.h"
#include "worker.h"

namespace loongforge::tools {

namespace {

struct GenerateArguments {
  std::string model, prompt, prompt_ids, dtype, device = "cpu";
  infer::GenerateOptions options;
  bool ids = false, ignore_eos = false;
};

std::vector<int32_t> parse_ids(const std::string& text) {
  std::vector<int32_t> ids;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of(", ", at), text.size());
    if (end > at) {
      try {
        ids.push_back(std::stoi(text.substr(at, end - at)));
      } catch (const std::exception&) {
        throw ConfigError(fmt::format("--prompt-ids: `{}` is no integer", text.substr(at, end - at)), "1,2,3");
      }
    }
    at = end + 1;
  }
  return ids;
}

void print_flushed(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

void generate_text(infer::Model& model, const GenerateArguments& arguments, infer::GenerateOptions options) {
  const auto tokenizer = tokenizer::Tokenizer::from_file(arguments.model);
  if (const auto end = tokenizer.end_of_text(); end && !arguments.ignore_eos) options.stop.push_back(*end);
  tokenizer::StreamDecoder decoder(tokenizer);
  print_flushed(arguments.prompt);
  infer::generate(model, tokenizer.encode(arguments.prompt), options, [&](int32_t id) {
    print_flushed(decoder.push(id));
    return true;
  });
  print_flushed(decoder.finish() + "\n");
}

}  // namespace

int generate_worker(const Args& args) {
  GenerateArguments arguments;
  auto& options = arguments.options;
  CLI::App app("Continues a prompt with a model directory.", "generate");
  app.add_option("--model", arguments.model, "model directory (config.json, safetensors, a tokenizer)")->required();
  app.add_option("--prompt", arguments.prompt, "text to continue");
  app.add_option("--prompt-ids", arguments.prompt_ids, "ids to continue, 1,2,3; prints ids");
  app.add_option("--max-new-tokens", options.max_new_tokens, "length of the continuation")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--temperature", options.temperature, "0: greedy")->check(CLI::NonNegativeNumber)->capture_default_str();
  app.add_option("--top-k", options.top_k, "sample among the k likeliest; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--top-p", options.top_p, "sample among the likeliest that hold this much probability")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "of the sampling")->capture_default_str();
  app.add_option("--dtype", arguments.dtype, "compute in fp32, bf16, fp64; default: the directory's");
  app.add_option("--device", arguments.device, "cpu, cuda")->capture_default_str();
  app.add_flag("--ignore-eos", arguments.ignore_eos, "don't stop at the end-of-text token");
  if (parse_or_help(app, args)) return 0;
  if (arguments.prompt.empty() == arguments.prompt_ids.empty()) {
    throw ConfigError("generate needs --prompt or --prompt-ids, and not both", "--prompt \"In the beginning\"");
  }
  if (std::isnan(options.top_p) || !std::isfinite(options.temperature)) {
    throw ConfigError("--top-p and --temperature must be finite numbers", "--temperature 0.8 --top-p 0.95");
  }
  platform::init_runtime({});
  std::optional<Dtype> dtype;
  if (!arguments.dtype.empty() && !(dtype = dtype_from_name(arguments.dtype))) {
    throw ConfigError(fmt::format("--dtype: unknown type `{}`", arguments.dtype), "fp32, bf16, fp16 or fp64");
  }
  infer::Model model(arguments.model, dtype, platform::open_device(arguments.device, 0));
  if (arguments.prompt_ids.empty()) {
    generate_text(model, arguments, options);
    return 0;
  }
  for (int32_t id : infer::generate(model, parse_ids(arguments.prompt_ids), options)) std::printf("%d ", id);
  std::printf("\n");
  return 0;
}

}  // namespace loongforge::tools
