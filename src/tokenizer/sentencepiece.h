// SPDX-License-Identifier: Apache-2.0
// What a SentencePiece model file says. Ids and texts made of it are those of the sentencepiece library.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/model.h"
#include "tokenizer/trie.h"

namespace loongforge::tokenizer {

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";

enum class PieceType : uint64_t { normal = 1, unknown, control, user_defined, unused, byte };
enum class SentencePieceKind : uint64_t { unigram = 1, bpe };

struct SentencePiece {
  std::string text;
  float score = 0;
  PieceType type = PieceType::normal;
};

struct SentencePieceModel {
  std::vector<SentencePiece> pieces;
  SentencePieceKind kind = SentencePieceKind::unigram;
  bool byte_fallback = false, suffix_spaces = false;
  bool dummy_prefix = true, remove_spaces = true, escape_spaces = true;
  std::string unknown_surface = " \xE2\x81\x87 ", charsmap, bos = "<s>", eos = "</s>";
  int32_t unknown = -1;
};

/// Reads a ModelProto. DataError, naming `origin`, for what is damaged or of a kind that isn't supported.
SentencePieceModel read_sentencepiece_model(std::string_view bytes, const std::string& origin);
/// The pieces that are found in text before anything else.
std::shared_ptr<const Trie> user_defined_pieces(const SentencePieceModel& model);
std::unique_ptr<Model> make_sentencepiece_bpe(const SentencePieceModel& model);

}  // namespace loongforge::tokenizer
