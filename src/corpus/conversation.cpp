// SPDX-License-Identifier: Apache-2.0
#include "loongforge/corpus/conversation.h"

#include <algorithm>
#include <cmath>

#include "loongforge/core/error.h"
#include "loongforge/core/text.h"

namespace loongforge::corpus {

namespace {

struct Bad {
  std::string why;
};

/// Fields of one record under the names used here.
class Fields {
 public:
  Fields(const Json& object, const std::map<std::string, std::string>& columns) : object_(object), columns_(columns) {}
  std::string name(const std::string& field) const {
    const auto mapped = columns_.find(field);
    return mapped == columns_.end() ? field : mapped->second;
  }
  /// nullptr when absent or null.
  const Json* find(const std::string& field) const {
    const auto found = object_.find(name(field));
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  std::string text(const std::string& field, bool required) const {
    const Json* value = find(field);
    if (!value && required) throw Bad{fmt::format("no field `{}`", name(field))};
    if (!value) return {};
    if (!value->is_string()) throw Bad{fmt::format("field `{}` is a {}, not text", name(field), value->type_name())};
    return value->get<std::string>();
  }
  double weight() const {
    const Json* value = find("weight");
    if (!value) return 1;
    const double weight = value->is_number() ? value->get<double>() : -1;
    if (!(weight >= 0) || !std::isfinite(weight)) throw Bad{fmt::format("field `{}` is no number ≥ 0", name("weight"))};
    return weight;
  }

 private:
  const Json& object_;
  const std::map<std::string, std::string>& columns_;
};

Json without_nulls(const Json& value) {
  if (value.is_array()) {
    Json list = Json::array();
    for (const auto& item : value) list.push_back(without_nulls(item));
    return list;
  }
  if (!value.is_object()) return value;
  Json object = Json::object();
  for (const auto& [key, item] : value.items()) {
    if (!item.is_null()) object[key] = without_nulls(item);
  }
  return object;
}

const std::map<std::string, std::string, std::less<>> kRoles = {
    {"system", "system"},       {"developer", "developer"},
    {"user", "user"},           {"human", "user"},
    {"assistant", "assistant"}, {"gpt", "assistant"},
    {"chatgpt", "assistant"},   {"bot", "assistant"},
    {"model", "assistant"},     {"tool", "tool"},
    {"function", "tool"},       {"observation", "tool"},
    {"tool_response", "tool"},  {"function_call", "function_call"}};

std::string role_of(const std::string& spelled, size_t turn) {
  const auto known = kRoles.find(spelled);
  if (known == kRoles.end()) {
    throw Bad{fmt::format("unknown role `{}` in turn {} (known: system, user, assistant, tool, human, gpt, …)",
                          spelled.substr(0, 40), turn + 1)};
  }
  return known->second;
}

/// A list of text parts becomes one text; other parts are for models that see.
Json content_of(const Json& content, size_t turn) {
  if (content.is_string()) return content;
  if (!content.is_array()) throw Bad{fmt::format("the content of turn {} is a {}", turn + 1, content.type_name())};
  std::string text;
  for (const auto& part : content) {
    const bool is_text = part.is_object() && part.contains("text") && part["text"].is_string();
    if (!is_text) throw Bad{fmt::format("turn {} holds a part that is no text", turn + 1)};
    text += part["text"].get<std::string>();
  }
  return text;
}

Json function_call(const std::string& text, size_t turn) {
  Json call = Json::parse(text, nullptr, false);
  if (!call.is_object() || !call.contains("name")) {
    throw Bad{fmt::format("turn {}: a function_call is a JSON object with a name", turn + 1)};
  }
  return Json::array({Json{{"type", "function"}, {"function", std::move(call)}}});
}

void add_turn(Conversation& out, Json message, double weight) {
  out.messages.push_back(std::move(message));
  out.message_weights.push_back(weight);
}

void add_text(Conversation& out, const char* role, std::string text) {
  add_turn(out, Json{{"role", role}, {"content", std::move(text)}}, 1);
}

/// Turns of OpenAI (role, content) and of ShareGPT (from, value), which differ in names only.
void add_turns(Conversation& out, const Json& turns, const std::string& role_key, const std::string& content_key) {
  if (!turns.is_array()) throw Bad{fmt::format("the conversation is a {}, not a list of turns", turns.type_name())};
  for (size_t i = 0; i < turns.size(); ++i) {
    if (!turns[i].is_object()) throw Bad{fmt::format("turn {} is a {}, not an object", i + 1, turns[i].type_name())};
    Json turn = without_nulls(turns[i]);
    if (!turn.contains(role_key) || !turn[role_key].is_string()) {
      throw Bad{fmt::format("turn {} has no text `{}`", i + 1, role_key)};
    }
    const std::string role = role_of(turn[role_key], i);
    const bool calls = turn.contains("tool_calls");
    if (!turn.contains(content_key) && !calls) throw Bad{fmt::format("turn {} has no `{}`", i + 1, content_key)};
    Json content = turn.contains(content_key) ? content_of(turn[content_key], i) : Json("");
    const double weight = Fields(turn, {}).weight();
    turn.erase(role_key), turn.erase(content_key), turn.erase("weight");
    Json message{{"role", role == "function_call" ? "assistant" : role}};
    if (role == "function_call") {
      message["content"] = "";
      message["tool_calls"] = function_call(content.get<std::string>(), i);
    } else {
      message["content"] = std::move(content);
    }
    message.update(turn);
    add_turn(out, std::move(message), weight);
  }
}

void add_system(Conversation& out, const Fields& fields) {
  std::string system = fields.text("system", false);
  if (!system.empty()) add_text(out, "system", std::move(system));
}

void read_alpaca(const Fields& fields, Conversation& out) {
  add_system(out, fields);
  if (const Json* history = fields.find("history")) {
    if (!history->is_array()) throw Bad{fmt::format("field `{}` is no list", fields.name("history"))};
    for (const auto& pair : *history) {
      const bool good = pair.is_array() && pair.size() == 2 && pair[0].is_string() && pair[1].is_string();
      if (!good) throw Bad{fmt::format("field `{}` is no list of [question, answer]", fields.name("history"))};
      add_text(out, "user", pair[0]);
      add_text(out, "assistant", pair[1]);
    }
  }
  const std::string input = fields.text("input", false);
  add_text(out, "user", fields.text("instruction", true) + (input.empty() ? "" : "\n" + input));
  add_text(out, "assistant", fields.text("output", true));
}

void read_prompt(const Fields& fields, Conversation& out) {
  add_system(out, fields);
  for (const char* field : {"prompt", "completion"}) {
    const Json* value = fields.find(field);
    if (field == std::string("completion")) out.prompt_messages = static_cast<int64_t>(out.messages.size());
    if (value && value->is_array()) {
      add_turns(out, *value, fields.name("role"), fields.name("content"));
    } else {
      add_text(out, field == std::string("prompt") ? "user" : "assistant", fields.text(field, true));
    }
  }
}

/// The layout whose fields the record has.
std::string detect(const Fields& fields) {
  if (fields.find("messages")) return "messages";
  if (fields.find("conversations")) return "sharegpt";
  if (fields.find("instruction") && fields.find("output")) return "alpaca";
  if (fields.find("prompt") && fields.find("completion")) return "prompt";
  throw Bad{
      "the fields are those of no known layout (messages | conversations | instruction, output | prompt, completion)"};
}

Json tools_of(const Fields& fields) {
  const Json* tools = fields.find("tools");
  if (!tools) return {};
  Json list = tools->is_string() ? Json::parse(tools->get<std::string>(), nullptr, false) : without_nulls(*tools);
  if (tools->is_string() && trim(tools->get<std::string>()).empty()) return {};
  if (!list.is_array()) throw Bad{fmt::format("field `{}` is no list of functions", fields.name("tools"))};
  return list.empty() ? Json() : list;
}

void read(const Fields& fields, const std::string& format, Conversation& out) {
  if (format == "messages" || format == "sharegpt") {
    const bool openai = format == "messages";
    const std::string field = openai ? "messages" : "conversations";
    const Json* turns = fields.find(field);
    if (!turns) throw Bad{fmt::format("no field `{}`", fields.name(field))};
    add_system(out, fields);
    add_turns(out, *turns, openai ? fields.name("role") : fields.name("from"),
              openai ? fields.name("content") : fields.name("value"));
  } else if (format == "alpaca") {
    read_alpaca(fields, out);
  } else {
    read_prompt(fields, out);
  }
  out.tools = tools_of(fields);
  out.weight = fields.weight();
  const auto is_answer = [](const Json& message) { return message["role"] == "assistant"; };
  if (out.messages.empty()) throw Bad{"the conversation is empty"};
  if (std::none_of(out.messages.begin(), out.messages.end(), is_answer)) throw Bad{"no turn of the assistant"};
}

}  // namespace

const std::vector<std::string>& conversation_fields() {
  static const std::vector<std::string> names = {"messages", "conversations", "tools",   "system", "instruction",
                                                 "input",    "output",        "history", "prompt", "completion",
                                                 "weight",   "role",          "content", "from",   "value"};
  return names;
}

void check_layout(const ConversationLayout& layout) {
  const std::vector<std::string> formats = {"auto", "messages", "sharegpt", "alpaca", "prompt"};
  if (std::find(formats.begin(), formats.end(), layout.format) == formats.end()) {
    throw ConfigError(fmt::format("data.format can't be `{}`", layout.format), "valid: " + join_names(formats));
  }
  const auto& known = conversation_fields();
  for (const auto& [ours, theirs] : layout.columns) {
    if (std::find(known.begin(), known.end(), ours) != known.end()) continue;
    const auto close = nearest(ours, known);
    throw ConfigError(fmt::format("data.columns: `{}` is no field here{}", ours,
                                  close ? fmt::format(" (did you mean {}?)", *close) : ""),
                      "map names from here to the file's: " + join_names(known));
  }
}

std::string read_conversation(const Json& record, const ConversationLayout& layout, Conversation& out) {
  if (!record.is_object()) return fmt::format("the record is a {}, not an object", record.type_name());
  out = {};
  const Fields fields(record, layout.columns);
  try {
    read(fields, layout.format == "auto" ? detect(fields) : layout.format, out);
  } catch (const Bad& bad) {
    return bad.why;
  }
  return {};
}

}  // namespace loongforge::corpus
