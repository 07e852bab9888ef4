// SPDX-License-Identifier: Apache-2.0
// `loongforge data inspect --config C`: the samples of a run as the model gets them, decoded, what is learned marked.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "loongforge/core/error.h"
#include "loongforge/data/packed_rows.h"
#include "loongforge/tokenizer/tokenizer.h"
#include "loongforge/train/trainer.h"
#include "worker.h"

namespace loongforge::tools {

namespace {

struct InspectArguments {
  std::string config, split = "train", color = "auto";
  int64_t samples = 3, from = 0;
};

/// How learned text is set off.
struct Marks {
  std::string begin, end;
};

Marks marks_of(const std::string& color) {
  if (color == "always" || (color == "auto" && ::isatty(1))) return {"\033[1;32m", "\033[0m"};
  return {"⟦", "⟧"};
}

const int64_t* whole_numbers(const step::MicroBatch& batch, const char* name) {
  return batch.get(name).const_data_ptr<int64_t>();
}

/// Weight of each row's id as somebody's label: that of the row before it in the same document.
std::vector<double> label_weights(const step::MicroBatch& batch) {
  const auto& borders = batch.host("cu_seqlens");
  const auto rows = static_cast<size_t>(borders.back());
  std::vector<double> weights(rows, 0.0);
  const int64_t* labels = whole_numbers(batch, "labels");
  const double* given = batch.has("label_weights") ? batch.get("label_weights").const_data_ptr<double>() : nullptr;
  for (size_t row = 0; row + 1 < rows; ++row) {
    if (labels[row] != data::kNoLabel) weights[row + 1] = given ? given[row] : 1.0;
  }
  return weights;
}

class Printer {
 public:
  Printer(tokenizer::Tokenizer tokenizer, Marks marks) : tokenizer_(std::move(tokenizer)), marks_(std::move(marks)) {}

  void print(const step::MicroBatch& batch) const {
    const auto& borders = batch.host("cu_seqlens");
    const auto weights = label_weights(batch);
    const int64_t* ids = whole_numbers(batch, "ids");
    for (size_t d = 0; d + 1 < borders.size(); ++d) {
      if (borders.size() > 2)
        std::printf("- - document %zu, %ld tokens\n", d + 1, static_cast<long>(borders[d + 1] - borders[d]));
      std::puts(document(ids, weights, borders[d], borders[d + 1]).c_str());
    }
  }

 private:
  /// Every change of weight opens or closes a mark; weights other than 1 are written into it.
  std::string document(const int64_t* ids, const std::vector<double>& weights, int64_t begin, int64_t end) const {
    tokenizer::StreamDecoder decoder(tokenizer_, /*skip_special_tokens=*/false);
    std::string text;
    double now = 0;
    for (int64_t i = begin; i < end; ++i) {
      const double weight = weights[static_cast<size_t>(i)];
      if (weight != now) {
        if (now != 0) text += marks_.end;
        if (weight != 0) text += marks_.begin;
        if (weight != 0 && weight != 1) text += fmt::format("×{:g} ", weight);
        now = weight;
      }
      text += decoder.push(static_cast<int32_t>(ids[i]));
    }
    text += decoder.finish();
    if (now != 0) text += marks_.end;
    return text;
  }

  tokenizer::Tokenizer tokenizer_;
  Marks marks_;
};

void inspect(const InspectArguments& arguments, const config::RunConfig& config, train::Registry registry) {
  const auto model = train::load_model_spec(config, registry.families);
  const auto factory = registry.datasets.find(config.data.kind);
  if (factory == registry.datasets.end())
    throw ConfigError(fmt::format("data.kind: `{}` is not registered", config.data.kind));
  const bool valid = arguments.split == "valid";
  const auto dataset = factory->second(config, model, valid ? train::Split::valid : train::Split::train);
  if (!dataset || dataset->size() == 0)
    throw DataError(fmt::format("there is no {} data", arguments.split), "see data.valid, data.valid_fraction");
  if (dataset->unit() != "tok") throw ConfigError(fmt::format("data.kind={} holds no text", config.data.kind));
  const std::string tokenizer = config.data.tokenizer.empty() ? config.model.path : config.data.tokenizer;
  if (tokenizer.empty()) throw ConfigError("no tokenizer to decode with", "data.tokenizer=DIR");
  const Printer printer(tokenizer::Tokenizer::from_file(tokenizer), marks_of(arguments.color));
  if (!dataset->summary().empty()) std::puts(dataset->summary().c_str());
  const bool shuffle = config.data.shuffle && !valid;
  for (int64_t i = 0; i < std::min(arguments.samples, dataset->size()); ++i) {
    const int64_t index = dataset->index_at(arguments.from + i, static_cast<uint64_t>(config.run.seed), shuffle);
    const auto batch = dataset->collate({index}, 1);
    const auto weights = label_weights(batch);
    std::printf("--- sample %ld (number %ld of %ld): %zu tokens, %ld of them learned\n",
                static_cast<long>(arguments.from + i), static_cast<long>(index), static_cast<long>(dataset->size()),
                weights.size(),
                static_cast<long>(std::count_if(weights.begin(), weights.end(), [](double w) { return w > 0; })));
    printer.print(batch);
  }
}

}  // namespace

int inspect_worker(const Args& args) {
  InspectArguments arguments;
  CLI::App app(
      "Shows samples of a run as the model gets them, in the order of training. What is learned stands in green, or "
      "between ⟦ and ⟧ where there are no colours; a weight other than 1 is written as ×0.5.",
      "loongforge data inspect");
  app.add_option("--config", arguments.config, "YAML file, or the name of one in configs/")->required();
  app.add_option("--samples", arguments.samples, "how many")->capture_default_str();
  app.add_option("--from", arguments.from, "position of the first in the order of training")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--split", arguments.split, "train or valid")->check(CLI::IsMember({"train", "valid"}));
  app.add_option("--color", arguments.color, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  app.allow_extras();
  set_usage(app, "[key=value ...]", "loongforge data inspect --config quickstart data.kind=text \"data.train=[my.txt]\"");
  if (parse_or_help(app, args)) return 0;
  auto registry = train::Registry::builtin();
  config::LoadOptions load;
  load.overrides = app.remaining();
  load.data_kinds = registry.dataset_kinds();
  const auto config = config::load_run_config(arguments.config, load);
  train::load_plugins(config, registry);
  inspect(arguments, config, std::move(registry));
  return 0;
}

}  // namespace loongforge::tools
