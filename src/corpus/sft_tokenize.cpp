// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <optional>

#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "loongforge/core/thread_pool.h"
#include "loongforge/corpus/holdout.h"
#include "loongforge/corpus/sft.h"
#include "turn_runs.h"

namespace loongforge::corpus {

namespace {

constexpr size_t kRecordsPerThread = 64;
constexpr size_t kExamples = 10;

struct EncodedConversation {
  SftTokens tokens;
  std::string problem, note;
};

/// Ids and turns of one part (training or validation).
class PartWriter {
 public:
  PartWriter(const std::string& prefix, IdType type) : ids_(prefix, type), turns_(turns_prefix(prefix), IdType::i32) {}
  void add(const SftTokens& tokens, Origin origin) {
    ids_.add_document(tokens.ids);
    turns_.add_document(pack_runs(origin, tokens.weights));
  }
  void finish() {
    turns_.finish();
    ids_.finish();
  }

 private:
  IndexedWriter ids_, turns_;
};

class ConversationOutputs {
 public:
  ConversationOutputs(const SftOptions& options, int64_t vocab_size) : options_(options) {
    const auto type = indexed_dtype(vocab_size);
    const auto folder = std::filesystem::path(options.output).parent_path();
    if (!folder.empty()) make_folders(folder, FileRole::data);
    const bool split = options.holdout > 0;
    train_.emplace(options.output + (split ? "_train" : ""), type);
    if (split) valid_.emplace(options.output + "_valid", type);
  }
  void add(const SftTokens& tokens, Origin origin) {
    const bool held = valid_ && held_out(count_++, options_.holdout, options_.holdout_seed);
    (held ? *valid_ : *train_).add(tokens, origin);
  }
  void finish() {
    train_->finish();
    if (valid_) valid_->finish();
  }

 private:
  const SftOptions& options_;
  std::optional<PartWriter> train_, valid_;
  int64_t count_ = 0;
};

class Run {
 public:
  Run(const tokenizer::Tokenizer& tokenizer, const tokenizer::ChatTemplate& chat, const SftOptions& options)
      : tokenizer_(tokenizer), chat_(chat), options_(options), outputs_(options, tokenizer.vocab_size()) {}

  EncodedConversation encode(const Record& record) const {
    EncodedConversation result;
    Conversation conversation;
    try {
      const Json fields = Json::parse(record.json);
      result.problem = read_conversation(fields, options_.layout, conversation);
      if (result.problem.empty()) {
        result.tokens = tokenize_conversation(conversation, chat_, tokenizer_, options_.mask, &result.note);
      }
    } catch (const Json::exception& error) {
      result.problem = json_problem(error.what());
    } catch (const DataError& error) {
      result.problem = error.what();
    }
    return result;
  }

  void take(const EncodedConversation& encoded, size_t source, const Record& record) {
    const auto place = [&](const std::string& why) {
      return fmt::format("{}: {}", place_of(options_.inputs[source], record), why);
    };
    if (!encoded.problem.empty()) {
      if (options_.bad_records == BadRecord::fail) {
        throw DataError(place(encoded.problem), "mend the record, or pass over bad ones with data.bad_records=skip");
      }
      ++report_.skipped;
      return note(place(encoded.problem));
    }
    // The first id is nobody's label.
    const auto& weights = encoded.tokens.weights;
    const auto trained =
        std::count_if(weights.begin() + !weights.empty(), weights.end(), [](double w) { return w > 0; });
    if (trained == 0) {
      ++report_.without_loss;
      return note(place("every weight is 0"));
    }
    if (!encoded.note.empty()) {
      ++report_.partly;
      note(place(encoded.note));
    }
    ++report_.conversations;
    report_.ids += static_cast<int64_t>(encoded.tokens.ids.size());
    report_.trained_ids += static_cast<int64_t>(trained);
    outputs_.add(encoded.tokens, {static_cast<int64_t>(source), record.number});
  }

  SftReport finish() {
    outputs_.finish();
    return report_;
  }

 private:
  /// What the parser says, without its own numbering.
  static std::string json_problem(std::string what) {
    const size_t end = what.find("] ");
    return "not JSON: " + (end == std::string::npos ? what : what.substr(end + 2));
  }
  void note(std::string text) {
    if (report_.examples.size() < kExamples) report_.examples.push_back(std::move(text));
  }

  const tokenizer::Tokenizer& tokenizer_;
  const tokenizer::ChatTemplate& chat_;
  const SftOptions& options_;
  ConversationOutputs outputs_;
  SftReport report_;
};

}  // namespace

SftReport tokenize_conversations(const tokenizer::Tokenizer& tokenizer, const tokenizer::ChatTemplate& chat,
                                 const SftOptions& options,
                                 const std::function<void(const std::string&, double, double)>& progress) {
  check_layout(options.layout);
  Run run(tokenizer, chat, options);
  ThreadPool pool(static_cast<size_t>(options.threads));
  // In waves, so that memory is bounded by a wave and not by the file.
  std::vector<Record> wave(kRecordsPerThread * pool.size());
  std::vector<EncodedConversation> encoded(wave.size());
  for (size_t source = 0; source < options.inputs.size(); ++source) {
    const auto reader = open_records(options.inputs[source]);
    for (size_t count = wave.size(); count == wave.size();) {
      count = 0;
      while (count < wave.size() && reader->next(wave[count])) ++count;
      pool.parallel_for(count, [&](size_t i) { encoded[i] = run.encode(wave[i]); });
      for (size_t i = 0; i < count; ++i) run.take(encoded[i], source, wave[i]);
      if (progress) {
        progress(options.inputs[source], static_cast<double>(reader->position()), static_cast<double>(reader->size()));
      }
    }
  }
  return run.finish();
}

std::string SftReport::summary() const {
  std::string text =
      fmt::format("{} conversations, {} tokens, {} of them trained ({:.0f} %)", conversations, ids, trained_ids,
                  ids > 0 ? 100.0 * static_cast<double>(trained_ids) / static_cast<double>(ids) : 0.0);
  if (skipped > 0) text += fmt::format("; {} bad records passed over", skipped);
  if (without_loss > 0) text += fmt::format("; {} left out since every weight is 0", without_loss);
  if (partly > 0) text += fmt::format("; in {} only the last turn is trained", partly);
  return text;
}

}  // namespace loongforge::corpus
