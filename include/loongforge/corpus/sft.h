// SPDX-License-Identifier: Apache-2.0
// Supervised fine-tuning: conversations rendered by a chat template and tokenized once, then cut and packed to rows.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "loongforge/corpus/conversation.h"
#include "loongforge/corpus/indexed.h"
#include "loongforge/corpus/records.h"
#include "loongforge/corpus/sample.h"
#include "loongforge/tokenizer/chat_mask.h"
#include "loongforge/tokenizer/tokenizer.h"

namespace loongforge::corpus {

/// Ids of a conversation and the weight of each as a label.
struct SftTokens {
  std::vector<int32_t> ids;
  std::vector<double> weights;
};

/// Renders, tokenizes as a whole, and marks the tokens that are trained. DataError when the template refuses the
/// conversation or nothing in it can be trained. `note` (if not null) gets why only part of it is trained, or "".
SftTokens tokenize_conversation(const Conversation& conversation, const tokenizer::ChatTemplate& chat,
                                const tokenizer::Tokenizer& tokenizer, tokenizer::MaskOptions mask,
                                std::string* note = nullptr);

struct SftOptions {
  std::vector<std::string> inputs;  ///< files of records, taken in this order
  std::string output;               ///< prefix of the files to write; with a holdout <output>_train and <output>_valid
  ConversationLayout layout;
  tokenizer::MaskOptions mask;
  double holdout = 0;  ///< fraction of conversations kept for validation (corpus/holdout.h)
  uint64_t holdout_seed = 1234;
  BadRecord bad_records = BadRecord::fail;
  int64_t threads = 0;  ///< 0: all
};

struct SftReport {
  int64_t conversations = 0, ids = 0, trained_ids = 0;  ///< training and validation part together
  int64_t skipped = 0;                                  ///< bad records passed over
  int64_t without_loss = 0;                             ///< left out: every weight is 0
  int64_t partly = 0;                                   ///< only the last turn could be trained
  std::vector<std::string> examples;                    ///< "file:line: why" of the first ten of these
  std::string summary() const;                          ///< one line
};

/// Tokenizes conversations into PREFIX.bin/.idx (ids) and PREFIX_turns.bin/.idx (where each came from, and the weights
/// of its tokens as runs). The files are the same for any number of threads and appear only when whole. `progress(file,
/// done, total)` is called from the calling thread. Errors: DataError naming file and line; ConfigError.
SftReport tokenize_conversations(const tokenizer::Tokenizer& tokenizer, const tokenizer::ChatTemplate& chat,
                                 const SftOptions& options,
                                 const std::function<void(const std::string&, double, double)>& progress = {});

/// What to do with conversations longer than a row.
enum class Truncation {
  drop,   ///< leave them out
  left,   ///< keep the end
  right,  ///< keep the beginning
  error   ///< stop, naming the first
};

struct SftRows {
  int64_t seq_length = 1024;
  Truncation truncation = Truncation::right;
  bool packing = true;    ///< several conversations in a row; false: one
  int64_t buffer = 1024;  ///< conversations that are packed together, by first fit decreasing
  uint64_t seed = 0;
  bool shuffle = true;  ///< which conversations share a buffer is drawn from the seed; false: neighbours
};

struct SftRowCounts {
  int64_t conversations = 0;  ///< in the rows
  int64_t truncated = 0;      ///< of these, cut to the length of a row
  int64_t too_long = 0;       ///< dropped for their length
  int64_t lost_loss = 0;      ///< dropped because no trained token was left after cutting
  int64_t rows = 0, ids = 0;
  std::string summary(int64_t seq_length) const;  ///< one line
};

/// The conversations of `prefix` as samples: rows of at most seq_length ids, each conversation a document of its own.
/// Which conversations share a row is a function of the data, the seed and these options only. `vocab_size` as in
/// IndexedReader; `sources` names the inputs in messages. DataError under Truncation::error.
std::unique_ptr<SampleSource> make_sft_rows(const std::string& prefix, int64_t vocab_size, const SftRows& rows,
                                            const std::vector<std::string>& sources, SftRowCounts* counts = nullptr);

/// First fit decreasing: items of `lengths` (each ≤ capacity) into bins; returns the bins' items, every bin and the
/// items within it in the order in which they were opened and filled. Equal lengths keep their order.
std::vector<std::vector<int64_t>> first_fit_decreasing(const std::vector<int64_t>& lengths, int64_t capacity);

}  // namespace loongforge::corpus
