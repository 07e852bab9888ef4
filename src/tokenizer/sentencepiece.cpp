// SPDX-License-Identifier: Apache-2.0
// SentencePiece models as tokenizers: normalizer, decoder, special tokens.
#include "tokenizer/sentencepiece.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "tokenizer/charsmap.h"
#include "tokenizer/parts.h"
#include "tokenizer/unicode.h"
#include "tokenizer/unigram.h"

namespace loongforge::tokenizer {
namespace {

// The character map, and spaces made single, escaped, and put in front.
class SpaceNormalizer {
 public:
  explicit SpaceNormalizer(const SentencePieceModel& model)
      : map_(std::make_shared<const Charsmap>(model.charsmap)),
        fixed_(user_defined_pieces(model)),
        dummy_prefix_(model.dummy_prefix),
        remove_(model.remove_spaces),
        space_(model.escape_spaces ? kSpaceMark : " ") {}

  void operator()(std::string& text) const {
    std::string_view rest = text;
    while (remove_ && !rest.empty()) {
      auto [length, mapped] = prefix(rest);
      if (mapped != " ") break;
      rest.remove_prefix(length);
    }
    std::string out;
    out.reserve(rest.size() + rest.size() / 2 + 3);
    if (dummy_prefix_ && !rest.empty()) out += space_;
    bool after_space = remove_;
    while (!rest.empty()) {
      auto [length, mapped] = prefix(rest);
      while (after_space && mapped.starts_with(' ')) mapped.remove_prefix(1);
      for (char c : mapped) c == ' ' ? out += space_ : out += c;
      if (!mapped.empty()) after_space = mapped.ends_with(' ');
      after_space &= remove_;
      rest.remove_prefix(length);
    }
    while (remove_ && out.ends_with(space_)) out.resize(out.size() - space_.size());
    text = std::move(out);
  }

 private:
  Charsmap::Hit prefix(std::string_view text) const {
    if (!fixed_->empty()) {
      if (size_t length = fixed_->longest(text).length; length > 0) return {length, text.substr(0, length)};
    }
    if (auto hit = map_->longest(text)) return *hit;
    size_t end = 0;
    next_code_point(text, end);
    return {end, text.substr(0, end)};
  }

  std::shared_ptr<const Charsmap> map_;
  std::shared_ptr<const Trie> fixed_;
  bool dummy_prefix_, remove_;
  std::string_view space_;
};

std::unique_ptr<Model> make_unigram(const SentencePieceModel& model) {
  std::vector<Unigram::Piece> pieces;
  float lowest = std::numeric_limits<float>::max(), highest = std::numeric_limits<float>::lowest();
  for (const SentencePiece& piece : model.pieces) {
    bool usable = piece.type == PieceType::normal || piece.type == PieceType::user_defined;
    pieces.push_back({piece.text, piece.score, usable, piece.type == PieceType::user_defined});
    if (piece.type != PieceType::normal) continue;
    lowest = std::min(lowest, piece.score);
    highest = std::max(highest, piece.score);
  }
  return std::make_unique<Unigram>(pieces, model.unknown, model.byte_fallback, lowest, highest);
}

std::optional<char> byte_of(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x")) return std::nullopt;
  auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  return static_cast<char>(digit(token[3]) * 16 + digit(token[4]));
}

// Bytes together as UTF-8, each byte that isn't as U+FFFD.
void append_bytes(std::string& out, std::string_view bytes) {
  while (!bytes.empty()) {
    size_t valid = valid_utf8_prefix(bytes);
    out += bytes.substr(0, valid);
    bytes.remove_prefix(valid);
    if (bytes.empty()) return;
    out += "\xEF\xBF\xBD";
    bytes.remove_prefix(1);
  }
}

Decoder make_piece_decoder(const SentencePieceModel& model) {
  auto bytes = std::make_shared<std::set<std::string>>();
  for (const SentencePiece& piece : model.pieces)
    if (piece.type == PieceType::byte && byte_of(piece.text)) bytes->insert(piece.text);
  bool drop_first = model.dummy_prefix || model.remove_spaces, drop_all = model.remove_spaces;
  return [=](std::vector<std::string>& tokens) {
    std::string out, pending;
    bool dropped = false;
    for (const std::string& token : tokens) {
      if (bytes->contains(token)) {
        pending += *byte_of(token);
        continue;
      }
      append_bytes(out, pending);
      pending.clear();
      std::string_view piece = token;
      if (out.empty() && !dropped && drop_first && piece.starts_with(kSpaceMark)) {
        piece.remove_prefix(kSpaceMark.size());
        dropped = !drop_all;
      }
      for (size_t at; (at = piece.find(kSpaceMark)) != piece.npos; piece.remove_prefix(at + kSpaceMark.size()))
        out.append(piece.substr(0, at)).append(" ");
      out += piece;
    }
    append_bytes(out, pending);
    tokens = {std::move(out)};
  };
}

Ids configured_ids(const nlohmann::json& config, const char* key, const Vocabulary& vocabulary,
                   const std::string& token) {
  auto found = vocabulary.find(token);
  bool wanted = config.is_object() && config.contains(key) && config[key] == true && found != vocabulary.end();
  return wanted ? Ids{found->second} : Ids{};
}

}  // namespace

TokenizerParts read_sentencepiece(std::string_view bytes, const std::string& origin, const nlohmann::json& config) {
  SentencePieceModel model = read_sentencepiece_model(bytes, origin);
  TokenizerParts parts;
  parts.normalizer = SpaceNormalizer(model);
  parts.pre_tokenizer = [](Pieces&) {};
  parts.model = model.kind == SentencePieceKind::bpe ? make_sentencepiece_bpe(model) : make_unigram(model);
  parts.decoder = make_piece_decoder(model);
  for (size_t id = 0; id < model.pieces.size(); ++id) {
    auto number = static_cast<int32_t>(id);
    parts.texts[number] = number == model.unknown ? model.unknown_surface : model.pieces[id].text;
    if (model.pieces[id].type == PieceType::control) parts.special.insert(number);
  }
  parts.added = configured_tokens(config, origin);
  parts.end_token = model.eos;
  Ids begin = configured_ids(config, "add_bos_token", parts.model->vocabulary(), model.bos);
  Ids end = configured_ids(config, "add_eos_token", parts.model->vocabulary(), model.eos);
  parts.post_processor = [begin, end](std::vector<Ids>& sequences, bool special) {
    if (!special) return;
    for (Ids& ids : sequences) {
      ids.insert(ids.begin(), begin.begin(), begin.end());
      ids.insert(ids.end(), end.begin(), end.end());
    }
  };
  return parts;
}

}  // namespace loongforge::tokenizer
