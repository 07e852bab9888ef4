// SPDX-License-Identifier: Apache-2.0
#include "loongforge/data/builtin.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "loongforge/core/checksum.h"
#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "loongforge/corpus/sources.h"
#include "loongforge/corpus/tokenize.h"
#include "loongforge/data/packed_rows.h"
#include "loongforge/spec/components/decoder.h"
#include "loongforge/tokenizer/tokenizer.h"

namespace loongforge::data {

namespace {

namespace fs = std::filesystem;
using Sources = std::vector<std::unique_ptr<corpus::SampleSource>>;

/// Number of ids that the model has rows for; 0 for families without a vocabulary.
int64_t vocabulary_of(const spec::ModelSpec& model) {
  const auto* decoder = dynamic_cast<const spec::DecoderConfig*>(model.config.get());
  return decoder ? decoder->vocab_size : 0;
}

PackedSample packed(const corpus::Sample& sample, int64_t index) {
  PackedSample result;
  result.id = index;
  result.ids.assign(sample.ids.begin(), sample.ids.end());
  result.labels.assign(sample.labels.begin(), sample.labels.end());
  for (size_t i = 0; i < result.labels.size(); ++i) {
    if (sample.loss_weights[i] == 0) result.labels[i] = kNoLabel;
  }
  result.lengths.assign(sample.document_lengths.begin(), sample.document_lengths.end());
  return result;
}

/// Several sources one after another, as packed rows.
class RowsDataset final : public Dataset {
 public:
  explicit RowsDataset(Sources sources) : sources_(std::move(sources)) {
    for (const auto& source : sources_) first_.push_back(first_.back() + source->size());
  }
  int64_t size() const override { return first_.back(); }
  std::string unit() const override { return "tok"; }
  int64_t units(const step::MicroBatch& batch) const override { return batch.host("real_rows").at(0); }
  void silence(step::MicroBatch& batch) const override { silence_rows(batch); }

  step::MicroBatch collate(const std::vector<int64_t>& indices, int64_t row_multiple) const override {
    std::vector<PackedSample> samples;
    for (int64_t index : indices) {
      const auto source = static_cast<size_t>(std::upper_bound(first_.begin(), first_.end(), index) - first_.begin() - 1);
      samples.push_back(packed(sources_[source]->get(index - first_[source]), index));
    }
    return pack_rows(samples, row_multiple);
  }

 private:
  Sources sources_;
  std::vector<int64_t> first_{0};
};

/// Tokenizes text once into the cache folder, under a name made of everything that the ids depend on. Returns the prefix.
std::string tokenized(const BuiltinRequest& request, const std::vector<std::string>& files, bool own_part) {
  if (request.tokenizer.empty()) {
    throw ConfigError(fmt::format("data.kind={} needs data.tokenizer", request.kind),
                      "name a tokenizer's file or the folder that holds one");
  }
  const double fraction = own_part ? request.valid_fraction : 0.0;
  std::string key = fmt::format("{} {} {} {}", request.text_key, request.append_eod, fraction, request.seed);
  for (const auto& file : tokenizer::tokenizer_files(request.tokenizer)) key += read_file(file);
  for (const auto& file : files) {
    std::error_code missing;
    key += fmt::format("|{} {}", fs::absolute(file).string(), fs::file_size(file, missing));
    if (missing) {
      throw DataError(fmt::format("cannot read {}: {}", file, missing.message()), "check data.train and data.valid");
    }
  }
  corpus::TokenizeOptions options;
  options.inputs = files;
  options.output = fmt::format("{}/{:016x}", request.cache_dir, checksum(key));
  options.text_key = request.text_key;
  options.append_eod = request.append_eod;
  options.lines_per_document = request.kind == "text" && own_part ? 20 : 0;
  options.holdout = fraction;
  options.holdout_seed = request.seed;
  const std::string last = options.output + (own_part ? "_valid" : "");
  if (!fs::exists(last + ".idx")) {
    make_folders(request.cache_dir, FileRole::data);
    corpus::tokenize_corpus(tokenizer::Tokenizer::from_file(request.tokenizer), options);
  }
  if (!own_part) return options.output;
  return options.output + (request.validation ? "_valid" : "_train");
}

std::unique_ptr<corpus::SampleSource> indexed_source(const std::string& prefix, const BuiltinRequest& request,
                                                     int64_t vocabulary) {
  auto reader = std::make_shared<const corpus::IndexedReader>(prefix, vocabulary);
  if (!request.packing) return corpus::make_documents(std::move(reader), request.seq_length);
  return corpus::make_windows(std::move(reader), request.seq_length,
                              request.reset_positions ? corpus::Documents::packed : corpus::Documents::joined);
}

}  // namespace

std::vector<std::string> builtin_kinds() { return {"text", "jsonl", "indexed", "tokens"}; }

std::shared_ptr<const Dataset> make_builtin(const BuiltinRequest& request, const spec::ModelSpec& model) {
  const bool from_text = request.kind == "text" || request.kind == "jsonl";
  const bool own_part = from_text && request.valid.empty() && request.valid_fraction > 0;
  if (request.validation && request.valid.empty() && !own_part) return nullptr;
  const auto& files = request.validation && !own_part ? request.valid : request.train;
  if (files.empty()) throw ConfigError("data.train names no file", "data.train=[FILE, …]");
  const int64_t vocabulary = vocabulary_of(model);
  Sources sources;
  if (from_text) {
    sources.push_back(indexed_source(tokenized(request, files, own_part), request, vocabulary));
    return std::make_shared<RowsDataset>(std::move(sources));
  }
  for (const auto& file : files) {
    sources.push_back(request.kind == "tokens" ? corpus::make_npy_rows(file, vocabulary)
                                               : indexed_source(file, request, vocabulary));
  }
  return std::make_shared<RowsDataset>(std::move(sources));
}

}  // namespace loongforge::data
