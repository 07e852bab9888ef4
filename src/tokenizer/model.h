// SPDX-License-Identifier: Apache-2.0
// What turns a word into ids.
#pragma once
#include <array>
#include <memory>
#include <mutex>
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

class Model {
 public:
  virtual ~Model() = default;
  /// Appends the ids of one pre-tokenized word. Safe from many threads. DataError for a word that needs an unknown
  /// token which the model hasn't.
  virtual void encode(std::string_view word, std::vector<int32_t>& ids) const = 0;
  const Vocabulary& vocabulary() const { return vocabulary_; }

 protected:
  Vocabulary vocabulary_;
};

/// The "model" of a tokenizer.json; DataError with the place of what is wrong. `raw_bytes`: words come as bytes, not in
/// the byte alphabet in which the vocabulary is written (cleared when the model can't take them so).
std::unique_ptr<Model> make_model(const JsonNode& root, bool& raw_bytes);

/// Ids of words seen before. A full part stays as it is, and a part in use by another thread is passed over.
class WordCache {
 public:
  static constexpr size_t kMaxBytes = 256;
  bool find(std::string_view word, size_t hash, std::vector<int32_t>& ids) const;
  void keep(std::string_view word, size_t hash, const int32_t* ids, size_t count) const;

 private:
  struct Entry {
    size_t hash;
    std::string word;
    std::vector<int32_t> ids;
  };
  struct Part {
    std::mutex mutex;
    std::vector<Entry> entries;
    std::vector<uint16_t> slots;  // one more than an index of entries
  };
  static constexpr size_t kParts = 64, kSlots = 2048, kEntries = 1024;
  mutable std::array<Part, kParts> parts_;
};

/// Id of each byte as a "<0x…>" token; negative where there is none.
std::array<int32_t, 256> byte_tokens(const Vocabulary& vocabulary);

}  // namespace loongforge::tokenizer
