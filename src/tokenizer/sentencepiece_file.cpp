// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/error.h"
#include "tokenizer/protobuf.h"
#include "tokenizer/sentencepiece.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {
namespace {

SentencePiece read_piece(std::string_view bytes, const std::string& origin) {
  SentencePiece piece;
  for (WireReader in(bytes, origin); in.next();) {
    if (in.field() == 1) piece.text = in.bytes();
    if (in.field() == 2) piece.score = in.real();
    if (in.field() == 3) piece.type = static_cast<PieceType>(in.number());
  }
  return piece;
}

void read_trainer(std::string_view bytes, const std::string& origin, SentencePieceModel& model) {
  for (WireReader in(bytes, origin); in.next();) {
    if (in.field() == 3) model.kind = static_cast<SentencePieceKind>(in.number());
    if (in.field() == 24) model.suffix_spaces = in.number() != 0;
    if (in.field() == 35) model.byte_fallback = in.number() != 0;
    if (in.field() == 44) model.unknown_surface = in.bytes();
    if (in.field() == 46) model.bos = in.bytes();
    if (in.field() == 47) model.eos = in.bytes();
  }
}

void read_normalizer(std::string_view bytes, const std::string& origin, SentencePieceModel& model) {
  for (WireReader in(bytes, origin); in.next();) {
    if (in.field() == 2) model.charsmap = in.bytes();
    if (in.field() == 3) model.dummy_prefix = in.number() != 0;
    if (in.field() == 4) model.remove_spaces = in.number() != 0;
    if (in.field() == 5) model.escape_spaces = in.number() != 0;
  }
}

}  // namespace

SentencePieceModel read_sentencepiece_model(std::string_view bytes, const std::string& origin) {
  SentencePieceModel model;
  for (WireReader in(bytes, origin); in.next();) {
    if (in.field() == 1) model.pieces.push_back(read_piece(in.bytes(), origin));
    if (in.field() == 2) read_trainer(in.bytes(), origin, model);
    if (in.field() == 3) read_normalizer(in.bytes(), origin, model);
  }
  auto refuse = [&](std::string_view what) {
    throw DataError(fmt::format("{}: {}", origin, what), "is it a SentencePiece model of kind BPE or Unigram?");
  };
  for (size_t id = 0; id < model.pieces.size(); ++id) {
    if (model.pieces[id].text.empty()) refuse(fmt::format("piece {} is empty", id));
    if (valid_utf8_prefix(model.pieces[id].text) != model.pieces[id].text.size())
      refuse(fmt::format("piece {} is not valid UTF-8", id));
    if (model.pieces[id].type == PieceType::unknown) model.unknown = static_cast<int32_t>(id);
  }
  if (model.unknown < 0) refuse("no piece for unknown characters");
  if (model.kind != SentencePieceKind::bpe && model.kind != SentencePieceKind::unigram)
    refuse("only the kinds BPE and Unigram are supported");
  if (model.suffix_spaces) refuse("treat_whitespace_as_suffix is not supported");
  return model;
}

std::shared_ptr<const Trie> user_defined_pieces(const SentencePieceModel& model) {
  std::vector<Trie::Key> keys;
  for (size_t id = 0; id < model.pieces.size(); ++id)
    if (model.pieces[id].type == PieceType::user_defined)
      keys.emplace_back(model.pieces[id].text, static_cast<int32_t>(id));
  return std::make_shared<const Trie>(std::move(keys));
}

}  // namespace loongforge::tokenizer
