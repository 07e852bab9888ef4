// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/chat/literals.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>

#include "tokenizer/unicode.h"

namespace loongforge::tokenizer::jinja {
namespace {

bool is_digit(char c, int base) {
  if (base == 16) return std::isxdigit(static_cast<unsigned char>(c)) != 0;
  return c >= '0' && c < '0' + base;
}

// End of digits with single underscores between them, from `at`; `at` when there are none.
size_t digits_end(std::string_view text, size_t at, int base) {
  size_t end = at;
  while (end < text.size()) {
    size_t digit = end + (text[end] == '_' && end > at ? 1 : 0);
    if (digit >= text.size() || !is_digit(text[digit], base)) break;
    end = digit + 1;
  }
  return end;
}

std::string without_underscores(std::string_view text) {
  std::string plain(text);
  plain.erase(std::remove(plain.begin(), plain.end(), '_'), plain.end());
  return plain;
}

// The code point of `count` hexadecimal digits at `at`.
std::optional<uint32_t> hex_code(std::string_view text, size_t at, size_t count) {
  uint32_t code = 0;
  if (at + count > text.size()) return std::nullopt;
  auto [end, error] = std::from_chars(text.data() + at, text.data() + at + count, code, 16);
  bool valid = error == std::errc() && end == text.data() + at + count && code <= 0x10ffff;
  return valid && (code < 0xd800 || code > 0xdfff) ? std::optional(code) : std::nullopt;
}

std::string_view simple_escape(char c) {
  switch (c) {
    case 'n': return "\n";
    case 't': return "\t";
    case 'r': return "\r";
    case '\\': return "\\";
    case '\'': return "'";
    case '"': return "\"";
    case 'a': return "\a";
    case 'b': return "\b";
    case 'f': return "\f";
    case 'v': return "\v";
    default: return {};
  }
}

}  // namespace

std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (text[i] != '\\' || i + 1 >= text.size()) {
      out += text[i++];
      continue;
    }
    char c = text[i + 1];
    i += 2;
    if (auto simple = simple_escape(c); !simple.empty()) {
      out += simple;
    } else if (c == '\n') {
      continue;
    } else if (c == 'x' || c == 'u' || c == 'U') {
      size_t count = c == 'x' ? 2 : (c == 'u' ? 4 : 8);
      auto code = hex_code(text, i, count);
      if (!code) return std::nullopt;
      append_utf8(out, *code);
      i += count;
    } else if (is_digit(c, 8)) {
      uint32_t code = 0;
      size_t end = i - 1;
      while (end < text.size() && end < i + 2 && is_digit(text[end], 8)) code = code * 8 + uint32_t(text[end++] - '0');
      append_utf8(out, code);
      i = end;
    } else if (c == 'N') {
      return std::nullopt;
    } else {
      out += '\\';
      out += c;
    }
  }
  return out;
}

Number read_number(std::string_view text, bool real) {
  Number number;
  int base = 10;
  if (text.size() > 2 && text[0] == '0') {
    char mark = static_cast<char>(std::tolower(static_cast<unsigned char>(text[1])));
    int other = mark == 'x' ? 16 : (mark == 'o' ? 8 : (mark == 'b' ? 2 : 10));
    size_t first = text[2] == '_' ? 3 : 2;
    if (other != 10 && first < text.size() && is_digit(text[first], other)) base = other;
  }
  if (base != 10) {
    size_t first = text[2] == '_' ? 3 : 2, end = digits_end(text, first, base);
    std::string digits = without_underscores(text.substr(first, end - first));
    auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number.integer, base);
    number.length = error == std::errc() ? end : 0;
    return number;
  }
  size_t whole = digits_end(text, 0, 10), end = whole;
  if (real && end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1], 10))
    end = digits_end(text, end + 1, 10);
  if (real && end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    size_t first = end + 1 + (end + 1 < text.size() && (text[end + 1] == '+' || text[end + 1] == '-') ? 1 : 0);
    if (size_t last = digits_end(text, first, 10); last > first) end = last;
  }
  number.is_real = end != whole;
  // A decimal integer doesn't begin with 0: "012" is the two numbers 0 and 12.
  if (!number.is_real && text[0] == '0') end = std::min(whole, text.find_first_not_of("0_"));
  std::string digits = without_underscores(text.substr(0, end));
  if (number.is_real) {
    auto result = std::from_chars(digits.data(), digits.data() + digits.size(), number.real);
    // Too large is infinity and too small zero, as in Python.
    if (result.ec == std::errc::result_out_of_range) number.real = std::strtod(digits.c_str(), nullptr);
    number.length = end;
  } else {
    auto result = std::from_chars(digits.data(), digits.data() + digits.size(), number.integer);
    number.length = result.ec == std::errc() ? end : 0;
  }
  return number;
}

}  // namespace loongforge::tokenizer::jinja
