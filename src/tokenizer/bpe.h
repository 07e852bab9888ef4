// SPDX-License-Identifier: Apache-2.0
// Byte-pair encoding (Sennrich et al. 2016) as the tokenizers package runs it.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/model.h"

namespace loongforge::tokenizer {

/// (left id, right id) → (rank, merged id); open addressing, since this is the inner loop of encoding.
class MergeTable {
 public:
  static constexpr int32_t kNone = INT32_MAX;
  struct Entry {
    uint64_t pair = kEmpty;
    int32_t rank = kNone, id = 0;
  };
  explicit MergeTable(size_t count = 0);
  /// A pair given again takes the later rank.
  void insert(int32_t left, int32_t right, int32_t rank, int32_t id);
  /// The rank is kNone for pairs that aren't here.
  const Entry& find(int32_t left, int32_t right) const { return entries_[slot(pair_of(left, right))]; }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  static uint64_t pair_of(int32_t left, int32_t right) {
    return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
  }
  size_t slot(uint64_t pair) const {
    size_t i = pair * 0x9E3779B97F4A7C15ull >> shift_;
    while (entries_[i].pair != pair && entries_[i].pair != kEmpty) i = (i + 1) & (entries_.size() - 1);
    return i;
  }
  void grow();
  std::vector<Entry> entries_;
  size_t used_ = 0;
  int shift_;
};

class Bpe final : public Model {
 public:
  /// The "model" of a tokenizer.json.
  explicit Bpe(const JsonNode& node);
  /// Ranked byte strings (tiktoken): the pair that makes the lowest rank is merged first. Tokens in the byte alphabet.
  /// DataError when a single byte has no rank.
  explicit Bpe(const std::vector<std::pair<std::string, int32_t>>& ranks);

  /// From now on words come as bytes instead of in the byte alphabet; false when the vocabulary isn't written in it.
  bool take_raw_bytes();
  void encode(std::string_view word, std::vector<int32_t>& ids) const override;

 private:
  void read_merges(const JsonNode& node);
  void find_cuts();
  void encode_word(std::string_view word, std::vector<int32_t>& ids) const;
  void symbols(std::string_view word, std::vector<int32_t>& ids) const;
  bool append_bytes(std::string_view symbol, std::vector<int32_t>& ids) const;
  std::optional<int32_t> whole(std::string_view word) const;

  MergeTable merges_;
  std::string continuing_prefix_, word_suffix_;
  std::optional<int32_t> unknown_;
  bool fuse_unknown_ = false, byte_fallback_ = false, ignore_merges_ = false;
  bool raw_bytes_ = false, cuts_before_mark_ = false;
  std::array<int32_t, 256> byte_ids_{};  // of raw bytes
  std::array<int32_t, 256> fallback_{};
  Vocabulary by_bytes_;  // for words that come as bytes
  WordCache cache_;
};

}  // namespace loongforge::tokenizer
