// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/chat/conversation.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "loongforge/core/error.h"
#include "tokenizer/chat/text.h"

namespace loongforge::tokenizer {
namespace {

constexpr std::array<const char*, 3> kReasoningFields = {"reasoning_content", "thinking", "reasoning"};
constexpr std::string_view kContinueMark = "CONTINUE_FINAL_MESSAGE_TAG ";
constexpr std::string_view kMarkWord = "CONTINUE_FINAL_MESSAGE_TAG";

Json prepare_message(const Json& message) {
  Json kept = Json::object();
  for (const auto& [key, value] : message.items())
    if (!value.is_null()) kept[key] = value;
  auto named = std::find_if(kReasoningFields.begin(), kReasoningFields.end(),
                            [&](const char* field) { return kept.contains(field); });
  if (named == kReasoningFields.end()) return kept;
  Json reasoning = kept[*named];
  // "thinking" comes first and keeps a value of its own; templates that print whole messages show this order.
  Json result = Json::object();
  result["thinking"] = reasoning;
  for (const auto& [key, value] : kept.items()) result[key] = value;
  result["reasoning_content"] = reasoning;
  return result;
}

[[noreturn]] void fail_continuation(const std::string& what) {
  throw DataError(fmt::format("continue_final_message: {}", what), "give the last message the text to continue");
}

std::string mark_text(Json& text) {
  if (!text.is_string()) fail_continuation("the last message's field is not text");
  auto before = text.get<std::string>();
  text = before + std::string(kContinueMark);
  return before;
}

}  // namespace

Json prepare_messages(const Json& messages) {
  const char* hint = "a conversation is a list of objects with \"role\" and \"content\"";
  if (!messages.is_array()) throw DataError("the messages are not a list", hint);
  Json prepared = Json::array();
  for (size_t i = 0; i < messages.size(); ++i) {
    if (!messages[i].is_object()) throw DataError(fmt::format("message {} is not an object", i), hint);
    prepared.push_back(prepare_message(messages[i]));
  }
  return prepared;
}

Continuation mark_continuation(Json& messages, const std::string& field, const std::string& source) {
  if (messages.empty()) fail_continuation("the conversation has no messages");
  Json& last = messages.back();
  if (!last.contains(field)) fail_continuation(fmt::format("the last message has no \"{}\"", field));
  std::vector<std::string> fields = {field};
  if (std::find(kReasoningFields.begin(), kReasoningFields.end(), field) != kReasoningFields.end()) {
    fields.clear();
    for (const char* name : kReasoningFields)
      if (last.contains(name) && last[name] == last[field]) fields.emplace_back(name);
  }
  if (std::none_of(fields.begin(), fields.end(), [&](const std::string& f) { return source.find(f) != source.npos; }))
    throw ConfigError(fmt::format("continue_final_message: the chat template doesn't read \"{}\"", field),
                      "name a field that the template reads, such as \"content\"");
  if (last[field].is_array()) {
    for (auto block = last[field].rbegin(); block != last[field].rend(); ++block)
      if (block->is_object() && block->contains("text")) return {mark_text((*block)["text"])};
    fail_continuation("the last message has no text");
  }
  Continuation continuation;
  for (const std::string& name : fields) continuation.final_text = mark_text(last[name]);
  return continuation;
}

void cut_continuation(std::string& text, const Continuation& continuation) {
  auto stripped = jinja::strip_left(jinja::strip_right(continuation.final_text));
  size_t at = text.rfind(kMarkWord);
  if (at == text.npos || text.find(stripped) == text.npos)
    fail_continuation("the template removes or changes the last message's text");
  bool kept_space = std::string_view(text).substr(at).starts_with(kContinueMark);
  text.resize(at);
  if (!kept_space) text.resize(jinja::strip_right(text).size());
}

}  // namespace loongforge::tokenizer
