// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/model.h"

#include "loongforge/core/error.h"
#include "tokenizer/bpe.h"
#include "tokenizer/unigram.h"
#include "tokenizer/word_models.h"

namespace loongforge::tokenizer {

std::unique_ptr<Model> make_model(const JsonNode& root, bool& raw_bytes) {
  JsonNode model = root.at("model");
  // Files of before 2020 name no type; what has merges is byte-pair encoding.
  std::string type = model.string_or("type", model.has("merges") ? "BPE" : "");
  if (type == "BPE") {
    auto bpe = std::make_unique<Bpe>(model);
    raw_bytes = raw_bytes && bpe->take_raw_bytes();
    return bpe;
  }
  raw_bytes = false;
  if (type == "Unigram") return std::make_unique<Unigram>(model);
  if (type == "WordPiece") return std::make_unique<WordPiece>(model);
  if (type == "WordLevel") return std::make_unique<WordLevel>(model);
  model.fail(fmt::format("model '{}' is not supported (BPE, Unigram, WordPiece and WordLevel are)", type));
}

bool WordCache::find(std::string_view word, size_t hash, std::vector<int32_t>& ids) const {
  Part& part = parts_[hash % kParts];
  std::unique_lock lock(part.mutex, std::try_to_lock);
  if (!lock || part.slots.empty()) return false;
  for (size_t slot = hash / kParts;; ++slot) {
    uint16_t index = part.slots[slot % kSlots];
    if (index == 0) return false;
    const Entry& entry = part.entries[index - 1u];
    if (entry.hash != hash || entry.word != word) continue;
    ids.insert(ids.end(), entry.ids.begin(), entry.ids.end());
    return true;
  }
}

void WordCache::keep(std::string_view word, size_t hash, const int32_t* ids, size_t count) const {
  Part& part = parts_[hash % kParts];
  std::unique_lock lock(part.mutex, std::try_to_lock);
  if (!lock || part.entries.size() == kEntries) return;
  if (part.slots.empty()) part.slots.resize(kSlots);
  size_t slot = hash / kParts;
  while (part.slots[slot % kSlots] != 0) {
    if (part.entries[part.slots[slot % kSlots] - 1u].word == word) return;  // another thread was first
    ++slot;
  }
  part.entries.push_back({hash, std::string(word), {ids, ids + count}});
  part.slots[slot % kSlots] = static_cast<uint16_t>(part.entries.size());
}

std::array<int32_t, 256> byte_tokens(const Vocabulary& vocabulary) {
  std::array<int32_t, 256> ids{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    auto found = vocabulary.find(fmt::format("<0x{:02X}>", byte));
    ids[byte] = found == vocabulary.end() ? -1 : found->second;
  }
  return ids;
}

}  // namespace loongforge::tokenizer
