// SPDX-License-Identifier: Apache-2.0
#include "loongforge/tokenizer/chat_mask.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "loongforge/core/error.h"
#include "tokenizer/chat/text.h"

namespace loongforge::tokenizer {
namespace {

constexpr const char* kProbe = "QzProbeOfTheHeader";
constexpr const char* kRefusedHint =
    "split the conversation so that each turn is the last of a sample, train on the last turn, or use another template";

bool has_role(const Json& message, std::string_view role) {
  auto found = message.find("role");
  return found != message.end() && found->is_string() && found->get_ref<const std::string&>() == role;
}

// The text that a message ends with, as far as it can be told: its content, or the last text of its parts.
std::string last_text(const Json& message) {
  auto content = message.find("content");
  if (content == message.end()) return {};
  if (content->is_string()) return content->get<std::string>();
  if (!content->is_array()) return {};
  for (auto part = content->rbegin(); part != content->rend(); ++part)
    if (part->is_object() && part->contains("text") && (*part)["text"].is_string()) return (*part)["text"];
  return {};
}

size_t common_prefix(std::string_view a, std::string_view b) {
  auto [end, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<size_t>(end - a.begin());
}

// Finds turns in the whole text by rendering parts of the conversation.
class Placer {
 public:
  Placer(const ChatTemplate& chat_template, const Json& messages, const ChatOptions& options, std::string_view whole)
      : template_(chat_template), messages_(messages), options_(options), whole_(whole) {}

  /// The turn's bytes, or the reason why it can't be found.
  std::optional<ChatTemplate::Range> place(size_t turn, std::string& reason) {
    auto with = turn + 1 == messages_.size() ? std::optional(std::string(whole_)) : render(turn + 1, false);
    if (!with || !whole_.starts_with(*with)) {
      reason = fmt::format("message {} is written otherwise once others follow", turn);
      return std::nullopt;
    }
    auto begin = begin_of(turn);
    if (!begin || *begin >= with->size()) {
      reason = fmt::format("the beginning of message {} can't be told from what is before it", turn);
      return std::nullopt;
    }
    size_t end = end_of(turn, *begin, with->size());
    if (end <= *begin) {
      reason = fmt::format("the template writes nothing for message {}", turn);
      return std::nullopt;
    }
    return ChatTemplate::Range{*begin, end};
  }

 private:
  // The first `count` messages; none when the template refuses them.
  std::optional<std::string> render(size_t count, bool prompt, bool probe = false) {
    Json part(messages_.begin(), messages_.begin() + static_cast<ptrdiff_t>(count));
    if (count == 0) part = Json::array();
    if (probe) part.push_back({{"role", "assistant"}, {"content", kProbe}});
    ChatOptions options = options_;
    options.add_generation_prompt = prompt;
    try {
      return template_.render_marked(part, options).text;
    } catch (const DataError&) {
      return std::nullopt;
    }
  }

  std::optional<size_t> begin_of(size_t turn) {
    auto prompt = render(turn, true);
    if (prompt && whole_.starts_with(*prompt)) return prompt->size();
    // The generation prompt holds more than the header (an opened "<think>"), or the template can't render the messages
    // before: the header is what precedes a probe, as far as the generation prompt agrees.
    auto probed = render(turn, false, true);
    size_t at = probed ? probed->find(kProbe) : std::string::npos;
    if (at == std::string::npos) return std::nullopt;
    std::string_view header = std::string_view(*probed).substr(0, at);
    size_t begin = prompt ? agreed_header(turn, *prompt, header) : header.size();
    return whole_.starts_with(header.substr(0, begin)) ? std::optional(begin) : std::nullopt;
  }

  // How much of the header the generation prompt has too, whole tags only; all of it when that doesn't reach behind the
  // messages before.
  size_t agreed_header(size_t turn, std::string_view prompt, std::string_view header) {
    size_t agreed = common_prefix(prompt, header);
    if (agreed < prompt.size() && agreed < header.size())
      while (agreed > 0 && std::string_view(">] \n").find(header[agreed - 1]) == std::string_view::npos) --agreed;
    auto before = render(turn, false);
    if (before && whole_.starts_with(*before)) return agreed >= before->size() ? agreed : header.size();
    std::string content = turn > 0 ? last_text(messages_[turn - 1]) : std::string();
    std::string_view previous = jinja::strip_left(jinja::strip_right(content));
    bool behind = !previous.empty() && header.substr(0, agreed).find(previous) != header.npos &&
                  header.substr(agreed).find(previous) == header.npos;
    return behind ? agreed : header.size();
  }

  // Without the white space behind the token that ends the turn. Where nothing but white space follows the text, it is
  // itself what ends the turn.
  size_t end_of(size_t turn, size_t begin, size_t end) {
    std::string_view span = whole_.substr(begin, end - begin);
    std::string content = last_text(messages_[turn]);
    std::string_view text = jinja::strip_left(jinja::strip_right(content));
    size_t at = text.empty() ? span.npos : span.rfind(text);
    std::string_view tail = at == span.npos ? span : span.substr(at + text.size());
    if (jinja::strip_right(tail).empty()) return end;
    return begin + jinja::strip_right(span).size();
  }

  const ChatTemplate& template_;
  const Json& messages_;
  const ChatOptions& options_;
  std::string_view whole_;
};

std::vector<size_t> assistant_turns(const Json& messages) {
  std::vector<size_t> turns;
  for (size_t i = 0; i < messages.size(); ++i)
    if (has_role(messages[i], "assistant")) turns.push_back(i);
  if (turns.empty())
    throw DataError("the conversation has no turn of the assistant", "remove it from the data that is trained on");
  return turns;
}

size_t first_trained(const Json& messages, const std::vector<size_t>& turns, const MaskOptions& mask) {
  if (mask.train_on == TrainOn::all) return 0;
  if (mask.train_on == TrainOn::last) return turns.back();
  if (mask.prompt_messages >= 0) return static_cast<size_t>(mask.prompt_messages);
  size_t first = 0;
  for (size_t i = 0; i < messages.size(); ++i)
    if (has_role(messages[i], "user")) first = i + 1;
  return first;
}

// One range of the template's own for each turn, or nothing when they can't be matched.
std::optional<std::vector<TurnSpan>> marked_turns(const ChatTemplate::Marked& marked,
                                                  const std::vector<size_t>& turns) {
  bool usable = marked.complete && marked.generated.size() == turns.size() &&
                std::all_of(marked.generated.begin(), marked.generated.end(),
                            [](const ChatTemplate::Range& range) { return range.end > range.begin; });
  if (!usable) return std::nullopt;
  std::vector<TurnSpan> spans;
  for (size_t i = 0; i < turns.size(); ++i)
    spans.push_back({marked.generated[i].begin, marked.generated[i].end, turns[i], false});
  return spans;
}

[[noreturn]] void refuse(const std::string& reason) {
  throw DataError(fmt::format("no loss mask for the conversation: {}", reason), kRefusedHint);
}

}  // namespace

RenderedConversation render_conversation(const ChatTemplate& chat_template, const Json& messages,
                                         const ChatOptions& options, const MaskOptions& mask) {
  if (options.add_generation_prompt || !options.continue_final_message.empty())
    throw ConfigError("loss masks are made of whole conversations",
                      "leave add_generation_prompt and continue_final_message off");
  if (!messages.is_array()) throw DataError("the messages are not a list", "give an array of messages");
  auto turns = assistant_turns(messages);
  size_t first = first_trained(messages, turns, mask);
  if (turns.back() < first) refuse("no turn of the assistant comes after the prompt");
  auto marked = chat_template.render_marked(messages, options);
  RenderedConversation result;
  result.text = std::move(marked.text);
  if (auto spans = marked_turns(marked, turns)) {
    result.turns = std::move(*spans);
    for (TurnSpan& span : result.turns) span.train = span.message >= first;
    return result;
  }
  Placer placer(chat_template, messages, options, result.text);
  for (size_t turn : turns) {
    std::string reason;
    auto range = placer.place(turn, reason);
    if (range && !result.turns.empty() && range->begin < result.turns.back().end) {
      range.reset();
      reason = fmt::format("message {} overlaps the turn before it", turn);
    }
    if (range) {
      result.turns.push_back({range->begin, range->end, turn, turn >= first});
    } else if (turn >= first) {
      if (turn == turns.back() || mask.on_rewrite == OnRewrite::refuse) refuse(reason);
      if (result.note.empty()) result.note = reason;
    }
  }
  if (!result.note.empty())
    for (TurnSpan& span : result.turns) span.train = span.message == turns.back();
  return result;
}

std::vector<uint8_t> token_mask(const RenderedConversation& conversation, std::span<const TokenRange> tokens) {
  std::vector<uint8_t> mask(tokens.size(), 0);
  auto turn = conversation.turns.begin();
  for (size_t i = 0; i < tokens.size(); ++i) {
    while (turn != conversation.turns.end() && turn->end <= tokens[i].begin) ++turn;
    bool inside = turn != conversation.turns.end() && tokens[i].begin >= turn->begin;
    mask[i] = inside && turn->train && tokens[i].end > tokens[i].begin;
  }
  return mask;
}

}  // namespace loongforge::tokenizer
