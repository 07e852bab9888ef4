// SPDX-License-Identifier: Apache-2.0
// SentencePiece models: their file (protocol buffers, read field by field), normalizer, BPE and decoder. Ids and texts
// are those of the sentencepiece library.
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <queue>

#include "loongforge/core/error.h"
#include "tokenizer/charsmap.h"
#include "tokenizer/parts.h"
#include "tokenizer/protobuf.h"
#include "tokenizer/unicode.h"
#include "tokenizer/unigram.h"

namespace loongforge::tokenizer {
namespace {

constexpr std::string_view kMark = "\xE2\x96\x81";

enum class PieceType : uint64_t { normal = 1, unknown, control, user_defined, unused, byte };
enum class Kind : uint64_t { unigram = 1, bpe };

struct SentencePiece {
  std::string text;
  float score = 0;
  PieceType type = PieceType::normal;
};

struct SentencePieceModel {
  std::vector<SentencePiece> pieces;
  Kind kind = Kind::unigram;
  bool byte_fallback = false, suffix_spaces = false;
  bool dummy_prefix = true, remove_spaces = true, escape_spaces = true;
  std::string unknown_surface = " \xE2\x81\x87 ", charsmap, bos = "<s>", eos = "</s>";
  int32_t unknown = -1;
};

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
    if (in.field() == 3) model.kind = static_cast<Kind>(in.number());
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

SentencePieceModel read_model(std::string_view bytes, const std::string& origin) {
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
  if (model.kind != Kind::bpe && model.kind != Kind::unigram) refuse("only the kinds BPE and Unigram are supported");
  if (model.suffix_spaces) refuse("treat_whitespace_as_suffix is not supported");
  return model;
}

std::shared_ptr<const Trie> user_defined(const SentencePieceModel& model) {
  std::vector<Trie::Key> keys;
  for (size_t id = 0; id < model.pieces.size(); ++id)
    if (model.pieces[id].type == PieceType::user_defined)
      keys.emplace_back(model.pieces[id].text, static_cast<int32_t>(id));
  return std::make_shared<const Trie>(std::move(keys));
}

// The character map, and spaces made single, escaped, and put in front.
class SpaceNormalizer {
 public:
  explicit SpaceNormalizer(const SentencePieceModel& model)
      : map_(std::make_shared<const Charsmap>(model.charsmap)),
        fixed_(user_defined(model)),
        dummy_prefix_(model.dummy_prefix),
        remove_(model.remove_spaces),
        space_(model.escape_spaces ? kMark : " ") {}

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

// Neighbouring symbols whose joined text is a piece are joined, best score first, leftmost first.
class SentencePieceBpe final : public Model {
 public:
  explicit SentencePieceBpe(const SentencePieceModel& model)
      : fixed_(user_defined(model)), unknown_(model.unknown), byte_fallback_(model.byte_fallback) {
    for (const SentencePiece& piece : model.pieces) {
      vocabulary_.emplace(piece.text, static_cast<int32_t>(scores_.size()));
      scores_.push_back(piece.score);
      types_.push_back(piece.type);
    }
    fallback_ = byte_tokens(vocabulary_);
    cuts_ = std::none_of(model.pieces.begin(), model.pieces.end(),
                         [](const SentencePiece& piece) {
                           size_t begin = 0;
                           while (std::string_view(piece.text).substr(begin).starts_with(kMark)) begin += kMark.size();
                           return piece.text.find(kMark, begin) != piece.text.npos;
                         }) &&
            vocabulary_.contains(kMark);
  }

  // No piece goes on with a space after something else, so the text falls into words.
  void encode(std::string_view text, std::vector<int32_t>& ids) const override {
    for (size_t begin = 0, end; begin < text.size(); begin = end) {
      end = cuts_ ? begin : text.size();
      while (end < text.size() && text.substr(end).starts_with(kMark)) end += kMark.size();
      if (cuts_) end = std::min(text.size(), text.find(kMark, std::max(end, begin + 1)));
      encode_word(text.substr(begin, end - begin), ids);
    }
  }

 private:
  struct Symbol {
    uint32_t begin, end;  // bytes; empty once joined to the one before
    int32_t previous, next;
    bool fixed;
  };
  struct Candidate {
    float score;
    int32_t left, right;
    uint32_t bytes;
    bool operator<(const Candidate& o) const { return score != o.score ? score < o.score : left > o.left; }
  };
  struct Work {
    std::string_view word;
    std::vector<Symbol> symbols;
    std::priority_queue<Candidate> queue;
    std::unordered_map<std::string_view, std::pair<uint32_t, uint32_t>> unused;  // piece → lengths of its halves
  };

  void encode_word(std::string_view word, std::vector<int32_t>& ids) const {
    size_t hash = StringHash{}(word);
    bool cached = cuts_ && word.size() <= WordCache::kMaxBytes;
    // Unknown characters of neighbouring words may have to be one id, so only words without any are kept.
    if (cached && cache_.find(word, hash, ids)) return;
    if (word.size() >= std::numeric_limits<int32_t>::max())
      throw DataError("a text of over 2 GiB in one piece", "cut it into documents");
    Work work;
    work.word = word;
    split(work);
    join(work);
    size_t before = ids.size();
    bool clean = true;
    for (int32_t at = 0; at >= 0 && !work.symbols.empty(); at = work.symbols[static_cast<size_t>(at)].next)
      clean &= emit(text_of(work, at), work, ids);
    if (cached && clean) cache_.keep(word, hash, ids.data() + before, ids.size() - before);
  }

  static std::string_view text_of(const Work& work, int32_t symbol) {
    const Symbol& s = work.symbols[static_cast<size_t>(symbol)];
    return work.word.substr(s.begin, s.end - s.begin);
  }

  void split(Work& work) const {
    for (size_t pos = 0; pos < work.word.size();) {
      size_t begin = pos, fixed = fixed_->empty() ? 0 : fixed_->longest(work.word.substr(pos)).length;
      if (fixed > 0) {
        pos += fixed;
      } else {
        next_code_point(work.word, pos);
      }
      auto index = static_cast<int32_t>(work.symbols.size());
      work.symbols.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(pos), index - 1,
                              pos < work.word.size() ? index + 1 : -1, fixed > 0});
    }
    for (int32_t i = 1; i < static_cast<int32_t>(work.symbols.size()); ++i) offer(work, i - 1, i);
  }

  void offer(Work& work, int32_t left, int32_t right) const {
    if (left < 0 || right < 0) return;
    const Symbol &a = work.symbols[static_cast<size_t>(left)], &b = work.symbols[static_cast<size_t>(right)];
    if (a.fixed || b.fixed) return;
    std::string_view joined = work.word.substr(a.begin, b.end - a.begin);
    auto found = vocabulary_.find(joined);
    if (found == vocabulary_.end()) return;
    auto id = static_cast<size_t>(found->second);
    work.queue.push({scores_[id], left, right, b.end - a.begin});
    if (types_[id] == PieceType::unused) work.unused[joined] = {a.end - a.begin, b.end - b.begin};
  }

  void join(Work& work) const {
    while (!work.queue.empty()) {
      Candidate best = work.queue.top();
      work.queue.pop();
      Symbol &left = work.symbols[static_cast<size_t>(best.left)],
             &right = work.symbols[static_cast<size_t>(best.right)];
      if (left.begin == left.end || right.begin == right.end || right.end - left.begin != best.bytes ||
          left.end != right.begin)
        continue;
      left.end = right.end;
      left.next = right.next;
      if (right.next >= 0) work.symbols[static_cast<size_t>(right.next)].previous = best.left;
      right.end = right.begin;
      offer(work, left.previous, best.left);
      offer(work, best.left, left.next);
    }
  }

  // False when the text is unknown.
  bool emit(std::string_view text, const Work& work, std::vector<int32_t>& ids) const {
    auto found = vocabulary_.find(text);
    int32_t id = found == vocabulary_.end() ? unknown_ : found->second;
    if (types_[static_cast<size_t>(id)] == PieceType::unused) {
      if (auto halves = work.unused.find(text); halves != work.unused.end()) {
        bool first = emit(text.substr(0, halves->second.first), work, ids);
        return emit(text.substr(halves->second.first), work, ids) && first;
      }
    }
    if (id != unknown_) {
      ids.push_back(id);
    } else if (byte_fallback_) {
      for (char c : text) {
        int32_t byte = fallback_[static_cast<uint8_t>(c)];
        ids.push_back(byte < 0 ? unknown_ : byte);
      }
    } else if (ids.empty() || ids.back() != unknown_) {
      ids.push_back(unknown_);  // unknown characters side by side are one
    }
    return id != unknown_;
  }

  std::shared_ptr<const Trie> fixed_;
  std::vector<float> scores_;
  std::vector<PieceType> types_;
  int32_t unknown_;
  bool byte_fallback_, cuts_ = false;
  std::array<int32_t, 256> fallback_{};
  WordCache cache_;
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
      if (out.empty() && !dropped && drop_first && piece.starts_with(kMark)) {
        piece.remove_prefix(kMark.size());
        dropped = !drop_all;
      }
      for (size_t at; (at = piece.find(kMark)) != piece.npos; piece.remove_prefix(at + kMark.size()))
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
  SentencePieceModel model = read_model(bytes, origin);
  TokenizerParts parts;
  parts.normalizer = SpaceNormalizer(model);
  parts.pre_tokenizer = [](Pieces&) {};
  parts.model = model.kind == Kind::bpe ? std::make_unique<SentencePieceBpe>(model) : make_unigram(model);
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
