// SPDX-License-Identifier: Apache-2.0
// Byte-pair encoding (Sennrich et al. 2016) as the tokenizers package runs it.
#pragma once
#include <array>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/json_node.h"

namespace loongforge::tokenizer {

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
using Vocabulary = std::unordered_map<std::string, int32_t, StringHash, std::equal_to<>>;

/// (left id, right id) → (rank, merged id); open addressing, since this is the inner loop of encoding.
class MergeTable {
 public:
  struct Entry {
    uint64_t pair = kEmpty;
    int32_t rank = 0, id = 0;
  };
  explicit MergeTable(size_t count = 0);
  /// A pair given again takes the later rank.
  void insert(int32_t left, int32_t right, int32_t rank, int32_t id);
  const Entry* find(int32_t left, int32_t right) const;

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  size_t slot(uint64_t pair) const;
  std::vector<Entry> entries_;
  int shift_;
};

class Bpe {
 public:
  /// The "model" of a tokenizer.json; DataError with the place of what is wrong.
  explicit Bpe(const JsonNode& node);

  /// Appends the ids of one pre-tokenized word. Safe from many threads.
  void encode(std::string_view word, std::vector<int32_t>& ids) const;
  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  struct CacheShard {
    std::mutex mutex;
    std::unordered_map<std::string, std::vector<int32_t>, StringHash, std::equal_to<>> words;
  };

  void read_vocabulary(const JsonNode& node);
  void read_merges(const JsonNode& node);
  std::vector<int32_t> symbols(std::string_view word) const;
  std::vector<int32_t> merge_word(std::string_view word) const;
  bool append_bytes(std::string_view symbol, std::vector<int32_t>& ids) const;

  Vocabulary vocabulary_;
  MergeTable merges_;
  std::string continuing_prefix_, word_suffix_;
  std::optional<int32_t> unknown_;
  bool fuse_unknown_, byte_fallback_, ignore_merges_;
  static constexpr size_t kShards = 16, kWordsPerShard = 4096, kMaxCachedBytes = 256;
  mutable std::array<CacheShard, kShards> cache_;
};

}  // namespace loongforge::tokenizer
