// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/chat/print.h"

#include <algorithm>
#include <cmath>

#include "tokenizer/chat/runtime.h"
#include "tokenizer/chat/text.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer::jinja {
namespace {

// A JSON string's escape of a control character, quote or backslash; empty when it needs none.
std::string_view short_escape(char c) {
  switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    case '\f': return "\\f";
    case '\b': return "\\b";
    default: return {};
  }
}

void append_utf16(std::string& out, uint32_t code) {
  if (code < 0x10000) {
    out += fmt::format("\\u{:04x}", code);
  } else {
    code -= 0x10000;
    out += fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + (code >> 10), 0xdc00 + (code & 0x3ff));
  }
}

void append_json_string(std::string& out, std::string_view text, bool ascii) {
  out += '"';
  for (size_t at = 0; at < text.size();) {
    char c = text[at];
    auto byte = static_cast<uint8_t>(c);
    if (auto escape = short_escape(c); !escape.empty()) {
      out += escape;
      ++at;
    } else if (byte < 0x20 || (byte == 0x7f && ascii)) {
      out += fmt::format("\\u{:04x}", byte);
      ++at;
    } else if (byte < 0x80 || !ascii) {
      out += c;
      ++at;
    } else {
      append_utf16(out, next_code_point(text, at));
    }
  }
  out += '"';
}

class JsonPrinter {
 public:
  JsonPrinter(const JsonStyle& style, Heap& heap) : style_(style), heap_(heap) {}

  void print(const Value& value, int level) {
    heap_.step();
    switch (value.kind()) {
      case Kind::none: out += "null"; break;
      case Kind::boolean: out += value.as_integer() ? "true" : "false"; break;
      case Kind::integer: out += fmt::format("{}", value.as_integer()); break;
      case Kind::real: print_real(value.as_real()); break;
      case Kind::string: append_json_string(out, value.text(), style_.ascii); break;
      case Kind::list:
      case Kind::tuple: print_items(value.items(), level); break;
      case Kind::dict: print_dict(value.object<Dict>(), level); break;
      default: fail("a value of the type {} can't be written as JSON", type_name(value));
    }
    heap_.take(out.size() - counted_);
    counted_ = out.size();
  }

  std::string out;

 private:
  void print_real(double value) {
    if (std::isnan(value)) {
      out += "NaN";
    } else if (std::isinf(value)) {
      out += value < 0 ? "-Infinity" : "Infinity";
    } else {
      out += real_text(value);
    }
  }

  void new_line(int level) {
    if (!style_.pretty) return;
    heap_.take(style_.indent.size() * static_cast<size_t>(level));
    out += '\n';
    for (int i = 0; i < level; ++i) out += style_.indent;
  }

  void print_items(const std::vector<Value>& items, int level) {
    out += '[';
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out += style_.item_separator;
      new_line(level + 1);
      print(items[i], level + 1);
    }
    if (!items.empty()) new_line(level);
    out += ']';
  }

  std::string key_text(const Value& key) const {
    switch (key.kind()) {
      case Kind::string: return key.text();
      case Kind::none: return "null";
      case Kind::boolean: return key.as_integer() ? "true" : "false";
      case Kind::integer: return fmt::format("{}", key.as_integer());
      case Kind::real: return real_text(key.as_real());
      default: fail("a key of the type {} can't be written as JSON", type_name(key));
    }
  }

  void print_dict(const Dict& dict, int level) {
    std::vector<const std::pair<Value, Value>*> entries;
    for (const auto& entry : dict.entries) entries.push_back(&entry);
    if (style_.sort_keys)
      std::stable_sort(entries.begin(), entries.end(),
                       [](const auto* a, const auto* b) { return compare(a->first, b->first) < 0; });
    out += '{';
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out += style_.item_separator;
      new_line(level + 1);
      append_json_string(out, key_text(entries[i]->first), style_.ascii);
      out += style_.key_separator;
      print(entries[i]->second, level + 1);
    }
    if (!entries.empty()) new_line(level);
    out += '}';
  }

  const JsonStyle& style_;
  Heap& heap_;
  size_t counted_ = 0;
};

std::string quote_text(std::string_view text) {
  bool has_single = text.find('\'') != text.npos, has_double = text.find('"') != text.npos;
  char quote = has_single && !has_double ? '"' : '\'';
  std::string out(1, quote);
  for (uint32_t code : code_points(text)) {
    if (code == static_cast<uint32_t>(quote) || code == '\\') {
      out += '\\';
      out += static_cast<char>(code);
    } else if (code == '\n' || code == '\r' || code == '\t') {
      out += short_escape(static_cast<char>(code));
    } else if (code < 0x80 ? code >= 0x20 && code != 0x7f : is_printable(code)) {
      append_utf8(out, code);
    } else {
      out += code < 0x100     ? fmt::format("\\x{:02x}", code)
             : code < 0x10000 ? fmt::format("\\u{:04x}", code)
                              : fmt::format("\\U{:08x}", code);
    }
  }
  return out + quote;
}

std::string range_text(const std::vector<Value>& items) {
  if (items.empty()) return "range(0, 0)";
  int64_t first = items[0].as_integer(), last = items.back().as_integer();
  int64_t step = items.size() > 1 ? items[1].as_integer() - first : 1;
  if (step == 1) return fmt::format("range({}, {})", first, last + 1);
  return fmt::format("range({}, {}, {})", first, last + (step > 0 ? 1 : -1), step);
}

std::string items_repr(const Value& value, Heap& heap) {
  bool tuple = value.is(Kind::tuple);
  std::string out = value.is(Kind::view) ? fmt::format("{}([", type_name(value)) : (tuple ? "(" : "[");
  const auto& items = value.items();
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += ", ";
    out += repr(items[i], heap);
  }
  if (tuple && items.size() == 1) out += ',';
  return out + (value.is(Kind::view) ? "])" : (tuple ? ")" : "]"));
}

std::string dict_repr(const Dict& dict, Heap& heap) {
  std::string out = "{";
  for (const auto& [key, value] : dict.entries) {
    if (out.size() > 1) out += ", ";
    out += repr(key, heap) + ": " + repr(value, heap);
  }
  return out + "}";
}

std::string uncounted_repr(const Value& value, Heap& heap) {
  switch (value.kind()) {
    case Kind::undefined: return "Undefined";
    case Kind::none: return "None";
    case Kind::boolean: return value.as_integer() ? "True" : "False";
    case Kind::integer: return fmt::format("{}", value.as_integer());
    case Kind::real: return real_text(value.as_real());
    case Kind::string: return value.markup() ? "Markup(" + quote_text(value.text()) + ")" : quote_text(value.text());
    case Kind::list:
    case Kind::tuple:
    case Kind::view: return items_repr(value, heap);
    case Kind::range: return range_text(value.items());
    case Kind::dict: return dict_repr(value.object<Dict>(), heap);
    case Kind::macro: return value.object<Macro>().repr();
    default: return fmt::format("<{}>", type_name(value));
  }
}

}  // namespace

std::string real_text(double value) {
  std::string text = fmt::format("{}", value);
  if (text == "-nan") return "nan";
  if (text.find_first_not_of("-0123456789") == text.npos) text += ".0";
  return text;
}

std::string repr(const Value& value, Heap& heap) {
  heap.step();
  std::string text = uncounted_repr(value, heap);
  heap.take(text.size());
  return text;
}

std::string to_text(const Value& value, Heap& heap) {
  if (value.is_text()) return value.text();
  if (value.is_undefined()) return {};
  return repr(value, heap);
}

std::string to_json(const Value& value, const JsonStyle& style, Heap& heap) {
  JsonPrinter printer(style, heap);
  printer.print(value, 0);
  return std::move(printer.out);
}

}  // namespace loongforge::tokenizer::jinja
