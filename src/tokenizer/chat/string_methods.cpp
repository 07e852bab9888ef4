// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/chat/string_methods.h"

#include <algorithm>
#include <array>

#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/print.h"
#include "tokenizer/chat/text.h"

namespace loongforge::tokenizer::jinja {
namespace {

using Parts = std::vector<std::string_view>;

Value make_text(Interpreter& interpreter, const Value& self, std::string text) {
  return interpreter.heap().text(std::move(text), self.markup());
}

Value make_list(Interpreter& interpreter, const Value& self, const Parts& parts) {
  std::vector<Value> items;
  for (std::string_view part : parts) items.push_back(make_text(interpreter, self, std::string(part)));
  return interpreter.heap().list(std::move(items));
}

template <bool kLeft, bool kRight>
Value strip(Interpreter& interpreter, const Value& self, Args& args) {
  Bound bound(args, "strip", {"chars"}, 0);
  std::string_view text = self.text();
  if (bound.is_given(0)) {
    text = strip_chars(text, bound.text(0, ""), kLeft, kRight);
  } else {
    if (kLeft) text = strip_left(text);
    if (kRight) text = strip_right(text);
  }
  return make_text(interpreter, self, std::string(text));
}

template <bool kFromRight>
Value split(Interpreter& interpreter, const Value& self, Args& args) {
  Bound bound(args, "split", {"sep", "maxsplit"}, 0);
  int64_t limit = bound.integer(1, -1);
  if (!bound.is_given(0))
    return make_list(interpreter, self, (kFromRight ? split_space_right : split_space)(self.text(), limit));
  std::string_view separator = bound.text(0, "");
  if (separator.empty()) fail("split needs a separator that isn't empty");
  return make_list(interpreter, self, (kFromRight ? split_at_right : split_at)(self.text(), separator, limit));
}

Value splitlines(Interpreter& interpreter, const Value& self, Args& args) {
  Bound bound(args, "splitlines", {"keepends"}, 0);
  return make_list(interpreter, self, split_lines(self.text(), bound.flag(0, false)));
}

// The part of the text between the arguments `first` and `first + 1`, and how many characters are before it.
std::string_view window(std::string_view text, const Bound& bound, size_t first, int64_t& before) {
  auto size = static_cast<int64_t>(count_chars(text));
  auto place = [&](size_t index, int64_t otherwise) {
    int64_t at = bound.is_given(index) ? bound.integer(index, otherwise) : otherwise;
    return at < 0 ? std::max<int64_t>(at + size, 0) : at;
  };
  before = place(first, 0);
  int64_t end = std::min(place(first + 1, size), size);
  if (before > end) {
    before = -1;  // nothing fits, not even the empty text
    return {};
  }
  size_t begin_byte = byte_of(text, static_cast<size_t>(before));
  return text.substr(begin_byte, byte_of(text, static_cast<size_t>(end)) - begin_byte);
}

template <bool kStart>
Value has_affix(Interpreter&, const Value& self, Args& args) {
  Bound bound(args, kStart ? "startswith" : "endswith", {"affix", "start", "end"}, 1);
  int64_t before = 0;
  std::string_view text = window(self.text(), bound, 1, before);
  auto matches = [&](const Value& affix) {
    if (!affix.is_text()) fail("startswith and endswith need strings, not {}", type_name(affix));
    return before >= 0 && (kStart ? text.starts_with(affix.text()) : text.ends_with(affix.text()));
  };
  if (!bound[0].is(Kind::tuple)) return Value::boolean(matches(bound[0]));
  return Value::boolean(std::any_of(bound[0].items().begin(), bound[0].items().end(), matches));
}

template <bool kLast, bool kMust>
Value find(Interpreter&, const Value& self, Args& args) {
  Bound bound(args, "find", {"sub", "start", "end"}, 1);
  int64_t before = 0;
  std::string_view text = window(self.text(), bound, 1, before), part = bound.text(0, "");
  if (bound[0].is(Kind::none)) fail("find needs a string");
  size_t at = before < 0 ? text.npos : (kLast ? text.rfind(part) : text.find(part));
  if (at == text.npos) {
    if (kMust) fail("the text was not found");
    return Value::integer(-1);
  }
  return Value::integer(before + static_cast<int64_t>(count_chars(text.substr(0, at))));
}

Value count(Interpreter&, const Value& self, Args& args) {
  Bound bound(args, "count", {"sub", "start", "end"}, 1);
  int64_t before = 0;
  std::string_view text = window(self.text(), bound, 1, before), part = bound.text(0, "");
  if (before < 0) return Value::integer(0);
  if (part.empty()) return Value::integer(static_cast<int64_t>(count_chars(text)) + 1);
  return Value::integer(static_cast<int64_t>(split_at(text, part, -1).size()) - 1);
}

Value replace_text(Interpreter& interpreter, const Value& self, Args& args) {
  Bound bound(args, "replace", {"old", "new", "count"}, 2);
  if (!bound.is_given(0) || !bound.is_given(1)) fail("replace needs strings");
  std::string_view old = bound.text(0, ""), with = bound.text(1, "");
  // Not more than the result can have: counted before it is made.
  size_t hits = old.empty() ? self.text().size() + 1 : split_at(self.text(), old, -1).size();
  interpreter.heap().take(self.text().size() + hits * with.size());
  return make_text(interpreter, self, replace(self.text(), old, with, bound.integer(2, -1)));
}

template <std::string (*kChange)(std::string_view)>
Value change_case(Interpreter& interpreter, const Value& self, Args& args) {
  Bound bound(args, "the method", {}, 0);
  return make_text(interpreter, self, kChange(self.text()));
}

enum class Property { alpha, digit, decimal, numeric, alnum, space, upper, lower, ascii, printable };
constexpr std::array<std::string_view, 10> kProperties = {"alpha", "digit", "decimal", "numeric", "alnum",
                                                          "space", "upper", "lower",   "ascii",   "printable"};
template <Property kProperty>
Value has(Interpreter&, const Value& self, Args& args) {
  Bound bound(args, "the method", {}, 0);
  return Value::boolean(has_property(self.text(), kProperties[static_cast<size_t>(kProperty)]));
}

Value is_title(Interpreter&, const Value& self, Args&) {
  return Value::boolean(title(self.text()) == self.text() && upper(self.text()) != lower(self.text()));
}

Value join(Interpreter& interpreter, const Value& self, Args& args) {
  Bound bound(args, "join", {"iterable"}, 1);
  std::string text;
  bool first = true;
  for (const Value& item : interpreter.iterate(bound[0])) {
    if (!item.is_text()) fail("join needs strings, not {}", type_name(item));
    interpreter.heap().take(item.text().size() + self.text().size());
    if (!first) text += self.text();
    text += item.text();
    first = false;
  }
  return make_text(interpreter, self, std::move(text));
}

Value format(Interpreter& interpreter, const Value& self, Args& args) {
  return make_text(interpreter, self, format_braces(interpreter, self.text(), args));
}

// -1 left, 0 centre, 1 right
template <int kSide>
Value justify(Interpreter& interpreter, const Value& self, Args& args) {
  Bound bound(args, "the method", {"width", "fillchar"}, 1);
  std::string fill(bound.text(1, " "));
  if (count_chars(fill) != 1) fail("the fill of a text is one character");
  auto size = static_cast<int64_t>(count_chars(self.text()));
  int64_t width = bound.integer(0, 0), missing = std::max<int64_t>(width - size, 0);
  if (missing > interpreter.heap().limits().bytes) fail("a width of {} characters", width);
  interpreter.heap().take(static_cast<size_t>(missing) * fill.size());
  int64_t left = kSide < 0 ? 0 : (kSide > 0 ? missing : missing / 2 + (missing & width & 1));
  std::string text;
  for (int64_t i = 0; i < left; ++i) text += fill;
  text += self.text();
  for (int64_t i = left; i < missing; ++i) text += fill;
  return make_text(interpreter, self, std::move(text));
}

Value zfill(Interpreter& interpreter, const Value& self, Args& args) {
  Bound bound(args, "zfill", {"width"}, 1);
  auto size = static_cast<int64_t>(count_chars(self.text()));
  int64_t missing = std::max<int64_t>(bound.integer(0, 0) - size, 0);
  if (missing > interpreter.heap().limits().bytes) fail("a width of {} characters", missing);
  interpreter.heap().take(static_cast<size_t>(missing));
  bool sign = self.text().starts_with('-') || self.text().starts_with('+');
  std::string zeros(static_cast<size_t>(missing), '0');
  return make_text(interpreter, self, self.text().substr(0, sign) + zeros + self.text().substr(sign));
}

template <bool kPrefix>
Value remove_affix(Interpreter& interpreter, const Value& self, Args& args) {
  Bound bound(args, "the method", {"affix"}, 1);
  std::string_view text = self.text(), affix = bound.text(0, "");
  if (kPrefix && text.starts_with(affix)) text.remove_prefix(affix.size());
  if (!kPrefix && text.ends_with(affix)) text.remove_suffix(affix.size());
  return make_text(interpreter, self, std::string(text));
}

template <bool kLast>
Value partition(Interpreter& interpreter, const Value& self, Args& args) {
  Bound bound(args, "partition", {"sep"}, 1);
  std::string_view text = self.text(), separator = bound.text(0, "");
  if (separator.empty()) fail("partition needs a separator that isn't empty");
  size_t at = kLast ? text.rfind(separator) : text.find(separator);
  Parts parts = at == text.npos ? (kLast ? Parts{"", "", text} : Parts{text, "", ""})
                                : Parts{text.substr(0, at), separator, text.substr(at + separator.size())};
  return interpreter.heap().tuple(make_list(interpreter, self, parts).items());
}

Value expandtabs(Interpreter& interpreter, const Value& self, Args& args) {
  Bound bound(args, "expandtabs", {"tabsize"}, 0);
  int64_t size = std::clamp<int64_t>(bound.integer(0, 8), 0, 1000), column = 0;
  std::string text;
  for (std::string_view c : chars_of(self.text())) {
    if (c == "\t") {
      int64_t spaces = size > 0 ? size - column % size : 0;
      interpreter.heap().take(static_cast<size_t>(spaces));
      text.append(static_cast<size_t>(spaces), ' ');
      column += spaces;
    } else {
      text += c;
      column = c == "\n" || c == "\r" ? 0 : column + 1;
    }
  }
  return make_text(interpreter, self, std::move(text));
}

Value unsupported(Interpreter&, const Value&, Args&) { fail("this method of strings is not supported"); }

}  // namespace

std::span<const std::pair<std::string_view, Function::Body>> string_methods() {
  static constexpr std::array<std::pair<std::string_view, Function::Body>, 47> kMethods = {{
      {"strip", strip<true, true>},
      {"lstrip", strip<true, false>},
      {"rstrip", strip<false, true>},
      {"split", split<false>},
      {"rsplit", split<true>},
      {"splitlines", splitlines},
      {"startswith", has_affix<true>},
      {"endswith", has_affix<false>},
      {"find", find<false, false>},
      {"rfind", find<true, false>},
      {"index", find<false, true>},
      {"rindex", find<true, true>},
      {"count", count},
      {"replace", replace_text},
      {"upper", change_case<upper>},
      {"lower", change_case<lower>},
      {"title", change_case<title>},
      {"capitalize", change_case<capitalize>},
      {"swapcase", change_case<swap_case>},
      {"casefold", change_case<lower>},
      {"isalpha", has<Property::alpha>},
      {"isdigit", has<Property::digit>},
      {"isdecimal", has<Property::decimal>},
      {"isnumeric", has<Property::numeric>},
      {"isalnum", has<Property::alnum>},
      {"isspace", has<Property::space>},
      {"isupper", has<Property::upper>},
      {"islower", has<Property::lower>},
      {"isascii", has<Property::ascii>},
      {"isprintable", has<Property::printable>},
      {"istitle", is_title},
      {"join", join},
      {"format", format},
      {"ljust", justify<-1>},
      {"center", justify<0>},
      {"rjust", justify<1>},
      {"zfill", zfill},
      {"removeprefix", remove_affix<true>},
      {"removesuffix", remove_affix<false>},
      {"partition", partition<false>},
      {"rpartition", partition<true>},
      {"expandtabs", expandtabs},
      {"encode", unsupported},
      {"translate", unsupported},
      {"maketrans", unsupported},
      {"format_map", unsupported},
      {"isidentifier", unsupported},
  }};
  return kMethods;
}

}  // namespace loongforge::tokenizer::jinja
