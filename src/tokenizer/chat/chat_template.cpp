// SPDX-License-Identifier: Apache-2.0
#include "loongforge/tokenizer/chat.h"

#include <nlohmann/json.hpp>

#include "loongforge/core/error.h"
#include "tokenizer/chat/conversation.h"
#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/lexer.h"
#include "tokenizer/chat/template_files.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {

struct ChatTemplate::Impl {
  struct Parsed {
    std::string source, origin;
    jinja::Program program;
  };
  static Parsed parse(std::string source, std::string origin);

  Parsed main;
  std::optional<Parsed> with_tools;  // of several templates in a folder, the one for renderings with tools
  Json special_tokens;

  const Parsed& pick(const ChatOptions& options) const {
    bool tools = options.tools != nullptr && !options.tools->is_null();
    return tools && with_tools ? *with_tools : main;
  }
  Marked run(const Json& messages, const ChatOptions& options) const;
};

ChatTemplate::Impl::Parsed ChatTemplate::Impl::parse(std::string source, std::string origin) {
  if (valid_utf8_prefix(source) != source.size())
    throw ConfigError(fmt::format("{}: the chat template is not UTF-8", origin), "save it again as UTF-8");
  try {
    jinja::Program program = jinja::parse(source);
    return {std::move(source), std::move(origin), std::move(program)};
  } catch (const jinja::SyntaxError& error) {
    throw ConfigError(fmt::format("{}:{}: {}", origin, error.line, error.what()),
                      "correct the template; docs/chat_templates.md lists what is supported");
  }
}

ChatTemplate ChatTemplate::from_text(std::string_view source, std::string_view origin) {
  return from_text(source, Json::object(), origin);
}

ChatTemplate ChatTemplate::from_text(std::string_view source, const Json& special_tokens, std::string_view origin) {
  auto impl = std::make_shared<Impl>();
  impl->main = Impl::parse(std::string(source), std::string(origin));
  impl->special_tokens = special_tokens;
  return ChatTemplate(std::move(impl));
}

ChatTemplate ChatTemplate::from_folder(const std::filesystem::path& folder, std::string_view name) {
  TemplateFiles files = read_template_files(folder);
  const NamedSource& chosen = choose_template(files, folder, name);
  auto impl = std::make_shared<Impl>();
  impl->main = Impl::parse(chosen.text, chosen.origin);
  if (name.empty()) {
    if (const NamedSource* tools = find_template(files, "tool_use"))
      impl->with_tools = Impl::parse(tools->text, tools->origin);
  }
  impl->special_tokens = std::move(files.special_tokens);
  return ChatTemplate(std::move(impl));
}

ChatTemplate::Marked ChatTemplate::Impl::run(const Json& messages, const ChatOptions& options) const {
  const Parsed& parsed = pick(options);
  jinja::Interpreter interpreter(parsed.program, options);
  jinja::Heap& heap = interpreter.heap();
  try {
    auto define_all = [&](const Json& object) {
      for (const auto& [name, value] : object.items()) interpreter.define(name, heap.from_json(value));
    };
    auto optional = [&](const std::shared_ptr<const Json>& json) {
      return json ? heap.from_json(*json) : jinja::Value::none();
    };
    define_all(special_tokens);
    if (options.variables) define_all(*options.variables);
    interpreter.define("messages", heap.from_json(messages));
    interpreter.define("tools", optional(options.tools));
    interpreter.define("documents", optional(options.documents));
    interpreter.define("add_generation_prompt", jinja::Value::boolean(options.add_generation_prompt));
    return interpreter.run();
  } catch (const jinja::RenderError& error) {
    throw DataError(fmt::format("{}:{}: {}", parsed.origin, interpreter.line(), error.what()),
                    "give the conversation the form that this model's template expects, or choose another template");
  } catch (const jinja::LimitError& error) {
    throw ConfigError(fmt::format("{}:{}: {}", parsed.origin, interpreter.line(), error.what()),
                      "the template or the conversation is far larger than templates of models need");
  }
}

ChatTemplate::Marked ChatTemplate::render_marked(const Json& messages, const ChatOptions& options) const {
  Json prepared = prepare_messages(messages);
  if (options.continue_final_message.empty()) return impl_->run(prepared, options);
  if (options.add_generation_prompt)
    throw ConfigError("continue_final_message and add_generation_prompt exclude each other", "choose one of them");
  Continuation continuation = mark_continuation(prepared, options.continue_final_message, impl_->pick(options).source);
  Marked result = impl_->run(prepared, options);
  cut_continuation(result.text, continuation);
  std::erase_if(result.generated, [&](const Range& range) { return range.begin >= result.text.size(); });
  for (Range& range : result.generated) range.end = std::min(range.end, result.text.size());
  return result;
}

std::string ChatTemplate::render(const Json& messages, const ChatOptions& options) const {
  if (messages.is_array() && messages.empty())
    throw DataError("the conversation has no messages", "remove it from the data, or give it a message");
  return render_marked(messages, options).text;
}

bool ChatTemplate::marks_generation() const { return impl_->main.program.has_generation; }

const std::string& ChatTemplate::source() const { return impl_->main.source; }

std::string ChatTemplate::special_token(std::string_view name) const {
  auto found = impl_->special_tokens.find(std::string(name));
  return found != impl_->special_tokens.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace loongforge::tokenizer
