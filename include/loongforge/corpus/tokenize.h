// SPDX-License-Identifier: Apache-2.0
// Text and JSONL to an indexed dataset.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "loongforge/tokenizer/tokenizer.h"

namespace loongforge::corpus {

enum class BadRecords { fail, skip };

struct TokenizeOptions {
  std::string column = "text";    ///< of JSONL records
  int64_t lines_per_document = 0;  ///< of plain text; 0: a file is one document
  bool append_eod = true;         ///< end each document with the tokenizer's end of text
  double holdout = 0;             ///< fraction of documents that go to PREFIX_heldout (corpus/holdout.h)
  uint64_t holdout_seed = 1234;
  BadRecords bad_records = BadRecords::fail;
  size_t threads = 0;             ///< 0: all
  /// Called now and then from the calling thread with documents and bytes of text so far.
  std::function<void(int64_t documents, int64_t bytes)> progress;
};

struct TokenizeResult {
  int64_t documents = 0, tokens = 0, held_out_documents = 0, held_out_tokens = 0;
  int64_t bytes = 0;                 ///< of text
  int64_t bad = 0;                   ///< records skipped
  std::vector<std::string> examples;  ///< "file:line: why", the first few of them
  bool already_done = false;         ///< the same inputs and options had been finished before; nothing was written
};

/// Tokenizes `inputs` (.txt, .jsonl, either also .gz or .zst) in order into `prefix`.bin/.idx. The files are the same for any
/// number of threads and appear only when whole; a second call with the same inputs and options returns at once.
/// DataError for unreadable or damaged inputs, and for bad records unless they are skipped.
TokenizeResult tokenize_corpus(const std::vector<std::filesystem::path>& inputs, const tokenizer::Tokenizer& tokenizer,
                               const std::filesystem::path& prefix, const TokenizeOptions& options = {});

/// The whole of a file, decompressed by its ending (.gz, .zst).
std::string read_text(const std::filesystem::path& path);

}  // namespace loongforge::corpus
