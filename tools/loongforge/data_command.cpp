// SPDX-License-Identifier: Apache-2.0
// `loongforge data …`: corpora without LibTorch.
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli.h"
#include "commands.h"
#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "loongforge/core/text.h"
#include "loongforge/corpus/indexed.h"
#include "loongforge/corpus/ngram.h"
#include "loongforge/corpus/tokenize.h"

namespace loongforge::tools {

namespace {

struct DataArguments {
  corpus::TokenizeOptions tokenize;
  std::string tokenizer, prefix, train, valid, metrics, bad_records = "fail";
  int64_t samples = 3;
};

void show_progress(int64_t done, int64_t total) {
  std::fprintf(stderr, "\rtokenizing %3.0f%%", 100.0 * static_cast<double>(done) / static_cast<double>(std::max<int64_t>(total, 1)));
}

void run_tokenize(DataArguments& arguments) {
  auto& options = arguments.tokenize;
  if (arguments.bad_records != "fail" && arguments.bad_records != "skip") {
    throw ConfigError(fmt::format("--bad-records: `{}` is neither fail nor skip", arguments.bad_records));
  }
  options.bad_records = arguments.bad_records == "skip" ? corpus::BadRecord::skip : corpus::BadRecord::fail;
  options.inputs = corpus::expand_files(options.inputs);
  const bool terminal = ::isatty(2) != 0;
  const auto report = corpus::tokenize_corpus(
      tokenizer::Tokenizer::from_file(arguments.tokenizer), options,
      terminal ? show_progress : std::function<void(int64_t, int64_t)>());
  if (terminal) std::fputc('\n', stderr);
  for (const auto& bad : report.skipped_records) std::fprintf(stderr, "warning: skipped %s\n", bad.c_str());
  const bool split = options.holdout > 0;
  std::printf("%s%s: %ld documents, %ld tokens\n", options.output.c_str(), split ? "_train" : "",
              static_cast<long>(report.train_documents), static_cast<long>(report.train_ids));
  if (split) {
    std::printf("%s_valid: %ld documents, %ld tokens\n", options.output.c_str(),
                static_cast<long>(report.valid_documents), static_cast<long>(report.valid_ids));
  }
  if (report.skipped > 0) std::printf("skipped %ld bad records\n", static_cast<long>(report.skipped));
}

/// All ids of a corpus, document after document.
std::vector<int64_t> all_ids(const std::string& prefix) {
  const corpus::IndexedReader corpus(prefix);
  std::vector<int64_t> ids;
  for (int64_t s = 0; s < corpus.sequences(); ++s) {
    for (int32_t id : corpus.sequence(s)) ids.push_back(id);
  }
  return ids;
}

int64_t largest_id(const std::vector<int64_t>& ids) { return ids.empty() ? 0 : *std::max_element(ids.begin(), ids.end()); }

void run_stats(const DataArguments& arguments) {
  const corpus::IndexedReader corpus(arguments.prefix);
  int64_t longest = 0;
  for (int64_t s = 0; s < corpus.sequences(); ++s) longest = std::max(longest, corpus.length(s));
  const double mean = static_cast<double>(corpus.tokens()) / static_cast<double>(std::max<int64_t>(corpus.sequences(), 1));
  std::printf("documents %ld\nsequences %ld\ntokens %ld\nmean length %.1f\nlongest %ld\nlargest id %ld\n",
              static_cast<long>(corpus.documents()), static_cast<long>(corpus.sequences()),
              static_cast<long>(corpus.tokens()), mean, static_cast<long>(longest),
              static_cast<long>(largest_id(all_ids(arguments.prefix))));
}

void run_inspect(const DataArguments& arguments) {
  const corpus::IndexedReader corpus(arguments.prefix);
  const auto tokenizer = tokenizer::Tokenizer::from_file(arguments.tokenizer);
  for (int64_t s = 0; s < std::min(arguments.samples, corpus.sequences()); ++s) {
    const auto ids = corpus.sequence(s);
    std::printf("--- document %ld, %zu tokens\n%s\n", static_cast<long>(s), ids.size(),
                tokenizer.decode(ids, /*skip_special_tokens=*/false).c_str());
  }
}

/// The last evaluation in a metrics.jsonl, per token.
std::optional<double> last_evaluation(const std::string& path) {
  std::optional<double> loss;
  for (const auto line : split(read_file(path), '\n')) {
    const auto record = nlohmann::ordered_json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (record.is_object() && record.contains("eval_loss") && record["eval_loss"].is_number()) loss = record["eval_loss"];
  }
  return loss;
}

void run_bigram(const DataArguments& arguments) {
  const auto train = all_ids(arguments.train), valid = all_ids(arguments.valid);
  const int64_t classes = 1 + std::max(largest_id(train), largest_id(valid));
  const double bigram = corpus::KneserNeyBigram(train, classes).cross_entropy(valid);
  std::printf("interpolated Kneser-Ney bigram: %.4f\n", bigram);
  if (arguments.metrics.empty()) return;
  const auto model = last_evaluation(arguments.metrics);
  if (!model) throw DataError(arguments.metrics + " has no evaluation", "train with data.valid set");
  std::printf("this model:                     %.4f (%+.4f, %s)\n", *model, *model - bigram,
              *model < bigram ? "better" : "NOT better");
}

void declare_tokenize(CLI::App& app, DataArguments& arguments) {
  auto& options = arguments.tokenize;
  app.add_option("--input", options.inputs,
                 "files, patterns, folders: .txt, .jsonl, .json, .tar (also .gz, .zst), .parquet, .arrow; all are one corpus")
      ->required();
  app.add_option("--tokenizer", arguments.tokenizer, "a tokenizer's file, or the folder that holds one")->required();
  app.add_option("--output", options.output, "prefix of the files to write")->required();
  both(app, "text-key", options.text_key, "field of JSONL records");
  both(app, "lines-per-document", options.lines_per_document, "of plain text; 0: one document a file");
  app.add_flag("--append-eod,!--no-append-eod", options.append_eod,
               "end documents with the end-of-text token (default: yes)");
  both(app, "holdout", options.holdout, "fraction of documents written to OUTPUT_valid")->check(CLI::Range(0.0, 0.9));
  both(app, "holdout-seed", options.holdout_seed, "which documents");
  both(app, "bad-records", arguments.bad_records, "fail or skip");
  both(app, "threads", options.threads, "0: all");
  set_usage(app, "",
            "loongforge data tokenize --input my.txt --tokenizer examples/quickstart --output corpus/mine\n"
            "loongforge data tokenize --input a.jsonl b.jsonl.zst --tokenizer DIR --output corpus/mine --holdout 0.01");
}

void declare(CLI::App& app, DataArguments& arguments) {
  app.description("Makes and looks at corpora.");
  declare_tokenize(*app.add_subcommand("tokenize", "text or JSONL to Megatron .bin/.idx"), arguments);
  auto* stats = app.add_subcommand("stats", "counts of a .bin/.idx");
  stats->add_option("prefix", arguments.prefix, "path without .bin or .idx")->required();
  set_usage(*stats, "", "loongforge data stats corpus/mine");
  auto* inspect = app.add_subcommand(
      "inspect", "decoded documents of a .bin/.idx; with --config C: samples of a run, what is learned marked");
  inspect->add_option("prefix", arguments.prefix, "path without .bin or .idx")->required();
  inspect->add_option("--tokenizer", arguments.tokenizer, "a tokenizer's file, or the folder that holds one")->required();
  both(*inspect, "samples", arguments.samples, "documents to show");
  set_usage(*inspect, "", "loongforge data inspect corpus/mine --tokenizer examples/quickstart --samples 2");
  auto* bigram = app.add_subcommand("bigram", "held-out cross entropy of a Kneser-Ney bigram, beside a run's evaluation");
  bigram->add_option("--train", arguments.train, "prefix of the training corpus")->required();
  bigram->add_option("--valid", arguments.valid, "prefix of the held-out corpus")->required();
  both(*bigram, "metrics", arguments.metrics, "metrics.jsonl of a run");
  set_usage(*bigram, "", "loongforge data bigram --train corpus/mine_train --valid corpus/mine_valid");
  app.require_subcommand(1);
}

/// Samples of a run need its model and datasets, which are the worker's.
bool inspects_a_run(const Args& args) {
  const auto names_config = [](const std::string& arg) { return arg == "--config" || arg.starts_with("--config="); };
  return !args.empty() && args[0] == "inspect" && std::any_of(args.begin(), args.end(), names_config);
}

}  // namespace

void declare_data(CLI::App& app) {
  static DataArguments arguments;
  declare(app, arguments);
}

int data_command(const Args& args) {
  if (inspects_a_run(args)) return worker_command("inspect", Args(args.begin() + 1, args.end()));
  DataArguments arguments;
  CLI::App app("", "loongforge data");
  declare(app, arguments);
  if (parse_or_help(app, args)) return 0;
  if (app.got_subcommand("tokenize")) run_tokenize(arguments);
  if (app.got_subcommand("stats")) run_stats(arguments);
  if (app.got_subcommand("inspect")) run_inspect(arguments);
  if (app.got_subcommand("bigram")) run_bigram(arguments);
  return 0;
}

}  // namespace loongforge::tools
