// SPDX-License-Identifier: Apache-2.0
#include "loongforge/corpus/tokenize.h"

#include <filesystem>
#include <memory>
#include <optional>

#include "documents.h"
#include "loongforge/core/error.h"
#include "loongforge/core/thread_pool.h"
#include "loongforge/corpus/holdout.h"
#include "loongforge/corpus/indexed.h"

namespace loongforge::corpus {

namespace {

/// Documents handed to one thread at a time; the result does not depend on it.
constexpr size_t kDocumentsPerThread = 256;

struct Encoded {
  std::vector<int32_t> ids;
  std::string problem;  ///< why the record is bad; empty: fine
};

class Outputs {
 public:
  Outputs(const TokenizeOptions& options, int64_t vocab_size) : options_(options) {
    const auto dtype = indexed_dtype(vocab_size);
    const auto folder = std::filesystem::path(options.output).parent_path();
    if (!folder.empty()) make_folders(folder, FileRole::data);
    const bool split = options.holdout > 0;
    train_ = std::make_unique<IndexedWriter>(options.output + (split ? "_train" : ""), dtype);
    if (split) valid_ = std::make_unique<IndexedWriter>(options.output + "_valid", dtype);
  }
  void add(const std::vector<int32_t>& ids) {
    const bool held = valid_ && held_out(documents_, options_.holdout, options_.holdout_seed);
    (held ? *valid_ : *train_).add_document(ids);
    ++documents_;
  }
  void finish(TokenizeReport& report) {
    report.train_documents = train_->documents();
    report.train_ids = train_->total();
    train_->finish();
    if (!valid_) return;
    report.valid_documents = valid_->documents();
    report.valid_ids = valid_->total();
    valid_->finish();
  }

 private:
  const TokenizeOptions& options_;
  std::unique_ptr<IndexedWriter> train_, valid_;
  int64_t documents_ = 0;
};

class Encoder {
 public:
  Encoder(const tokenizer::Tokenizer& tokenizer, const TokenizeOptions& options)
      : tokenizer_(tokenizer), options_(options) {
    if (!options.append_eod) return;
    eod_ = tokenizer.end_of_text();
    if (!eod_) {
      throw ConfigError("the tokenizer has no end-of-text token",
                        "name one in tokenizer_config.json, or use --no-append-eod");
    }
  }
  Encoded encode(const Record& record, bool plain) const {
    Encoded result;
    std::string text;
    if (!plain) text = record_text(record.json, options_.text_key, result.problem);
    if (!result.problem.empty()) return result;
    result.ids = tokenizer_.encode(plain ? record.json : text, /*add_special_tokens=*/false);
    if (eod_) result.ids.push_back(*eod_);
    return result;
  }

 private:
  const tokenizer::Tokenizer& tokenizer_;
  const TokenizeOptions& options_;
  std::optional<int32_t> eod_;
};

void note_bad(const std::string& place, const TokenizeOptions& options, TokenizeReport& report) {
  if (options.bad_records == BadRecord::fail) {
    throw DataError(place, "mend the record, or pass over bad ones (data.bad_records=skip, --bad-records skip)");
  }
  ++report.skipped;
  if (report.skipped_records.size() < 10) report.skipped_records.push_back(place);
}

}  // namespace

TokenizeReport tokenize_corpus(const tokenizer::Tokenizer& tokenizer, const TokenizeOptions& options,
                               const std::function<void(int64_t, int64_t)>& progress) {
  if (options.inputs.empty()) throw ConfigError("no input file to tokenize", "--input FILE.txt");
  const Encoder encoder(tokenizer, options);
  Outputs outputs(options, tokenizer.vocab_size());
  ThreadPool pool(static_cast<size_t>(options.threads));
  TokenizeReport report;
  // In waves, so that memory is bounded by a wave and not by the file.
  std::vector<Record> wave(kDocumentsPerThread * pool.size());
  std::vector<Encoded> encoded(wave.size());
  for (const auto& file : options.inputs) {
    const bool plain = !holds_records(file);
    const auto reader = plain ? open_plain_text(file, options.lines_per_document) : open_records(file);
    for (size_t count = wave.size(); count == wave.size();) {
      count = 0;
      while (count < wave.size() && reader->next(wave[count])) ++count;
      pool.parallel_for(count, [&](size_t i) { encoded[i] = encoder.encode(wave[i], plain); });
      for (size_t i = 0; i < count; ++i) {
        report.bytes += static_cast<int64_t>(wave[i].json.size());
        if (encoded[i].problem.empty()) {
          outputs.add(encoded[i].ids);
        } else {
          note_bad(fmt::format("{}: {}", place_of(file, wave[i]), encoded[i].problem), options, report);
        }
      }
      if (progress) progress(reader->position(), reader->size());
    }
  }
  outputs.finish(report);
  return report;
}

}  // namespace loongforge::corpus
