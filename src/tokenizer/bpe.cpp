// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/bpe.h"

#include <bit>
#include <queue>

#include "loongforge/core/error.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {
namespace {

uint64_t pair_of(int32_t left, int32_t right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

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

  std::vector<int32_t> run() {
    while (!queue_.empty()) {
      Candidate best = queue_.top();
      queue_.pop();
      Node& left = nodes_[best.left];
      if (left.id < 0 || left.next >= nodes_.size()) continue;
      Node& right = nodes_[left.next];
      // As the tokenizers package: a stale candidate still holds when the pair now there makes the same token.
      const auto* entry = right.id < 0 ? nullptr : merges_.find(left.id, right.id);
      if (entry == nullptr || entry->id != best.id) continue;
      left.id = best.id;
      right.id = kRemoved;
      left.next = right.next;
      if (left.next < nodes_.size()) nodes_[left.next].previous = best.left;
      if (left.previous < nodes_.size()) offer(left.previous);
      if (left.next < nodes_.size()) offer(best.left);
    }
    std::vector<int32_t> ids;
    for (const Node& node : nodes_)
      if (node.id != kRemoved) ids.push_back(node.id);
    return ids;
  }

 private:
  static constexpr int32_t kRemoved = -1;
  struct Node {
    int32_t id;
    uint32_t previous, next;  // out of range at the ends
  };

  void offer(uint32_t left) {
    int32_t a = nodes_[left].id, b = nodes_[nodes_[left].next].id;
    if (const auto* entry = merges_.find(a, b)) queue_.push({entry->rank, left, entry->id});
  }

  const MergeTable& merges_;
  std::vector<Node> nodes_;
  std::priority_queue<Candidate> queue_;
};

}  // namespace

MergeTable::MergeTable(size_t count)
    : entries_(std::bit_ceil(2 * count + 2)), shift_(64 - std::countr_zero(entries_.size())) {}

size_t MergeTable::slot(uint64_t pair) const {
  size_t i = pair * 0x9E3779B97F4A7C15ull >> shift_;
  while (entries_[i].pair != pair && entries_[i].pair != kEmpty) i = (i + 1) & (entries_.size() - 1);
  return i;
}

void MergeTable::insert(int32_t left, int32_t right, int32_t rank, int32_t id) {
  uint64_t pair = pair_of(left, right);
  entries_[slot(pair)] = {pair, rank, id};
}

const MergeTable::Entry* MergeTable::find(int32_t left, int32_t right) const {
  const Entry& entry = entries_[slot(pair_of(left, right))];
  return entry.pair == kEmpty ? nullptr : &entry;
}

Bpe::Bpe(const JsonNode& node)
    : continuing_prefix_(node.string_or("continuing_subword_prefix", "")),
      word_suffix_(node.string_or("end_of_word_suffix", "")),
      fuse_unknown_(node.bool_or("fuse_unk", false)),
      byte_fallback_(node.bool_or("byte_fallback", false)),
      ignore_merges_(node.bool_or("ignore_merges", false)) {
  if (node.has("dropout") && node.at("dropout").json() != 0.0)
    node.at("dropout").fail("merge dropout is not supported");
  read_vocabulary(node.at("vocab"));
  read_merges(node.at("merges"));
  if (std::string unknown = node.string_or("unk_token", ""); !unknown.empty()) {
    auto found = vocabulary_.find(unknown);
    if (found == vocabulary_.end()) node.at("unk_token").fail(fmt::format("'{}' is not in the vocabulary", unknown));
    unknown_ = found->second;
  }
}

void Bpe::read_vocabulary(const JsonNode& node) {
  if (!node.json().is_object()) node.fail(fmt::format("expected an object, found {}", node.json().type_name()));
  vocabulary_.reserve(node.json().size());
  for (const auto& [token, id] : node.json().items()) {
    if (!id.is_number_unsigned()) node.fail(fmt::format("the id of '{}' is not a non-negative integer", token));
    vocabulary_.emplace(token, JsonNode(id, node.path()).id());
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
  std::vector<int32_t> bytes;
  for (char c : symbol) {
    auto found = vocabulary_.find(fmt::format("<0x{:02X}>", static_cast<uint8_t>(c)));
    if (found == vocabulary_.end()) return false;
    bytes.push_back(found->second);
  }
  ids.insert(ids.end(), bytes.begin(), bytes.end());
  return true;
}

// One id a character. Unknown characters give the unknown token (a run of them one, when fused), or nothing without
// one.
std::vector<int32_t> Bpe::symbols(std::string_view word) const {
  std::vector<int32_t> ids;
  ids.reserve(word.size());
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
  return ids;
}

std::vector<int32_t> Bpe::merge_word(std::string_view word) const { return MergeList(symbols(word), merges_).run(); }

void Bpe::encode(std::string_view word, std::vector<int32_t>& ids) const {
  if (ignore_merges_) {
    if (auto found = vocabulary_.find(word); found != vocabulary_.end()) return ids.push_back(found->second);
  }
  if (word.size() > kMaxCachedBytes) {
    auto merged = merge_word(word);
    ids.insert(ids.end(), merged.begin(), merged.end());
    return;
  }
  CacheShard& shard = cache_[StringHash{}(word) % kShards];
  {
    std::lock_guard lock(shard.mutex);
    if (auto found = shard.words.find(word); found != shard.words.end()) {
      ids.insert(ids.end(), found->second.begin(), found->second.end());
      return;
    }
  }
  auto merged = merge_word(word);
  ids.insert(ids.end(), merged.begin(), merged.end());
  std::lock_guard lock(shard.mutex);
  if (shard.words.size() < kWordsPerShard) shard.words.emplace(word, std::move(merged));
}

}  // namespace loongforge::tokenizer
