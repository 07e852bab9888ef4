// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/bpe.h"

#include <algorithm>
#include <bit>
#include <queue>

#include "loongforge/core/error.h"
#include "tokenizer/unicode.h"
#include "tokenizer/word_models.h"

namespace loongforge::tokenizer {
namespace {

constexpr std::string_view kMark = "\xE2\x96\x81";  // stands for a space in vocabularies made by SentencePiece
constexpr size_t kShort = 48;

struct Candidate {
  int32_t rank;
  uint32_t left;
  int32_t id;
  bool operator<(const Candidate& o) const { return rank != o.rank ? rank > o.rank : left > o.left; }
};

// A word as a doubly linked list in an array, merged lowest rank first, leftmost first: O(n log n).
class MergeList {
 public:
  MergeList(const std::vector<int32_t>& ids, const MergeTable& merges) : merges_(merges), nodes_(ids.size()) {
    for (uint32_t i = 0; i < ids.size(); ++i) nodes_[i] = {ids[i], i - 1, i + 1};
    for (uint32_t i = 0; i + 1 < ids.size(); ++i) offer(i);
  }

  void run(std::vector<int32_t>& ids) {
    while (!queue_.empty()) {
      Candidate best = queue_.top();
      queue_.pop();
      Node& left = nodes_[best.left];
      if (left.id < 0 || left.next >= nodes_.size()) continue;
      Node& right = nodes_[left.next];
      // As the tokenizers package: a stale candidate still holds when the pair now there makes the same token.
      const auto& entry = merges_.find(left.id, right.id);
      if (entry.rank == MergeTable::kNone || entry.id != best.id) continue;
      left.id = best.id;
      right.id = kRemoved;
      left.next = right.next;
      if (left.next < nodes_.size()) nodes_[left.next].previous = best.left;
      if (left.previous < nodes_.size()) offer(left.previous);
      if (left.next < nodes_.size()) offer(best.left);
    }
    ids.clear();
    for (const Node& node : nodes_)
      if (node.id != kRemoved) ids.push_back(node.id);
  }

 private:
  static constexpr int32_t kRemoved = -1;
  struct Node {
    int32_t id;
    uint32_t previous, next;  // out of range at the ends
  };

  void offer(uint32_t left) {
    const auto& entry = merges_.find(nodes_[left].id, nodes_[nodes_[left].next].id);
    if (entry.rank != MergeTable::kNone) queue_.push({entry.rank, left, entry.id});
  }

  const MergeTable& merges_;
  std::vector<Node> nodes_;
  std::priority_queue<Candidate> queue_;
};

// Short words: the pairs' ranks side by side, searched for the lowest each time.
void merge_short(std::vector<int32_t>& ids, const MergeTable& merges) {
  std::array<int32_t, kShort> ranks, made;
  size_t count = ids.size();
  auto rank_pair = [&](size_t i) {
    const auto& entry = merges.find(ids[i], ids[i + 1]);
    ranks[i] = entry.rank;
    made[i] = entry.id;
  };
  for (size_t i = 0; i + 1 < count; ++i) rank_pair(i);
  while (count > 1) {
    auto end = ranks.begin() + static_cast<std::ptrdiff_t>(count - 1);
    auto best = static_cast<size_t>(std::min_element(ranks.begin(), end) - ranks.begin());
    if (ranks[best] == MergeTable::kNone) break;
    ids[best] = made[best];
    for (size_t i = best + 1; i + 1 < count; ++i) {
      ids[i] = ids[i + 1];
      ranks[i] = ranks[i + 1 < count - 1 ? i + 1 : i];
      made[i] = made[i + 1 < count - 1 ? i + 1 : i];
    }
    --count;
    if (best > 0) rank_pair(best - 1);
    if (best + 1 < count) rank_pair(best);
  }
  ids.resize(count);
}

void merge(std::vector<int32_t>& ids, const MergeTable& merges) {
  if (ids.size() <= kShort) return merge_short(ids, merges);
  MergeList(ids, merges).run(ids);
}

}  // namespace

MergeTable::MergeTable(size_t count)
    : entries_(std::bit_ceil(2 * count + 2)), shift_(64 - std::countr_zero(entries_.size())) {}

void MergeTable::insert(int32_t left, int32_t right, int32_t rank, int32_t id) {
  if (2 * (used_ + 1) > entries_.size()) grow();
  Entry& entry = entries_[slot(pair_of(left, right))];
  if (entry.pair == kEmpty) ++used_;
  entry = {pair_of(left, right), rank, id};
}

void MergeTable::grow() {
  std::vector<Entry> old(entries_.size() * 2);
  old.swap(entries_);
  --shift_;
  for (const Entry& entry : old)
    if (entry.pair != kEmpty) entries_[slot(entry.pair)] = entry;
}

Bpe::Bpe(const JsonNode& node)
    : continuing_prefix_(node.string_or("continuing_subword_prefix", "")),
      word_suffix_(node.string_or("end_of_word_suffix", "")),
      fuse_unknown_(node.bool_or("fuse_unk", false)),
      byte_fallback_(node.bool_or("byte_fallback", false)),
      ignore_merges_(node.bool_or("ignore_merges", false)) {
  if (node.has("dropout") && node.at("dropout").json() != 0.0)
    node.at("dropout").fail("merge dropout is not supported");
  vocabulary_ = read_vocabulary(node.at("vocab"));
  read_merges(node.at("merges"));
  if (std::string unknown = node.string_or("unk_token", ""); !unknown.empty()) {
    auto found = vocabulary_.find(unknown);
    if (found == vocabulary_.end()) node.at("unk_token").fail(fmt::format("'{}' is not in the vocabulary", unknown));
    unknown_ = found->second;
  }
  fallback_ = byte_tokens(vocabulary_);
  find_cuts();
}

Bpe::Bpe(const std::vector<std::pair<std::string, int32_t>>& ranks) : ignore_merges_(true) {
  for (const auto& [bytes, rank] : ranks) {
    std::string written;
    for (char c : bytes) written += byte_to_char(static_cast<uint8_t>(c));
    vocabulary_.emplace(std::move(written), rank);
    by_bytes_.emplace(bytes, rank);
  }
  for (const auto& [bytes, rank] : ranks) {
    std::string_view token = bytes;
    for (size_t cut = 1; cut < token.size(); ++cut) {
      auto left = by_bytes_.find(token.substr(0, cut));
      if (left == by_bytes_.end()) continue;
      auto right = by_bytes_.find(token.substr(cut));
      if (right != by_bytes_.end()) merges_.insert(left->second, right->second, rank, rank);
    }
  }
  if (!take_raw_bytes()) throw DataError("a single byte has no rank", "copy the vocabulary again");
}

bool Bpe::take_raw_bytes() {
  bool plain = continuing_prefix_.empty() && word_suffix_.empty();
  for (unsigned byte = 0; byte < 256 && plain; ++byte) {
    auto found = vocabulary_.find(byte_to_char(static_cast<uint8_t>(byte)));
    plain = found != vocabulary_.end();
    if (plain) byte_ids_[byte] = found->second;
  }
  raw_bytes_ = plain;
  if (plain) cuts_before_mark_ = false;  // the mark is then three bytes like any others
  if (!plain || !ignore_merges_ || !by_bytes_.empty()) return plain;
  for (const auto& [token, id] : vocabulary_) {
    std::string bytes;
    bool written = true;
    for (size_t pos = 0; pos < token.size() && written;) {
      auto byte = char_to_byte(next_code_point(token, pos));
      written = byte.has_value();
      if (written) bytes += static_cast<char>(*byte);
    }
    if (written) by_bytes_.emplace(std::move(bytes), id);
  }
  return true;
}

// Without a pre-tokenizer a whole text is one word. Where no token goes on after something else with the mark for a
// space, no merge can cross the place before a mark, and the text may be cut there.
void Bpe::find_cuts() {
  cuts_before_mark_ =
      continuing_prefix_.empty() && word_suffix_.empty() && !ignore_merges_ && vocabulary_.contains(kMark);
  for (const auto& [token, id] : vocabulary_) {
    if (!cuts_before_mark_) return;
    size_t begin = 0;
    while (std::string_view(token).substr(begin).starts_with(kMark)) begin += kMark.size();
    cuts_before_mark_ = token.find(kMark, begin) == token.npos;
  }
}

void Bpe::read_merges(const JsonNode& node) {
  std::vector<JsonNode> merges = node.elements();
  merges_ = MergeTable(merges.size());
  auto id_of = [&](const JsonNode& merge, std::string_view token) {
    auto found = vocabulary_.find(token);
    if (found == vocabulary_.end()) merge.fail(fmt::format("'{}' is not in the vocabulary", token));
    return found->second;
  };
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const JsonNode& merge = merges[rank];
    std::string left, right;
    if (merge.json().is_array()) {
      auto pair = merge.elements();
      if (pair.size() != 2) merge.fail("a merge has two tokens");
      left = pair[0].string(), right = pair[1].string();
    } else {
      std::string line = merge.string();
      size_t space = line.find(' ');
      if (space == line.npos || line.find(' ', space + 1) != line.npos)
        merge.fail("a merge is two tokens with one space between");
      left = line.substr(0, space), right = line.substr(space + 1);
    }
    int32_t left_id = id_of(merge, left), right_id = id_of(merge, right);
    if (right.size() < continuing_prefix_.size()) merge.fail("the right token lacks the continuing_subword_prefix");
    merges_.insert(left_id, right_id, static_cast<int32_t>(rank),
                   id_of(merge, left + right.substr(continuing_prefix_.size())));
  }
}

bool Bpe::append_bytes(std::string_view symbol, std::vector<int32_t>& ids) const {
  for (char c : symbol)
    if (fallback_[static_cast<uint8_t>(c)] < 0) return false;
  for (char c : symbol) ids.push_back(fallback_[static_cast<uint8_t>(c)]);
  return true;
}

// One id a character. Unknown characters give the unknown token (a run of them one, when fused), or nothing without
// one.
void Bpe::symbols(std::string_view word, std::vector<int32_t>& ids) const {
  if (raw_bytes_) {
    for (char c : word) ids.push_back(byte_ids_[static_cast<uint8_t>(c)]);
    return;
  }
  bool pending_unknown = false;
  std::string dressed;
  for (size_t pos = 0; pos < word.size();) {
    size_t begin = pos;
    next_code_point(word, pos);
    std::string_view symbol = word.substr(begin, pos - begin);
    if ((begin > 0 && !continuing_prefix_.empty()) || (pos == word.size() && !word_suffix_.empty())) {
      dressed = begin > 0 ? continuing_prefix_ : "";
      dressed.append(symbol).append(pos == word.size() ? word_suffix_ : "");
      symbol = dressed;
    }
    if (auto found = vocabulary_.find(symbol); found != vocabulary_.end()) {
      if (pending_unknown) ids.push_back(*unknown_);
      pending_unknown = false;
      ids.push_back(found->second);
    } else if (!(byte_fallback_ && append_bytes(symbol, ids)) && unknown_) {
      if (pending_unknown && !fuse_unknown_) ids.push_back(*unknown_);
      pending_unknown = true;
    }
  }
  if (pending_unknown) ids.push_back(*unknown_);
}

std::optional<int32_t> Bpe::whole(std::string_view word) const {
  const Vocabulary& known = raw_bytes_ ? by_bytes_ : vocabulary_;
  auto found = known.find(word);
  return found == known.end() ? std::nullopt : std::optional(found->second);
}

void Bpe::encode_word(std::string_view word, std::vector<int32_t>& ids) const {
  if (ignore_merges_) {
    if (auto id = whole(word)) return ids.push_back(*id);
  }
  size_t hash = StringHash{}(word);
  bool cached = word.size() <= WordCache::kMaxBytes;
  if (cached && cache_.find(word, hash, ids)) return;
  std::vector<int32_t> merged;
  merged.reserve(word.size());
  symbols(word, merged);
  merge(merged, merges_);
  ids.insert(ids.end(), merged.begin(), merged.end());
  if (cached) cache_.keep(word, hash, merged.data(), merged.size());
}

void Bpe::encode(std::string_view word, std::vector<int32_t>& ids) const {
  if (!cuts_before_mark_) return encode_word(word, ids);
  size_t begin = 0;
  for (size_t at = word.find(kMark, 1); begin < word.size(); at = word.find(kMark, at + 1)) {
    if (at == word.npos) return encode_word(word.substr(begin), ids);
    bool inside_run = at >= begin + kMark.size() && word.substr(at - kMark.size()).starts_with(kMark);
    if (inside_run) continue;
    encode_word(word.substr(begin, at - begin), ids);
    begin = at;
  }
}

}  // namespace loongforge::tokenizer
