// SPDX-License-Identifier: Apache-2.0
// Chat templates: the Jinja dialect that model folders carry, rendered byte for byte as transformers'
// `apply_chat_template` renders it. No Python.
#pragma once
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "loongforge/core/json.h"

namespace loongforge::tokenizer {

/// Bounds of one rendering, so that no template hangs or fills the memory. Past one of them: ConfigError.
struct ChatLimits {
  int64_t steps = 50'000'000;        // expressions and statements evaluated
  int64_t bytes = int64_t{512} << 20;  // of all strings and lists made on the way, and of the result
  int depth = 2000;                    // expressions, blocks and macros within each other
};

/// What a rendering may be given besides the messages; the names are those of `apply_chat_template`.
struct ChatOptions {
  bool add_generation_prompt = false;
  /// The text stops inside the last message, after this field of it ("content"; "reasoning_content"); empty: off.
  std::string continue_final_message;
  /// Arrays of objects, or null.
  std::shared_ptr<const Json> tools, documents;
  /// Object of further variables, such as {"enable_thinking": false}; they hide the special tokens' names.
  std::shared_ptr<const Json> variables;
  /// The local time that `strftime_now` formats; empty: the machine's clock.
  std::function<std::tm()> clock;
  ChatLimits limits;
};

/// A parsed template with the special tokens that it may name. Immutable, cheap to copy, usable from many threads.
class ChatTemplate {
 public:
  /// Parses one template. `special_tokens` is an object such as {"bos_token": "<s>"}. `origin` names it in errors.
  /// ConfigError "<origin>:<line>: …" for what is not Jinja or not in the supported part (docs/chat_templates.md).
  static ChatTemplate from_text(std::string_view source, std::string_view origin = "chat template");
  static ChatTemplate from_text(std::string_view source, const Json& special_tokens, std::string_view origin);

  /// Reads a tokenizer folder as transformers does: chat_template.jinja with additional_chat_templates/*.jinja, else
  /// chat_template.json, else "chat_template" of tokenizer_config.json (text, or a list of named templates); special
  /// tokens from tokenizer_config.json and special_tokens_map.json. `name` picks one of several templates; without it
  /// "default", and "tool_use" when a rendering has tools. ConfigError when there is none, or none of that name.
  static ChatTemplate from_folder(const std::filesystem::path& folder, std::string_view name = {});

  /// The text of `messages` (an array of objects with "role" and mostly "content"; keys with null count as absent).
  /// DataError when the template refuses the conversation (`raise_exception`, wrong types), naming template and line.
  std::string render(const Json& messages, const ChatOptions& options = {}) const;

  /// Does the template mark the assistant's text itself ({% generation %})?
  bool marks_generation() const;
  /// The template's own text, as read.
  const std::string& source() const;
  /// Text of a special token such as "eos_token"; empty when there is none.
  std::string special_token(std::string_view name) const;

  /// Bytes [begin, end) of a rendering.
  struct Range {
    size_t begin = 0, end = 0;
    bool operator==(const Range&) const = default;
  };
  struct Marked {
    std::string text;
    std::vector<Range> generated;  // what the {% generation %} blocks gave, in order
    bool complete = true;          // false: a block ran inside a macro or a block `set`, where its place is unknown
  };
  /// As `render`, with the places of the {% generation %} blocks.
  Marked render_marked(const Json& messages, const ChatOptions& options = {}) const;

 private:
  struct Impl;
  explicit ChatTemplate(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace loongforge::tokenizer
