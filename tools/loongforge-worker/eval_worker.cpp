// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <filesystem>

#include "loongforge/ckpt/reshard.h"
#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "loongforge/data/builtin.h"
#include "loongforge/infer/evaluate.h"
#include "loongforge/platform/device.h"
#include "loongforge/platform/runtime.h"
#include "loongforge/spec/model_path.h"
#include "options.h"
#include "worker.h"

namespace loongforge::tools {

namespace {

namespace fs = std::filesystem;

/// data.kind by what the file is.
std::string kind_of(const std::string& data) {
  fs::path path = data;
  if (path.extension() == ".npy") return "tokens";
  if (path.extension() == ".bin" || path.extension() == ".idx" || fs::exists(data + ".idx")) return "indexed";
  if (path.extension() == ".gz" || path.extension() == ".zst") path = path.stem();
  if (path.extension() == ".jsonl" || path.extension() == ".json") return "jsonl";
  if (!fs::exists(data)) throw DataError(fmt::format("{} does not exist", data), "give a .txt, .jsonl, .bin/.idx or .npy file");
  return "text";
}

std::shared_ptr<const data::Dataset> open_data(const EvalOptions& arguments, const infer::Model& model) {
  data::BuiltinRequest request;
  request.kind = kind_of(arguments.data);
  std::string file = arguments.data;
  if (request.kind == "indexed" && (file.ends_with(".bin") || file.ends_with(".idx"))) file.resize(file.size() - 4);
  request.train = {file};
  request.tokenizer = arguments.model;
  request.seq_length = arguments.seq_length;
  request.packing = false;  // every id but a document's first is predicted
  request.append_eod = false;
  request.cache_dir = (fs::temp_directory_path() / fmt::format("loongforge-eval-{}", ::getpid())).string();
  auto dataset = data::make_builtin(request, model.spec());
  std::error_code ignored;
  fs::remove_all(request.cache_dir, ignored);  // mapped files stay readable
  return dataset;
}

void save_gradients(infer::Model& model, const std::string& path) {
  const fs::path target = path;
  const auto params = model.params();
  ckpt::SaveOptions options;
  options.max_file_bytes = ~uint64_t{0};
  std::string stem = target.filename().string();
  if (stem.ends_with(".safetensors")) stem.resize(stem.size() - 12);
  ckpt::save_published(target.parent_path().empty() ? fs::path(".") : target.parent_path(), stem, params,
                       model.gradients(), comm::Group(), options);
}

}  // namespace

int eval_worker(const Args& args) {
  EvalOptions arguments;
  CLI::App app("", "loongforge eval");
  declare_eval(app, arguments);
  if (parse_or_help(app, args)) return 0;
  arguments.model = spec::find_model(arguments.model, "--model").string();
  platform::init_runtime({});
  std::optional<Dtype> dtype;
  if (!arguments.dtype.empty() && !(dtype = dtype_from_name(arguments.dtype))) {
    throw ConfigError(fmt::format("--dtype: unknown type `{}`", arguments.dtype), "fp32, bf16, fp16 or fp64");
  }
  infer::Model model(arguments.model, dtype, platform::open_device(arguments.device, 0));
  const auto dataset = open_data(arguments, model);
  infer::EvaluateOptions options;
  options.batch_size = arguments.batch_size;
  options.logits = !arguments.save_logits.empty();
  options.gradients = !arguments.save_grads.empty();
  const auto result = infer::evaluate(model, *dataset, options);
  std::printf("tokens %.0f\nloss %.9f\nperplexity %.9f\n", result.labelled_rows, result.loss, std::exp(result.loss));
  if (options.logits) ckpt::write_safetensors(arguments.save_logits, {{"logits", platform::to_host(result.logits)}});
  if (options.gradients) save_gradients(model, arguments.save_grads);
  return 0;
}

}  // namespace loongforge::tools
