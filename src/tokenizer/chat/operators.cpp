// SPDX-License-Identifier: Apache-2.0
// Python's arithmetic on 64-bit integers (beyond them: an error), reals, strings and lists.
#include <algorithm>
#include <cmath>

#include "tokenizer/chat/runtime.h"
#include "tokenizer/chat/text.h"

namespace loongforge::tokenizer::jinja {
namespace {

std::string_view symbol(Op op) {
  switch (op) {
    case Op::add: return "+";
    case Op::sub: return "-";
    case Op::mul: return "*";
    case Op::div: return "/";
    case Op::floor_div: return "//";
    case Op::mod: return "%";
    default: return "**";
  }
}

// By reference: the value is read after the operation that sets it.
int64_t checked(bool overflow, const int64_t& value) {
  if (overflow) fail("the integer result has more than 64 bits");
  return value;
}

int64_t power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  bool overflow = false;
  while (exponent > 0 && !overflow) {
    if (exponent & 1) overflow = __builtin_mul_overflow(result, base, &result);
    exponent >>= 1;
    if (exponent > 0) overflow = overflow || __builtin_mul_overflow(base, base, &base);
  }
  return checked(overflow, result);
}

Value integer_operation(Op op, int64_t a, int64_t b) {
  int64_t result = 0;
  if (b == 0 && (op == Op::div || op == Op::floor_div || op == Op::mod)) fail("division by zero");
  switch (op) {
    case Op::add: return Value::integer(checked(__builtin_add_overflow(a, b, &result), result));
    case Op::sub: return Value::integer(checked(__builtin_sub_overflow(a, b, &result), result));
    case Op::mul: return Value::integer(checked(__builtin_mul_overflow(a, b, &result), result));
    case Op::div: return Value::real(static_cast<double>(a) / static_cast<double>(b));
    case Op::floor_div:
      if (b == -1) return Value::integer(checked(__builtin_sub_overflow(int64_t{0}, a, &result), result));
      return Value::integer(a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0));
    case Op::mod:
      if (b == -1) return Value::integer(0);
      return Value::integer(a % b + (a % b != 0 && (a < 0) != (b < 0) ? b : 0));
    default:
      if (b < 0) {
        if (a == 0) fail("division by zero");
        return Value::real(std::pow(static_cast<double>(a), static_cast<double>(b)));
      }
      return Value::integer(power(a, b));
  }
}

Value real_operation(Op op, double a, double b) {
  if (b == 0 && (op == Op::div || op == Op::floor_div || op == Op::mod)) fail("division by zero");
  switch (op) {
    case Op::add: return Value::real(a + b);
    case Op::sub: return Value::real(a - b);
    case Op::mul: return Value::real(a * b);
    case Op::div: return Value::real(a / b);
    default: break;
  }
  if (op == Op::pow) {
    if (a == 0 && b < 0) fail("division by zero");
    double result = std::pow(a, b);
    if (std::isnan(result) && !std::isnan(a) && !std::isnan(b)) fail("the result of ** is not a real number");
    if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) fail("the result of ** is too large");
    return Value::real(result);
  }
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  if (op == Op::mod) return Value::real(rest == 0 ? std::copysign(0.0, b) : rest);
  double quotient = (a - rest) / b;
  double floor = std::floor(quotient);
  return Value::real(quotient - floor > 0.5 ? floor + 1 : floor);
}

Value repeat(Heap& heap, const Value& value, int64_t times) {
  auto count = static_cast<size_t>(std::max<int64_t>(times, 0));
  size_t size = value.is_text() ? value.text().size() : value.items().size() * sizeof(Value);
  if (size > 0 && count > static_cast<size_t>(heap.limits().bytes) / size)
    throw LimitError(fmt::format("more than {} bytes of text and lists", heap.limits().bytes));
  if (size == 0) return value;
  if (value.is_text()) {
    heap.take(size * count);
    std::string text;
    text.reserve(size * count);
    for (size_t i = 0; i < count; ++i) text += value.text();
    return heap.text(std::move(text), value.markup());
  }
  heap.take(size * count);
  std::vector<Value> items;
  for (size_t i = 0; i < count; ++i) items.insert(items.end(), value.items().begin(), value.items().end());
  return value.is(Kind::list) ? heap.list(std::move(items)) : heap.tuple(std::move(items));
}

Value add_text(Heap& heap, const Value& a, const Value& b) {
  bool markup = a.markup() || b.markup();
  heap.take(a.text().size() + b.text().size());
  auto part = [&](const Value& value) { return markup && !value.markup() ? escape_html(value.text()) : value.text(); };
  return heap.text(part(a) + part(b), markup);
}

Value add_items(Heap& heap, const Value& a, const Value& b) {
  std::vector<Value> items = a.items();
  heap.step(items.size() + b.items().size());
  items.insert(items.end(), b.items().begin(), b.items().end());
  return a.is(Kind::list) ? heap.list(std::move(items)) : heap.tuple(std::move(items));
}

bool repeatable(const Value& value) { return value.is_text() || value.is(Kind::list) || value.is(Kind::tuple); }

}  // namespace

Value binary_operation(Heap& heap, Op op, const Value& a, const Value& b) {
  if (op == Op::mod && a.is_text()) return heap.text(format_percent(heap, a.text(), b), a.markup());
  for (const Value* value : {&a, &b})
    if (value->is_undefined()) fail("{}", value->shared() ? value->object<Text>().text : "an undefined value");
  if (a.is_integral() && b.is_integral()) return integer_operation(op, a.as_integer(), b.as_integer());
  if (a.is_number() && b.is_number()) return real_operation(op, a.as_real(), b.as_real());
  if (op == Op::add && a.is_text() && b.is_text()) return add_text(heap, a, b);
  if (op == Op::add && a.kind() == b.kind() && (a.is(Kind::list) || a.is(Kind::tuple))) return add_items(heap, a, b);
  if (op == Op::mul && repeatable(a) && b.is_integral()) return repeat(heap, a, b.as_integer());
  if (op == Op::mul && repeatable(b) && a.is_integral()) return repeat(heap, b, a.as_integer());
  fail("`{}` can't join values of the types {} and {}", symbol(op), type_name(a), type_name(b));
}

bool compare_operation(Op op, const Value& a, const Value& b) {
  switch (op) {
    case Op::eq: return equal(a, b);
    case Op::ne: return !equal(a, b);
    case Op::in: return contains(b, a);
    case Op::not_in: return !contains(b, a);
    default: break;
  }
  if (a.is_number() && b.is_number() && (std::isnan(a.as_real()) || std::isnan(b.as_real()))) return false;
  int order = compare(a, b);
  if (op == Op::lt) return order < 0;
  if (op == Op::le) return order <= 0;
  return op == Op::gt ? order > 0 : order >= 0;
}

}  // namespace loongforge::tokenizer::jinja
