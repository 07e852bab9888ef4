// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "loongforge/core/error.h"
#include "loongforge/infer/generate.h"
#include "loongforge/platform/device.h"
#include "loongforge/platform/runtime.h"
#include "loongforge/spec/model_path.h"
#include "loongforge/tokenizer/tokenizer.h"
#include "options.h"
#include "worker.h"

namespace loongforge::tools {

namespace {

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

void generate_text(infer::Model& model, const GenerateOptions& arguments, infer::GenerateOptions options) {
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
  GenerateOptions arguments;
  CLI::App app("", "loongforge generate");
  declare_generate(app, arguments);
  if (parse_or_help(app, args)) return 0;
  if (arguments.prompt.empty() == arguments.prompt_ids.empty()) {
    throw ConfigError("generate needs --prompt or --prompt-ids, and not both", "--prompt \"In the beginning\"");
  }
  if (std::isnan(arguments.top_p) || !std::isfinite(arguments.temperature)) {
    throw ConfigError("--top-p and --temperature must be finite numbers", "--temperature 0.8 --top-p 0.95");
  }
  const infer::GenerateOptions options{arguments.max_new_tokens, arguments.temperature, arguments.top_k,
                                       arguments.top_p, arguments.seed, {}};
  arguments.model = spec::find_model(arguments.model, "--model").string();
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
