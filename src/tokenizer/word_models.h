// SPDX-License-Identifier: Apache-2.0
// Models that look whole words, or their longest beginnings, up in the vocabulary.
#pragma once
#include <optional>

#include "tokenizer/model.h"
#include "tokenizer/trie.h"

namespace loongforge::tokenizer {

/// Reads {"token": id, …} of a "model"; DataError for ids that are none.
Vocabulary read_vocabulary(const JsonNode& node);

/// The longest known beginning, then the longest known continuation, and so on (Devlin et al. 2018); a word that can't
/// be had so, or is too long, is the unknown token.
class WordPiece final : public Model {
 public:
  explicit WordPiece(const JsonNode& node);
  void encode(std::string_view word, std::vector<int32_t>& ids) const override;

 private:
  Trie first_, next_;
  int64_t longest_;
  int32_t unknown_;
};

class WordLevel final : public Model {
 public:
  explicit WordLevel(const JsonNode& node);
  void encode(std::string_view word, std::vector<int32_t>& ids) const override;

 private:
  std::optional<int32_t> unknown_;
};

}  // namespace loongforge::tokenizer
