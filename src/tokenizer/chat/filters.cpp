// SPDX-License-Identifier: Apache-2.0
// Filters of text. Those of numbers, sequences and selections are in files of their own.
#include "tokenizer/chat/filters.h"

#include <algorithm>

#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/print.h"
#include "tokenizer/chat/text.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer::jinja {
namespace {

Value make_text(Interpreter& interpreter, std::string text, bool markup = false) {
  return interpreter.heap().text(std::move(text), markup);
}

std::string text_of(Interpreter& interpreter, const Value& value) { return to_text(value, interpreter.heap()); }

template <std::string (*kChange)(std::string_view)>
Value change_case(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "the filter", {}, 0);
  return make_text(interpreter, kChange(text_of(interpreter, value)), value.markup());
}

// Unlike str.title, words begin after white space, hyphens and opening brackets only.
std::string title_words(std::string_view text) {
  std::string out, word;
  auto flush = [&] {
    size_t first = byte_of(word, 1);
    out += upper(std::string_view(word).substr(0, first)) + lower(std::string_view(word).substr(first));
    word.clear();
  };
  for (std::string_view c : chars_of(text)) {
    size_t at = 0;
    if (is_python_space(next_code_point(c, at)) || c == "-" || c == "(" || c == "{" || c == "[" || c == "<") {
      flush();
      out += c;
    } else {
      word += c;
    }
  }
  flush();
  return out;
}

Value trim(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "trim", {"chars"}, 0);
  std::string text = text_of(interpreter, value);
  std::string_view kept = bound.is_given(0) ? strip_chars(text, bound.text(0, ""), true, true)
                                            : strip_left(strip_right(text));
  return make_text(interpreter, std::string(kept), value.markup());
}

Value replace_text(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "replace", {"old", "new", "count"}, 2);
  std::string text = text_of(interpreter, value), old = text_of(interpreter, bound[0]);
  std::string with = text_of(interpreter, bound[1]);
  size_t hits = old.empty() ? text.size() + 1 : split_at(text, old, -1).size();
  interpreter.heap().take(text.size() + hits * with.size());
  return make_text(interpreter, replace(text, old, with, bound.is_given(2) ? bound.integer(2, -1) : -1));
}

Value indent(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "indent", {"width", "first", "blank"}, 0);
  if (!value.is_text()) fail("indent needs a string, not {}", type_name(value));
  Heap& heap = interpreter.heap();
  std::string space;
  if (bound.has(0) && bound[0].is_text()) {
    space = bound[0].text();
  } else {
    int64_t width = bound.integer(0, 4);
    if (width > heap.limits().bytes) fail("an indent of {} spaces", width);
    heap.take(static_cast<size_t>(std::max<int64_t>(width, 0)));
    space.assign(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  }
  bool blank = bound.flag(2, false);
  std::string source = value.text() + "\n", text;
  auto lines = split_lines(source, false);
  heap.take(source.size() + lines.size() * space.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) text += '\n';
    if (i > 0 ? blank || !lines[i].empty() : bound.flag(1, false)) text += space;
    text += lines[i];
  }
  return make_text(interpreter, std::move(text), value.markup());
}

Value center(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "center", {"width"}, 0);
  Value text = make_text(interpreter, text_of(interpreter, value), value.markup());
  Args width{{Value::integer(bound.integer(0, 80))}, {}};
  return interpreter.call(interpreter.attribute(text, "center"), std::move(width));
}

Value truncate(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "truncate", {"length", "killwords", "end", "leeway"}, 0);
  if (!value.is_text()) fail("truncate needs a string, not {}", type_name(value));
  std::string_view text = value.text(), end = bound.text(2, "...");
  auto end_size = static_cast<int64_t>(count_chars(end));
  int64_t length = bound.integer(0, 255), leeway = bound.is_given(3) ? bound.integer(3, 5) : 5;
  if (length < end_size || leeway < 0) fail("truncate to {} characters with an end of {}", length, end_size);
  if (static_cast<int64_t>(count_chars(text)) <= length + leeway) return value;
  std::string kept(text.substr(0, byte_of(text, static_cast<size_t>(length - end_size))));
  if (!bound.flag(1, false)) kept = kept.substr(0, kept.rfind(' '));
  return make_text(interpreter, kept + std::string(end), value.markup());
}

Value wordcount(Interpreter& interpreter, const Value& value, const Args&) {
  int64_t words = 0;
  bool inside = false;
  for (uint32_t code : code_points(text_of(interpreter, value))) {
    bool word = is_word(code);
    words += word && !inside;
    inside = word;
  }
  return Value::integer(words);
}

Value escape(Interpreter& interpreter, const Value& value, const Args&) {
  if (value.markup()) return value;
  return make_text(interpreter, escape_html(text_of(interpreter, value)), true);
}

Value force_escape(Interpreter& interpreter, const Value& value, const Args&) {
  return make_text(interpreter, escape_html(text_of(interpreter, value)), true);
}

Value safe(Interpreter& interpreter, const Value& value, const Args&) {
  return make_text(interpreter, text_of(interpreter, value), true);
}

Value string(Interpreter& interpreter, const Value& value, const Args&) {
  return value.is_text() ? value : make_text(interpreter, text_of(interpreter, value));
}

Value format(Interpreter& interpreter, const Value& value, const Args& args) {
  if (!args.positional.empty() && !args.named.empty()) fail("format takes values or names, not both");
  Heap& heap = interpreter.heap();
  Value values = heap.tuple(args.positional);
  if (!args.named.empty()) {
    auto dict = std::make_shared<Dict>();
    for (const auto& [name, named] : args.named) dict->set(heap.text(name), named);
    values = heap.dict(std::move(dict));
  }
  return make_text(interpreter, format_percent(heap, text_of(interpreter, value), values), value.markup());
}

Value tojson(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "tojson", {"ensure_ascii", "indent", "separators", "sort_keys"}, 0);
  JsonStyle style;
  style.ascii = bound.flag(0, false);
  style.sort_keys = bound.flag(3, false);
  if (bound.is_given(1)) {
    style.pretty = true;
    style.item_separator = ",";
    if (bound[1].is_text()) {
      style.indent = bound[1].text();
    } else {
      style.indent.assign(static_cast<size_t>(std::clamp<int64_t>(bound.integer(1, 0), 0, 1000)), ' ');
    }
  }
  if (bound.is_given(2)) {
    auto parts = interpreter.iterate(bound[2]);
    if (parts.size() != 2 || !parts[0].is_text() || !parts[1].is_text()) fail("separators are two strings");
    style.item_separator = parts[0].text();
    style.key_separator = parts[1].text();
  }
  return make_text(interpreter, to_json(value, style, interpreter.heap()));
}

Value urlencode(Interpreter& interpreter, const Value& value, const Args&) {
  auto quote = [&](const Value& part, bool query) {
    std::string out;
    for (char c : text_of(interpreter, part)) {
      bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                   std::string_view("_.-~").find(c) != std::string_view::npos || (c == '/' && !query);
      if (plain) {
        out += c;
      } else {
        out += query && c == ' ' ? "+" : fmt::format("%{:02X}", static_cast<uint8_t>(c));
      }
    }
    return out;
  };
  if (value.is_text() || value.is_number() || value.is(Kind::none)) return make_text(interpreter, quote(value, false));
  std::string out;
  Args none;
  Value pairs = value.is(Kind::dict) ? interpreter.call(interpreter.attribute(value, "items"), none) : value;
  for (const Value& pair : interpreter.iterate(pairs)) {
    auto parts = interpreter.iterate(pair);
    if (parts.size() != 2) fail("urlencode needs pairs");
    out += (out.empty() ? "" : "&") + quote(parts[0], true) + "=" + quote(parts[1], true);
  }
  return make_text(interpreter, std::move(out));
}

}  // namespace

FilterTable text_filters() {
  static constexpr std::pair<std::string_view, Filter> kFilters[] = {
      {"trim", trim},
      {"upper", change_case<upper>},
      {"lower", change_case<lower>},
      {"capitalize", change_case<capitalize>},
      {"title", change_case<title_words>},
      {"replace", replace_text},
      {"indent", indent},
      {"center", center},
      {"truncate", truncate},
      {"wordcount", wordcount},
      {"escape", escape},
      {"e", escape},
      {"forceescape", force_escape},
      {"safe", safe},
      {"string", string},
      {"format", format},
      {"tojson", tojson},
      {"urlencode", urlencode},
  };
  return kFilters;
}

Filter find_filter(std::string_view name) {
  for (FilterTable table : {text_filters(), sequence_filters(), selection_filters(), number_filters()}) {
    for (const auto& [known, body] : table)
      if (known == name) return body;
  }
  return nullptr;
}

}  // namespace loongforge::tokenizer::jinja
