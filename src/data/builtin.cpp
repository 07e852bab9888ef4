// SPDX-License-Identifier: Apache-2.0
#include "loongforge/data/builtin.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "loongforge/core/checksum.h"
#include "loongforge/core/error.h"
#include "loongforge/corpus/indexed.h"
#include "loongforge/corpus/npy.h"
#include "loongforge/corpus/tokenize.h"
#include "loongforge/data/packed_rows.h"
#include "loongforge/spec/components/decoder.h"
#include "loongforge/tokenizer/tokenizer.h"

namespace loongforge::data {

namespace {

namespace fs = std::filesystem;

/// Number of ids that the model has rows for; nullopt for families without a vocabulary.
std::optional<int64_t> vocabulary_of(const spec::ModelSpec& model) {
  const auto* decoder = dynamic_cast<const spec::DecoderConfig*>(model.config.get());
  return decoder ? std::optional<int64_t>(decoder->vocab_size) : std::nullopt;
}

/// What all language datasets share: samples of ids become packed rows.
class RowsDataset : public Dataset {
 public:
  explicit RowsDataset(std::optional<int64_t> vocabulary) : vocabulary_(vocabulary) {}
  std::string unit() const override { return "tok"; }
  int64_t units(const step::MicroBatch& batch) const override { return batch.host("real_rows").at(0); }
  void silence(step::MicroBatch& batch) const override { silence_rows(batch); }
  step::MicroBatch collate(const std::vector<int64_t>& indices, int64_t row_multiple) const override {
    std::vector<PackedSample> samples;
    for (int64_t index : indices) samples.push_back(checked(sample(index)));
    return pack_rows(samples, row_multiple);
  }

 protected:
  virtual PackedSample sample(int64_t index) const = 0;
  virtual std::string place(int64_t index) const = 0;

 private:
  PackedSample checked(PackedSample sample) const {
    for (size_t i = 0; vocabulary_ && i < sample.ids.size(); ++i) {
      if (sample.ids[i] >= 0 && sample.ids[i] < *vocabulary_) continue;
      throw DataError(fmt::format("{}, position {}: id {} is outside the model's vocabulary of {}", place(sample.id), i,
                                  sample.ids[i], *vocabulary_),
                      "tokenize with the model's own tokenizer, or set model.config.vocab_size");
    }
    return sample;
  }
  std::optional<int64_t> vocabulary_;
};

/// Rows of an .npy, each one sequence as it is.
class NpyDataset final : public RowsDataset {
 public:
  NpyDataset(const std::vector<std::string>& files, std::optional<int64_t> vocabulary) : RowsDataset(vocabulary) {
    for (const auto& file : files) {
      files_.emplace_back(file);
      first_.push_back(first_.back() + files_.back().rows());
    }
  }
  int64_t size() const override { return first_.back(); }

 protected:
  PackedSample sample(int64_t index) const override {
    const auto [file, row] = locate(index);
    return next_id_sample(index, files_[file].row(row));
  }
  std::string place(int64_t index) const override {
    const auto [file, row] = locate(index);
    return fmt::format("{}, row {}", files_[file].path(), row);
  }

 private:
  std::pair<size_t, int64_t> locate(int64_t index) const {
    const auto file = static_cast<size_t>(std::upper_bound(first_.begin(), first_.end(), index) - first_.begin() - 1);
    return {file, index - first_[file]};
  }
  std::vector<corpus::NpyRows> files_;
  std::vector<int64_t> first_{0};
};

/// Windows of seq_length ids over a corpus. With packing, sample i is ids [i·L, (i+1)·L) of all documents one after another,
/// each labelled by the id that follows it in its document; otherwise each document is cut into windows of its own.
class IndexedDataset final : public RowsDataset {
 public:
  IndexedDataset(const std::vector<std::string>& prefixes, const BuiltinRequest& request,
                 std::optional<int64_t> vocabulary)
      : RowsDataset(vocabulary), length_(request.seq_length), reset_(request.reset_positions) {
    for (const auto& prefix : prefixes) {
      corpora_.emplace_back(prefix);
      const auto number = static_cast<int64_t>(corpora_.size()) - 1;
      if (request.packing) {
        add_windows(number, 0, corpora_.back().total());
      } else {
        for (int64_t s = 0; s < corpora_.back().sequences(); ++s) {
          add_windows(number, corpora_.back().first(s), corpora_.back().first(s) + corpora_.back().length(s));
        }
      }
    }
  }
  int64_t size() const override { return static_cast<int64_t>(windows_.size()); }

 protected:
  PackedSample sample(int64_t index) const override {
    const Window& window = windows_[static_cast<size_t>(index)];
    const auto& corpus = corpora_[static_cast<size_t>(window.corpus)];
    PackedSample sample;
    sample.id = index;
    sample.ids = corpus.read(window.begin, window.length);
    const int64_t end = window.begin + window.length;
    sample.labels.assign(sample.ids.begin() + 1, sample.ids.end());
    sample.labels.push_back(end < corpus.total() ? corpus.read(end, 1)[0] : kNoLabel);
    // No label crosses the end of a document.
    int64_t at = window.begin;
    while (at < end) {
      const int64_t sequence = corpus.sequence_at(at);
      const int64_t stop = corpus.first(sequence) + corpus.length(sequence);
      if (stop <= end) sample.labels[static_cast<size_t>(stop - 1 - window.begin)] = kNoLabel;
      if (reset_) sample.lengths.push_back(std::min(stop, end) - at);
      at = stop;
    }
    if (!reset_) sample.lengths = {window.length};
    return sample;
  }
  std::string place(int64_t index) const override {
    const Window& window = windows_[static_cast<size_t>(index)];
    return fmt::format("{}.bin, window at id {}", corpora_[static_cast<size_t>(window.corpus)].prefix(), window.begin);
  }

 private:
  struct Window {
    int64_t corpus, begin, length;
  };
  void add_windows(int64_t corpus, int64_t begin, int64_t end) {
    // A last window of one id has nothing to learn.
    for (int64_t at = begin; at + 1 < end; at += length_) windows_.push_back({corpus, at, std::min(length_, end - at)});
  }
  std::vector<corpus::IndexedCorpus> corpora_;
  std::vector<Window> windows_;
  int64_t length_;
  bool reset_;
};

/// Tokenizes text once into the cache folder, keyed by everything that the ids depend on. Returns the prefix.
std::string tokenized(const BuiltinRequest& request, const std::vector<std::string>& files) {
  if (request.tokenizer.empty()) {
    throw ConfigError(fmt::format("data.kind={} needs data.tokenizer", request.kind),
                      "name a tokenizer.json or the folder that holds one");
  }
  const fs::path tokenizer_path = request.tokenizer;
  const auto tokenizer_file = fs::is_directory(tokenizer_path) ? tokenizer_path / "tokenizer.json" : tokenizer_path;
  std::string key = read_file(tokenizer_file) + request.text_key + (request.append_eod ? "eod" : "") +
                    fmt::format("{} {}", request.valid.empty() ? request.valid_fraction : 0.0, request.seed);
  for (const auto& file : files) {
    std::error_code missing;
    key += fmt::format("|{} {}", fs::absolute(file).string(), fs::file_size(file, missing));
    if (missing) throw DataError(fmt::format("cannot read {}: {}", file, missing.message()), "check data.train and data.valid");
  }
  corpus::TokenizeOptions options;
  options.inputs = files;
  options.output = fmt::format("{}/{:016x}", request.cache_dir, checksum(key));
  options.text_key = request.text_key;
  options.append_eod = request.append_eod;
  options.lines_per_document = request.kind == "text" && request.valid.empty() && request.valid_fraction > 0 ? 20 : 0;
  options.holdout = request.valid.empty() ? request.valid_fraction : 0;
  options.holdout_seed = request.seed;
  const bool split = options.holdout > 0;
  if (!fs::exists(options.output + (split ? "_valid.idx" : ".idx"))) {
    corpus::tokenize_corpus(tokenizer::Tokenizer::from_file(tokenizer_file), options);
  }
  if (!split) return options.output;
  return options.output + (request.validation ? "_valid" : "_train");
}

}  // namespace

std::vector<std::string> builtin_kinds() { return {"text", "jsonl", "indexed", "tokens"}; }

std::shared_ptr<const Dataset> make_builtin(const BuiltinRequest& request, const spec::ModelSpec& model) {
  const bool from_text = request.kind == "text" || request.kind == "jsonl";
  const bool own_part = from_text && request.valid.empty() && request.valid_fraction > 0;
  if (request.validation && request.valid.empty() && !own_part) return nullptr;
  const auto& files = request.validation && !own_part ? request.valid : request.train;
  if (files.empty()) throw ConfigError("data.train names no file", "data.train=[FILE, …]");
  const auto vocabulary = vocabulary_of(model);
  if (request.kind == "tokens") return std::make_shared<NpyDataset>(files, vocabulary);
  if (request.kind == "indexed") return std::make_shared<IndexedDataset>(files, request, vocabulary);
  LF_ASSERT(from_text, "unknown kind {}", request.kind);
  return std::make_shared<IndexedDataset>(std::vector<std::string>{tokenized(request, files)}, request, vocabulary);
}

}  // namespace loongforge::data
