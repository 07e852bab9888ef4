// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/chat/format.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/print.h"
#include "tokenizer/chat/text.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer::jinja {
namespace {

bool is_align(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

std::string pad(const std::string& sign, const std::string& body, const FormatSpec& spec, char align, Heap& heap) {
  auto size = static_cast<int64_t>(sign.size() + count_chars(body));
  if (spec.width <= size) return sign + body;
  int64_t missing = spec.width - size;
  heap.take(static_cast<size_t>(missing) * spec.fill.size());
  int64_t left = align == '<' ? 0 : (align == '^' ? missing / 2 : missing);
  std::string before, after;
  for (int64_t i = 0; i < left; ++i) before += spec.fill;
  for (int64_t i = left; i < missing; ++i) after += spec.fill;
  return align == '=' ? sign + before + body : before + sign + body + after;
}

std::string grouped(const std::string& digits, char separator) {
  size_t whole = digits.find_first_not_of("0123456789");
  if (whole == digits.npos) whole = digits.size();
  std::string out;
  for (size_t i = 0; i < whole; ++i) {
    if (i > 0 && (whole - i) % 3 == 0) out += separator;
    out += digits[i];
  }
  return out + digits.substr(whole);
}

std::string integer_digits(uint64_t value, const FormatSpec& spec) {
  switch (spec.type) {
    case 'x': return (spec.alternate ? "0x" : "") + fmt::format("{:x}", value);
    case 'X': return (spec.alternate ? "0X" : "") + fmt::format("{:X}", value);
    case 'o': return (spec.alternate ? "0o" : "") + fmt::format("{:o}", value);
    case 'b': return (spec.alternate ? "0b" : "") + fmt::format("{:b}", value);
    default: return fmt::format("{}", value);
  }
}

std::string real_digits(double value, const FormatSpec& spec) {
  bool upper_case = spec.type == 'F' || spec.type == 'E' || spec.type == 'G';
  if (std::isnan(value)) return upper_case ? "NAN" : "nan";
  if (std::isinf(value)) return upper_case ? "INF" : "inf";
  if (spec.precision > 400) fail("a precision of more than 400 digits");
  int precision = spec.precision < 0 ? 6 : static_cast<int>(spec.precision);
  switch (spec.type) {
    case 'f':
    case 'F': return fmt::format("{:.{}f}", value, precision);
    case 'e': return fmt::format("{:.{}e}", value, precision);
    case 'E': return fmt::format("{:.{}E}", value, precision);
    case 'g': return fmt::format("{:.{}g}", value, std::max(precision, 1));
    case 'G': return fmt::format("{:.{}G}", value, std::max(precision, 1));
    case '%': return fmt::format("{:.{}f}%", value * 100, precision);
    default: break;
  }
  if (spec.precision < 0) return real_text(value);
  std::string text = fmt::format("{:.{}g}", value, std::max(precision, 1));
  return text.find_first_not_of("0123456789") == text.npos ? text + ".0" : text;
}

std::string format_number(const Value& value, const FormatSpec& spec, Heap& heap) {
  bool as_real = value.is(Kind::real) || std::string_view("fFeEgG%").find(spec.type) != std::string_view::npos;
  if (!as_real && std::string_view("\0dnxXob", 7).find(spec.type) == std::string_view::npos)
    fail("no format '{}' for an integer", spec.type);
  bool negative = as_real ? std::signbit(value.as_real()) : value.as_integer() < 0;
  std::string digits;
  if (as_real) {
    digits = real_digits(std::abs(value.as_real()), spec);
  } else {
    auto magnitude = static_cast<uint64_t>(value.as_integer());
    digits = integer_digits(negative ? 0 - magnitude : magnitude, spec);
  }
  if (spec.grouping != '\0') digits = grouped(digits, spec.grouping);
  std::string sign = negative ? "-" : (spec.sign == '-' ? "" : std::string(1, spec.sign));
  FormatSpec padded = spec;
  if (spec.zero && spec.align == '\0') padded.fill = "0";
  char align = spec.align != '\0' ? spec.align : (spec.zero ? '=' : '>');
  return pad(sign, digits, padded, align, heap);
}

}  // namespace

int64_t take_digits(std::string_view text, size_t& at) {
  size_t begin = at;
  int64_t value = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    if (value > 100'000'000) fail("a number in a format is too large");
    value = value * 10 + (text[at++] - '0');
  }
  return at == begin ? -1 : value;
}

FormatSpec parse_format_spec(std::string_view text) {
  FormatSpec spec;
  size_t at = 0, first = byte_of(text, 1);
  auto peek = [&] { return at < text.size() ? text[at] : '\0'; };
  if (first < text.size() && is_align(text[first])) {
    spec.fill = std::string(text.substr(0, first));
    spec.align = text[first];
    at = first + 1;
  } else if (is_align(peek())) {
    spec.align = text[at++];
  }
  if (peek() == '+' || peek() == '-' || peek() == ' ') spec.sign = text[at++];
  if (peek() == '#') spec.alternate = ++at > 0;
  if (peek() == '0') spec.zero = ++at > 0;
  spec.width = std::max<int64_t>(take_digits(text, at), 0);
  if (peek() == ',' || peek() == '_') spec.grouping = text[at++];
  if (peek() == '.') {
    spec.precision = take_digits(text, ++at);
    if (spec.precision < 0) fail("a format with '.' but no precision");
  }
  if (at < text.size()) spec.type = text[at++];
  if (at < text.size()) fail("'{}' is no format", text);
  return spec;
}

std::string format_value(const Value& value, const FormatSpec& spec, Heap& heap) {
  bool plain = spec.width == 0 && spec.precision < 0 && spec.type == '\0' && spec.align == '\0' && !spec.zero &&
               spec.grouping == '\0' && spec.sign == '-' && !spec.alternate;
  if (plain) return to_text(value, heap);
  if (value.is_number()) return format_number(value, spec, heap);
  if (!value.is_text()) fail("no format for a value of the type {}", type_name(value));
  if ((spec.type != '\0' && spec.type != 's') || spec.sign != '-' || spec.grouping != '\0' || spec.align == '=')
    fail("a format for numbers with a string");
  std::string text = value.text();
  if (spec.precision >= 0) text = text.substr(0, byte_of(text, static_cast<size_t>(spec.precision)));
  return pad("", text, spec, spec.align == '\0' ? '<' : spec.align, heap);
}

namespace {

class PercentFormat {
 public:
  PercentFormat(Heap& heap, std::string_view pattern, const Value& values)
      : heap_(heap), pattern_(pattern), values_(values) {}

  std::string run() {
    while (at_ < pattern_.size()) {
      char c = pattern_[at_++];
      if (c != '%') {
        out_ += c;
      } else if (at_ < pattern_.size() && pattern_[at_] == '%') {
        out_ += pattern_[at_++];
      } else {
        directive();
      }
    }
    bool all_used = values_.is(Kind::dict) || (values_.is(Kind::tuple) ? used_ == values_.items().size() : used_ > 0);
    if (!all_used) fail("not all values were used by the format");
    return std::move(out_);
  }

 private:
  Value next_value() {
    if (!values_.is(Kind::tuple)) {
      if (used_++ > 0) fail("too few values for the format");
      return values_;
    }
    if (used_ >= values_.items().size()) fail("too few values for the format");
    return values_.items()[used_++];
  }

  Value named_value() {
    size_t end = pattern_.find(')', at_);
    if (end == pattern_.npos || !values_.is(Kind::dict)) fail("a format with names needs a mapping");
    const Value* value = values_.object<Dict>().find(pattern_.substr(at_, end - at_));
    if (value == nullptr) fail("the format names a missing key");
    at_ = end + 1;
    return *value;
  }

  void directive() {
    std::optional<Value> named;
    if (at_ < pattern_.size() && pattern_[at_] == '(') {
      ++at_;
      named = named_value();
    }
    FormatSpec spec;
    spec.align = '>';
    for (; at_ < pattern_.size() && std::string_view("-+ 0#").find(pattern_[at_]) != std::string_view::npos; ++at_) {
      if (pattern_[at_] == '-') spec.align = '<';
      if (pattern_[at_] == '+' || pattern_[at_] == ' ') spec.sign = pattern_[at_];
      if (pattern_[at_] == '0') spec.zero = true;
      if (pattern_[at_] == '#') spec.alternate = true;
    }
    spec.width = std::max<int64_t>(take_digits(pattern_, at_), 0);
    if (at_ < pattern_.size() && pattern_[at_] == '.')
      spec.precision = std::max<int64_t>(take_digits(pattern_, ++at_), 0);
    if (at_ >= pattern_.size()) fail("the format ends after '%'");
    char type = pattern_[at_++];
    out_ += formatted(named ? *named : next_value(), type, spec);
  }

  std::string formatted(const Value& value, char type, FormatSpec spec) {
    if (type == 's' || type == 'r' || type == 'c') {
      std::string text = type == 'r' ? repr(value, heap_) : to_text(value, heap_);
      if (type == 'c' && value.is_integral()) {
        text.clear();
        int64_t code = value.as_integer();
        if (code < 0 || code > 0x10ffff) fail("no character has the number {}", code);
        append_utf8(text, static_cast<uint32_t>(code));
      }
      spec.sign = '-';
      spec.zero = spec.alternate = false;
      return format_value(heap_.text(std::move(text)), spec, heap_);
    }
    if (std::string_view("diufFeEgGxXo").find(type) == std::string_view::npos) fail("unknown format '%{}'", type);
    if (!value.is_number()) fail("the format '%{}' needs a number, not {}", type, type_name(value));
    bool whole = type == 'd' || type == 'i' || type == 'u';
    if (whole && !(std::abs(value.as_real()) < 9.2e18)) fail("no integer for the format '%{}'", type);
    spec.type = whole ? 'd' : type;
    if (spec.zero && spec.align == '>') spec.align = '\0';
    bool round = whole && value.is(Kind::real);
    return format_value(round ? Value::integer(static_cast<int64_t>(value.as_real())) : value, spec, heap_);
  }

  Heap& heap_;
  std::string_view pattern_;
  const Value& values_;
  size_t at_ = 0, used_ = 0;
  std::string out_;
};

class BraceFormat {
 public:
  BraceFormat(Interpreter& interpreter, std::string_view pattern, const Args& args)
      : interpreter_(interpreter), pattern_(pattern), args_(args) {}

  std::string run() {
    size_t at = 0;
    while (at < pattern_.size()) {
      char c = pattern_[at++];
      if ((c == '{' || c == '}') && at < pattern_.size() && pattern_[at] == c) {
        out_ += pattern_[at++];
      } else if (c == '{') {
        size_t end = pattern_.find('}', at);
        if (end == pattern_.npos) fail("a '{{' without its '}}' in a format");
        field(pattern_.substr(at, end - at));
        at = end + 1;
      } else if (c == '}') {
        fail("a '}}' without its '{{' in a format");
      } else {
        out_ += c;
      }
    }
    return std::move(out_);
  }

 private:
  void field(std::string_view field) {
    if (field.find('{') != field.npos) fail("fields within fields of a format are not supported");
    size_t colon = field.find(':');
    std::string_view spec = colon == field.npos ? "" : field.substr(colon + 1);
    field = field.substr(0, colon);
    char conversion = '\0';
    if (field.size() >= 2 && field[field.size() - 2] == '!') {
      conversion = field.back();
      field.remove_suffix(2);
    }
    Value value = lookup(field);
    Heap& heap = interpreter_.heap();
    if (conversion == 'r' || conversion == 'a') value = heap.text(repr(value, heap));
    if (conversion == 's') value = heap.text(to_text(value, heap));
    out_ += format_value(value, parse_format_spec(spec), heap);
  }

  Value first(std::string_view name) {
    size_t at = 0;
    int64_t number = name.empty() ? static_cast<int64_t>(automatic_++) : take_digits(name, at);
    if (number >= 0 && at == name.size()) {
      if (static_cast<size_t>(number) >= args_.positional.size()) fail("too few values for the format");
      return args_.positional[static_cast<size_t>(number)];
    }
    for (const auto& [key, value] : args_.named)
      if (key == name) return value;
    fail("the format names the missing value '{}'", name);
  }

  Value lookup(std::string_view path) {
    size_t end = std::min(path.find_first_of(".["), path.size());
    Value value = first(path.substr(0, end));
    while (end < path.size()) {
      bool bracket = path[end] == '[';
      size_t next = bracket ? path.find(']', end) : std::min(path.find_first_of(".[", end + 1), path.size());
      if (next == path.npos) fail("a '[' without its ']' in a format");
      std::string_view key = path.substr(end + 1, next - end - 1);
      size_t digits = 0;
      int64_t number = bracket ? take_digits(key, digits) : -1;
      value = number >= 0 && digits == key.size() ? interpreter_.item(value, Value::integer(number))
              : bracket ? interpreter_.item(value, interpreter_.heap().text(std::string(key)))
                        : interpreter_.attribute(value, key);
      end = bracket ? next + 1 : next;
    }
    return value;
  }

  Interpreter& interpreter_;
  std::string_view pattern_;
  const Args& args_;
  size_t automatic_ = 0;
  std::string out_;
};

}  // namespace

std::string format_percent(Heap& heap, std::string_view pattern, const Value& values) {
  return PercentFormat(heap, pattern, values).run();
}

std::string format_braces(Interpreter& interpreter, std::string_view pattern, const Args& args) {
  return BraceFormat(interpreter, pattern, args).run();
}

}  // namespace loongforge::tokenizer::jinja
