// SPDX-License-Identifier: Apache-2.0
// Which bytes and tokens of a rendered conversation a model is trained to say.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "loongforge/tokenizer/chat.h"

namespace loongforge::tokenizer {

/// `all`: every turn of the assistant. `last`: the last one. `completions`: those after the last message of a user
/// (with tool calls these are several turns), or from message `prompt_messages` on where that is given.
enum class TrainOn { all, last, completions };

/// What to do when an earlier turn can't be found in the whole text, because the template writes a turn otherwise once
/// others follow (reasoning that is dropped, another end token).
enum class OnRewrite { last_turn, refuse };

struct MaskOptions {
  TrainOn train_on = TrainOn::all;
  OnRewrite on_rewrite = OnRewrite::last_turn;
  /// For `completions`: how many messages make the prompt; negative: up to the last message of a user.
  int64_t prompt_messages = -1;
};

/// Bytes [begin, end) of the text, written by the assistant in turn `message` (index into the messages): its content,
/// reasoning and tool calls with the token that ends the turn, without the header before and the white space after it.
struct TurnSpan {
  size_t begin = 0, end = 0;
  size_t message = 0;
  bool train = false;
  bool operator==(const TurnSpan&) const = default;
};

struct RenderedConversation {
  std::string text;
  /// In order, disjoint, never empty. Turns that couldn't be placed are missing (see `note`).
  std::vector<TurnSpan> turns;
  /// Empty, or why only the last turn is trained (`OnRewrite::last_turn`).
  std::string note;
};

/// Renders `messages` and finds the turns of the assistant: from {% generation %} where the template has it, otherwise
/// by rendering the conversation up to each turn (with the generation prompt) and with it.
/// DataError with the reason when the template refuses the conversation, when there is nothing to train on, and when a
/// turn can't be placed under `OnRewrite::refuse` (or is the one to train).
/// `options.add_generation_prompt` and `continue_final_message` must be off.
RenderedConversation render_conversation(const ChatTemplate& chat_template, const Json& messages,
                                         const ChatOptions& options = {}, const MaskOptions& mask = {});

/// One byte range of the text for each token; empty ranges for tokens that stand for no text.
using TokenRange = ChatTemplate::Range;

/// 1 for each token that is trained: its first byte lies in a trained span. So a token that begins in the header and
/// reaches into the turn is not trained (the model is never asked for it), one that begins in the turn and reaches
/// past its end is. Tokens without text are not trained. `tokens` must be ordered by `begin`.
std::vector<uint8_t> token_mask(const RenderedConversation& conversation, std::span<const TokenRange> tokens);

}  // namespace loongforge::tokenizer
