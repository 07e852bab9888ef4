// SPDX-License-Identifier: Apache-2.0
#include "loongforge/corpus/tokenize.h"

#include <simdjson.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "loongforge/core/error.h"
#include "loongforge/core/thread_pool.h"
#include "loongforge/corpus/holdout.h"
#include "loongforge/corpus/indexed.h"
#include "loongforge/corpus/text_file.h"

namespace loongforge::corpus {

namespace {

/// Lines handed to one thread at a time; the result does not depend on it.
constexpr size_t kDocumentsPerTask = 64;

struct Document {
  std::string_view text;  ///< of the file; for JSONL the record
  const std::string* file;
  int64_t line;
};

struct Encoded {
  std::vector<int32_t> ids;
  std::string problem;  ///< why the record is bad; empty: fine
};

bool is_jsonl(std::filesystem::path path) {
  if (path.extension() == ".gz" || path.extension() == ".zst") path = path.stem();
  return path.extension() == ".jsonl" || path.extension() == ".json";
}

/// Splits after every `lines` line ends; 0: not at all.
void split_lines(std::string_view text, int64_t lines, const std::string& file, std::vector<Document>& documents) {
  size_t begin = 0;
  int64_t line = 1, first_line = 1, count = 0;
  for (size_t at = 0; at < text.size() && lines > 0; ++at) {
    if (text[at] != '\n') continue;
    ++line;
    if (++count < lines) continue;
    documents.push_back({text.substr(begin, at + 1 - begin), &file, first_line});
    begin = at + 1, first_line = line, count = 0;
  }
  if (begin < text.size()) documents.push_back({text.substr(begin), &file, first_line});
}

/// The text of a JSONL record, or why it has none.
std::string record_text(std::string_view record, const std::string& key, std::string& problem) {
  thread_local simdjson::ondemand::parser parser;
  const simdjson::padded_string padded(record);
  simdjson::ondemand::document json;
  if (const auto error = parser.iterate(padded).get(json)) {
    problem = simdjson::error_message(error);
    return {};
  }
  std::string_view text;
  if (const auto error = json[key].get_string().get(text)) {
    problem = error == simdjson::NO_SUCH_FIELD ? fmt::format("no field `{}`", key)
                                               : fmt::format("field `{}`: {}", key, simdjson::error_message(error));
    return {};
  }
  return std::string(text);
}

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
  Encoded encode(const Document& document, bool jsonl) const {
    Encoded result;
    if (jsonl) {
      const std::string text = record_text(document.text, options_.text_key, result.problem);
      if (!result.problem.empty()) return result;
      result.ids = tokenizer_.encode(text, /*add_special_tokens=*/false);
    } else {
      result.ids = tokenizer_.encode(document.text, /*add_special_tokens=*/false);
    }
    if (eod_) result.ids.push_back(*eod_);
    return result;
  }

 private:
  const tokenizer::Tokenizer& tokenizer_;
  const TokenizeOptions& options_;
  std::optional<int32_t> eod_;
};

void note_bad(const Document& document, const std::string& problem, const TokenizeOptions& options,
              TokenizeReport& report) {
  const auto place = fmt::format("{}:{}: {}", *document.file, document.line, problem);
  if (options.bad_records == BadRecord::fail) {
    throw DataError(place, "mend the record, or pass over bad ones with --bad-records skip");
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
  for (const auto& file : options.inputs) {
    const std::string text = read_text(file);
    const bool jsonl = is_jsonl(file);
    std::vector<Document> documents;
    split_lines(text, jsonl ? 1 : options.lines_per_document, file, documents);
    if (jsonl)
      std::erase_if(documents,
                    [](const Document& d) { return d.text.find_first_not_of(" \t\r\n") == std::string_view::npos; });
    int64_t done = 0;
    // In waves, so that memory is bounded by a wave and not by the file.
    const size_t wave = kDocumentsPerTask * pool.size() * 4;
    for (size_t begin = 0; begin < documents.size(); begin += wave) {
      const size_t count = std::min(wave, documents.size() - begin);
      std::vector<Encoded> encoded(count);
      pool.parallel_for(count, [&](size_t i) { encoded[i] = encoder.encode(documents[begin + i], jsonl); });
      for (size_t i = 0; i < count; ++i) {
        done += static_cast<int64_t>(documents[begin + i].text.size());
        if (encoded[i].problem.empty()) {
          outputs.add(encoded[i].ids);
        } else {
          note_bad(documents[begin + i], encoded[i].problem, options, report);
        }
      }
      if (progress) progress(done, static_cast<int64_t>(text.size()));
    }
    report.bytes += static_cast<int64_t>(text.size());
  }
  outputs.finish(report);
  return report;
}

}  // namespace loongforge::corpus
