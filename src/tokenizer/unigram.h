// SPDX-License-Identifier: Apache-2.0
// Unigram language model (Kudo 2018): the most probable cut of a text into pieces.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/model.h"
#include "tokenizer/trie.h"

namespace loongforge::tokenizer {

class Unigram final : public Model {
 public:
  /// The "model" of a tokenizer.json.
  explicit Unigram(const JsonNode& node);

  struct Piece {
    std::string text;
    float score = 0;
    bool usable = true, user_defined = false;
  };
  /// Pieces of a SentencePiece model, whose scores are single precision: ids and choices as SentencePiece's.
  /// `lowest`, `highest`: scores of its normal pieces.
  Unigram(const std::vector<Piece>& pieces, int32_t unknown, bool byte_fallback, float lowest, float highest);

  void encode(std::string_view word, std::vector<int32_t>& ids) const override;

 private:
  struct Step {
    double score = 0;
    int32_t id = -1;
    uint32_t begin = 0;
    bool reached = false;
  };
  void search(std::string_view word, std::vector<Step>& steps) const;
  void emit(std::string_view word, const std::vector<Step>& steps, std::vector<int32_t>& ids) const;
  void emit_unknown(std::string_view part, std::vector<int32_t>& ids) const;
  void offer(Step& step, double score, int32_t id, size_t begin) const;

  std::vector<double> scores_;
  std::vector<bool> user_defined_;
  Trie trie_;
  std::optional<int32_t> unknown_;
  double unknown_score_ = 0, highest_ = 0;
  bool byte_fallback_ = false, single_precision_ = false;
  std::array<int32_t, 256> fallback_{};
  WordCache cache_;
};

}  // namespace loongforge::tokenizer
