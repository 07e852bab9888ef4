// SPDX-License-Identifier: Apache-2.0
// Value → YAML that reads back to the same Value.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "loongforge/config/run_config.h"
#include "loongforge/core/error.h"

namespace loongforge::config {
namespace {

std::string quoted(const std::string& text) { return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace); }

bool is_plain_word(std::string_view text) {
  if (text.empty()) return false;
  for (char c : text) {
    bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
                c == '/' || c == '-';
    if (!word) return false;
  }
  return text[0] != '-' && text[0] != '.';
}

std::string string_text(const std::string& text) {
  // Plain when it is a harmless word that reads back as a string.
  if (is_plain_word(text) && parse_yaml_value(text, {}).is(Value::Kind::string)) return text;
  return quoted(text);
}

std::string real_text(double value) {
  if (std::isnan(value)) return ".nan";
  if (std::isinf(value)) return value < 0 ? "-.inf" : ".inf";
  std::string text = fmt::format("{}", value);
  return text.find_first_of(".e") == text.npos ? text + ".0" : text;
}

std::string escaped_dollars(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 2, "${") == 0) out += '$';
    out += text[i];
  }
  return out;
}

class Dumper {
 public:
  explicit Dumper(bool resolved) : resolved_(resolved) {}

  std::string text;

  void map(const Value& value, int depth) {
    for (const Entry& entry : value.map()) {
      text += std::string(static_cast<size_t>(depth) * 2, ' ') + string_text(entry.key) + ":";
      if (is_block_map(entry.value)) {
        text += "\n";
        map(entry.value, depth + 1);
      } else {
        text += " " + inline_text(entry.value) + "\n";
      }
    }
  }

  std::string inline_text(const Value& value) {
    if (!resolved_ && !value.unexpanded.empty()) return quoted(value.unexpanded);
    switch (value.kind()) {
      case Value::Kind::null: return "null";
      case Value::Kind::boolean: return value.as_bool() ? "true" : "false";
      case Value::Kind::integer: return std::to_string(value.as_int());
      case Value::Kind::real: return value.spelling.empty() ? real_text(value.as_real()) : value.spelling;
      case Value::Kind::string: return value.is_missing() ? "???" : string_text(escaped_dollars(value.as_string()));
      case Value::Kind::list: {
        std::string out;
        for (const Value& item : value.list()) out += (out.empty() ? "" : ", ") + inline_text(item);
        return "[" + out + "]";
      }
      case Value::Kind::map: break;
    }
    std::string out;
    for (const Entry& entry : value.map()) {
      out += (out.empty() ? "" : ", ") + string_text(entry.key) + ": " + inline_text(entry.value);
    }
    return "{" + out + "}";
  }

 private:
  bool is_block_map(const Value& value) const {
    return value.is_map() && !value.map().empty() && (resolved_ || value.unexpanded.empty());
  }

  bool resolved_;
};

}  // namespace

std::string dump_yaml(const Value& value, bool resolved) {
  Dumper dumper(resolved);
  if (value.is_map() && !value.map().empty()) {
    dumper.map(value, 0);
    return dumper.text;
  }
  return dumper.inline_text(value) + "\n";
}

std::string dump_yaml(const RunConfig& config, bool resolved) { return dump_yaml(config.tree, resolved); }

}  // namespace loongforge::config
