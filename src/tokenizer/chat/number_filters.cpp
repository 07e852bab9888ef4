// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "tokenizer/chat/filters.h"
#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/print.h"
#include "tokenizer/chat/text.h"

namespace loongforge::tokenizer::jinja {
namespace {

// Without the white space around and single underscores between digits.
std::string number_text(std::string_view text) {
  text = strip_left(strip_right(text));
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    auto alnum = [&](size_t at) { return std::isalnum(static_cast<unsigned char>(text[at])) != 0; };
    bool between = text[i] == '_' && i > 0 && i + 1 < text.size() && alnum(i - 1) && alnum(i + 1);
    if (!between) plain += text[i];
  }
  return plain;
}

std::optional<int64_t> read_integer(std::string_view text, int64_t base) {
  std::string plain = number_text(text);
  std::string_view digits = plain;
  bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  auto prefix = [&](std::string_view a, std::string_view b, int64_t of) {
    if ((base == of || base == 0) && (digits.starts_with(a) || digits.starts_with(b))) {
      digits.remove_prefix(2);
      base = of;
    }
  };
  prefix("0x", "0X", 16);
  prefix("0o", "0O", 8);
  prefix("0b", "0B", 2);
  if (base == 0) base = 10;
  if (base < 2 || base > 36 || digits.starts_with('-')) return std::nullopt;
  int64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, static_cast<int>(base));
  if (error == std::errc::result_out_of_range) fail("the number {} has more than 64 bits", plain);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return negative ? -value : value;
}

std::optional<double> read_real(std::string_view text) {
  std::string plain = number_text(text);
  std::string_view digits = plain;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  double value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc::result_out_of_range) return std::strtod(plain.c_str(), nullptr);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.starts_with('+')) return std::nullopt;
  return value;
}

int64_t truncated(double value) {
  if (!(std::abs(value) < 9.2e18)) fail("the number {} has more than 64 bits", real_text(value));
  return static_cast<int64_t>(value);
}

Value to_integer(Interpreter&, const Value& value, const Args& args) {
  Bound bound(args, "int", {"default", "base"}, 0);
  Value otherwise = bound.has(0) ? bound[0] : Value::integer(0);
  if (value.is_undefined()) fail_undefined(value);
  if (value.is_integral()) return Value::integer(value.as_integer());
  if (value.is(Kind::real)) {
    if (std::isnan(value.as_real())) return otherwise;
    if (std::isinf(value.as_real())) fail("infinity is no integer");
    return Value::integer(truncated(value.as_real()));
  }
  if (!value.is_text()) return otherwise;
  if (auto integer = read_integer(value.text(), bound.integer(1, 10))) return Value::integer(*integer);
  auto real = read_real(value.text());
  return real && std::isfinite(*real) ? Value::integer(truncated(*real)) : otherwise;
}

Value to_real(Interpreter&, const Value& value, const Args& args) {
  Bound bound(args, "float", {"default"}, 0);
  if (value.is_undefined()) fail_undefined(value);
  if (value.is_number()) return Value::real(value.as_real());
  auto real = value.is_text() ? read_real(value.text()) : std::nullopt;
  return real ? Value::real(*real) : (bound.has(0) ? bound[0] : Value::real(0));
}

Value absolute(Interpreter& interpreter, const Value& value, const Args&) {
  if (!value.is_number()) fail("abs needs a number, not {}", type_name(value));
  if (value.is(Kind::real)) return Value::real(std::abs(value.as_real()));
  Value zero = Value::integer(0);
  return value.as_integer() < 0 ? binary_operation(interpreter.heap(), Op::sub, zero, value)
                                : Value::integer(value.as_integer());
}

// Correctly rounded to `digits` decimals, ties to even, as Python does: through the decimal text.
double round_decimal(double value, int64_t digits) {
  if (!std::isfinite(value) || digits > 300) return value;
  if (digits < 0) {
    double scale = std::pow(10.0, static_cast<double>(-digits));
    return std::isfinite(scale) ? std::nearbyint(value / scale) * scale : std::copysign(0.0, value);
  }
  return std::strtod(fmt::format("{:.{}f}", value, static_cast<int>(digits)).c_str(), nullptr);
}

Value round_integer(Interpreter& interpreter, int64_t value, int64_t digits) {
  if (digits >= 0) return Value::integer(value);
  if (digits < -18) return Value::integer(0);
  int64_t scale = 1;
  for (int64_t i = 0; i < -digits; ++i) scale *= 10;
  int64_t rest = ((value % scale) + scale) % scale, low = value - rest;
  bool up = rest > scale / 2 || (rest * 2 == scale && (low / scale) % 2 != 0);
  return up ? binary_operation(interpreter.heap(), Op::add, Value::integer(low), Value::integer(scale))
            : Value::integer(low);
}

Value round_number(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "round", {"precision", "method"}, 0);
  int64_t precision = bound.integer(0, 0);
  std::string_view method = bound.text(1, "common");
  if (!value.is_number()) fail("round needs a number, not {}", type_name(value));
  if (method == "common") {
    if (value.is_integral()) return round_integer(interpreter, value.as_integer(), precision);
    return Value::real(round_decimal(value.as_real(), precision));
  }
  if (method != "ceil" && method != "floor") fail("round knows common, ceil and floor, not '{}'", method);
  double scale = std::pow(10.0, static_cast<double>(precision));
  double scaled = value.as_real() * scale;
  if (!std::isfinite(scaled)) fail("the number is too large to round");
  return Value::real((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
}

Value file_size(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "filesizeformat", {"binary"}, 0);
  bool binary = bound.flag(0, false);
  auto given = value.is_number() ? std::optional(value.as_real()) : std::nullopt;
  if (value.is_text()) given = read_real(value.text());
  if (!given) fail("filesizeformat needs a number, not {}", type_name(value));
  double bytes = *given, base = binary ? 1024 : 1000, unit = base;
  if (bytes == 1) return interpreter.heap().text("1 Byte");
  if (bytes < base) return interpreter.heap().text(fmt::format("{} Bytes", truncated(bytes)));
  std::string_view prefixes = binary ? "KMGTPEZY" : "kMGTPEZY";
  size_t at = 0;
  for (unit = base * base; at + 1 < prefixes.size() && bytes >= unit; ++at) unit *= base;
  return interpreter.heap().text(fmt::format("{:.1f} {}{}B", base * bytes / unit, prefixes[at], binary ? "i" : ""));
}

}  // namespace

FilterTable number_filters() {
  static constexpr std::pair<std::string_view, Filter> kFilters[] = {
      {"int", to_integer},     {"float", to_real},           {"abs", absolute},
      {"round", round_number}, {"filesizeformat", file_size},
  };
  return kFilters;
}

}  // namespace loongforge::tokenizer::jinja
