// SPDX-License-Identifier: Apache-2.0
// Text and JSONL to an indexed dataset.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "loongforge/corpus/records.h"
#include "loongforge/tokenizer/tokenizer.h"

namespace loongforge::corpus {

struct TokenizeOptions {
  std::vector<std::string> inputs;  ///< text, or what records.h reads; taken in this order
  std::string output;  ///< prefix: writes <output>.bin/.idx, or with a holdout <output>_train and <output>_valid
  std::string text_key = "text";   ///< field of JSONL records
  int64_t lines_per_document = 0;  ///< of plain text; 0: a file is one document
  bool append_eod = true;          ///< end each document with the tokenizer's end of text
  double holdout = 0;              ///< fraction of documents kept for validation (corpus/holdout.h)
  uint64_t holdout_seed = 1234;
  BadRecord bad_records = BadRecord::fail;
  int64_t threads = 0;  ///< 0: all
};

struct TokenizeReport {
  int64_t train_documents = 0, train_ids = 0, valid_documents = 0, valid_ids = 0;
  int64_t bytes = 0;                         ///< of text read
  int64_t skipped = 0;                       ///< bad records passed over
  std::vector<std::string> skipped_records;  ///< "file:line: why" of the first ten
};

/// Tokenizes the inputs in order. The files are the same for any number of threads and appear only when whole.
/// `progress(done, total)`: bytes or rows of the present file, from the calling thread. DataError for unreadable inputs, and
/// for bad records unless they are skipped; ConfigError without inputs or without an end-of-text token.
TokenizeReport tokenize_corpus(const tokenizer::Tokenizer& tokenizer, const TokenizeOptions& options,
                               const std::function<void(int64_t, int64_t)>& progress = {});

}  // namespace loongforge::corpus
