// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <span>
#include <string_view>

#include "loongforge/core/error.h"
#include "loongforge/corpus/sft.h"

namespace loongforge::corpus {

namespace {

/// Walks over the borders of turns in a text, in order, and tells where they fall among the ids of the whole text.
class Borders {
 public:
  Borders(const tokenizer::Tokenizer& tokenizer, std::string_view text, const std::vector<int32_t>& ids)
      : tokenizer_(tokenizer), text_(text), ids_(ids) {}

  /// Number of ids that begin before byte `at`, which is not before that of the last call. When an id reaches over the
  /// border, it counts.
  size_t ids_before(size_t at) {
    if (at >= text_.size()) return ids_.size();
    // The piece since the last border alone: where its ids are those of the whole, the border lies between two ids.
    if (exact_) {
      const auto piece = tokenizer_.encode(text_.substr(byte_, at - byte_), false);
      const auto rest = std::span(ids_).subspan(id_);
      if (piece.size() <= rest.size() && std::equal(piece.begin(), piece.end(), rest.begin())) {
        byte_ = at;
        return id_ += piece.size();
      }
    }
    const auto before = tokenizer_.encode(text_.substr(0, at), false);
    const auto differ = std::mismatch(before.begin(), before.end(), ids_.begin(), ids_.end());
    exact_ = differ.first == before.end();
    byte_ = at;
    id_ = static_cast<size_t>(differ.second - ids_.begin());
    return std::min(id_ + (exact_ ? 0 : 1), ids_.size());
  }

 private:
  const tokenizer::Tokenizer& tokenizer_;
  std::string_view text_;
  const std::vector<int32_t>& ids_;
  size_t byte_ = 0, id_ = 0;
  bool exact_ = true;
};

/// A byte range for each id that tells on which side of every turn's borders the id begins.
std::vector<tokenizer::TokenRange> coarse_ranges(const tokenizer::Tokenizer& tokenizer,
                                                 const tokenizer::RenderedConversation& rendered,
                                                 const std::vector<int32_t>& ids) {
  std::vector<tokenizer::TokenRange> ranges(ids.size(), {0, 1});
  Borders borders(tokenizer, rendered.text, ids);
  for (const auto& turn : rendered.turns) {
    for (size_t at : {turn.begin, turn.end}) {
      for (size_t i = borders.ids_before(at); i < ids.size(); ++i) ranges[i] = {at, at + 1};
    }
  }
  return ranges;
}

}  // namespace

SftTokens tokenize_conversation(const Conversation& conversation, const tokenizer::ChatTemplate& chat,
                                const tokenizer::Tokenizer& tokenizer, tokenizer::MaskOptions mask, std::string* note) {
  tokenizer::ChatOptions options;
  if (!conversation.tools.is_null()) options.tools = std::make_shared<const Json>(conversation.tools);
  if (conversation.prompt_messages >= 0) mask.prompt_messages = conversation.prompt_messages;
  auto rendered = tokenizer::render_conversation(chat, conversation.messages, options, mask);
  if (note) *note = rendered.note;
  SftTokens tokens;
  tokens.ids = tokenizer.encode(rendered.text, /*add_special_tokens=*/false);
  tokens.weights.assign(tokens.ids.size(), 0.0);
  const auto ranges = coarse_ranges(tokenizer, rendered, tokens.ids);
  // Each turn alone, since turns may weigh differently.
  for (auto& turn : rendered.turns) {
    if (!turn.train) continue;
    tokenizer::RenderedConversation one{rendered.text, {turn}, {}};
    const auto chosen = tokenizer::token_mask(one, ranges);
    const double weight = conversation.weight * conversation.message_weights.at(turn.message);
    for (size_t i = 0; i < chosen.size(); ++i) {
      if (chosen[i]) tokens.weights[i] = weight;
    }
  }
  return tokens;
}

}  // namespace loongforge::corpus
