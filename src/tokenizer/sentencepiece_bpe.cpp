// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <queue>

#include "loongforge/core/error.h"
#include "tokenizer/sentencepiece.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {
namespace {

// Neighbouring symbols whose joined text is a piece are joined, best score first, leftmost first.
class SentencePieceBpe final : public Model {
 public:
  explicit SentencePieceBpe(const SentencePieceModel& model)
      : fixed_(user_defined_pieces(model)), unknown_(model.unknown), byte_fallback_(model.byte_fallback) {
    for (const SentencePiece& piece : model.pieces) {
      vocabulary_.emplace(piece.text, static_cast<int32_t>(scores_.size()));
      scores_.push_back(piece.score);
      types_.push_back(piece.type);
    }
    fallback_ = byte_tokens(vocabulary_);
    cuts_ = std::none_of(model.pieces.begin(), model.pieces.end(),
                         [](const SentencePiece& piece) {
                           size_t begin = 0;
                           while (std::string_view(piece.text).substr(begin).starts_with(kSpaceMark))
                             begin += kSpaceMark.size();
                           return piece.text.find(kSpaceMark, begin) != piece.text.npos;
                         }) &&
            vocabulary_.contains(kSpaceMark);
  }

  // No piece goes on with a space after something else, so the text falls into words.
  void encode(std::string_view text, std::vector<int32_t>& ids) const override {
    for (size_t begin = 0, end; begin < text.size(); begin = end) {
      end = cuts_ ? begin : text.size();
      while (end < text.size() && text.substr(end).starts_with(kSpaceMark)) end += kSpaceMark.size();
      if (cuts_) end = std::min(text.size(), text.find(kSpaceMark, std::max(end, begin + 1)));
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

}  // namespace

std::unique_ptr<Model> make_sentencepiece_bpe(const SentencePieceModel& model) {
  return std::make_unique<SentencePieceBpe>(model);
}

}  // namespace loongforge::tokenizer
