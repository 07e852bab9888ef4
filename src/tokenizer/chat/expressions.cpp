// SPDX-License-Identifier: Apache-2.0
// Expressions, attributes and calls.
#include <algorithm>

#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/print.h"
#include "tokenizer/chat/text.h"

namespace loongforge::tokenizer::jinja {

void fail_undefined(const Value& value) {
  const auto& hint = value.shared() ? value.object<Text>().text : std::string("an undefined value");
  fail("{}", hint);
}

namespace {

// Python's slice.indices: the positions taken of `size` elements.
struct Positions {
  int64_t start, stop, step;
  bool more(int64_t at) const { return step > 0 ? at < stop : at > stop; }
};

Positions positions(const Value& start, const Value& stop, const Value& step, int64_t size) {
  auto integer = [](const Value& value) {
    if (!value.is_integral()) fail("a slice needs integers, not {}", type_name(value));
    return value.as_integer();
  };
  Positions result{0, 0, step.is(Kind::none) ? 1 : integer(step)};
  if (result.step == 0) fail("the step of a slice can't be zero");
  bool forward = result.step > 0;
  auto bound = [&](const Value& value, int64_t otherwise) {
    if (value.is(Kind::none)) return otherwise;
    int64_t at = integer(value);
    if (at < 0) at = std::max<int64_t>(at, -size - 1) + size;
    return std::clamp<int64_t>(at, forward ? 0 : -1, forward ? size : size - 1);
  };
  result.start = bound(start, forward ? 0 : size - 1);
  result.stop = bound(stop, forward ? size : -1);
  // No step is longer than the whole, so that adding it can't overflow.
  result.step = std::clamp<int64_t>(result.step, -size - 1, size + 1);
  return result;
}

}  // namespace

Value Interpreter::eval(const Expr& expr) {
  Level level(level_, heap_.limits());
  heap_.step();
  switch (expr.kind) {
    case ExprKind::constant: return expr.constant;
    case ExprKind::name: return eval_name(expr);
    case ExprKind::tuple:
    case ExprKind::list: return eval_items(expr);
    case ExprKind::dict: return eval_dict(expr);
    case ExprKind::attribute: {
      Value object = eval(*expr.kids[0]);
      line_ = expr.line;
      return attribute(object, expr.text);
    }
    case ExprKind::item: {
      if (expr.kids[1]->kind == ExprKind::slice) return eval_slice(expr);
      Value object = eval(*expr.kids[0]);
      Value key = eval(*expr.kids[1]);
      line_ = expr.line;
      return item(object, key);
    }
    case ExprKind::slice: fail("a slice stands only in brackets after a value");
    case ExprKind::call: return eval_call(expr);
    case ExprKind::filter: return eval_filter(expr, nullptr);
    case ExprKind::test: {
      Value value = eval(*expr.kids[0]);
      Args args = eval_args(expr.args);
      line_ = expr.line;
      return Value::boolean(test(expr.text, value, args));
    }
    case ExprKind::logical_not: return Value::boolean(!truthy(eval(*expr.kids[0])));
    case ExprKind::logical_and: {
      Value left = eval(*expr.kids[0]);
      return truthy(left) ? eval(*expr.kids[1]) : left;
    }
    case ExprKind::logical_or: {
      Value left = eval(*expr.kids[0]);
      return truthy(left) ? left : eval(*expr.kids[1]);
    }
    case ExprKind::negative:
    case ExprKind::positive: return eval_unary(expr);
    case ExprKind::binary: {
      Value left = eval(*expr.kids[0]);
      Value right = eval(*expr.kids[1]);
      line_ = expr.line;
      return binary_operation(heap_, expr.op, left, right);
    }
    case ExprKind::comparison: return eval_comparison(expr);
    case ExprKind::concat: return eval_concat(expr);
    case ExprKind::conditional:
      if (truthy(eval(*expr.kids[0]))) return eval(*expr.kids[1]);
      return expr.kids[2] ? eval(*expr.kids[2]) : undefined("the `if` expression was false and has no `else`");
  }
  return {};
}

Value Interpreter::eval_name(const Expr& expr) {
  if (const Value* value = scope_->find(expr.id)) return *value;
  return undefined(fmt::format("'{}' is undefined", program_.names[static_cast<size_t>(expr.id)]));
}

Value Interpreter::eval_items(const Expr& expr) {
  std::vector<Value> items;
  items.reserve(expr.kids.size());
  for (const ExprPtr& kid : expr.kids) items.push_back(eval(*kid));
  return expr.kind == ExprKind::tuple ? heap_.tuple(std::move(items)) : heap_.list(std::move(items));
}

Value Interpreter::eval_dict(const Expr& expr) {
  auto dict = std::make_shared<Dict>();
  for (size_t i = 0; i + 1 < expr.kids.size(); i += 2) {
    Value key = eval(*expr.kids[i]);
    dict->set(key, eval(*expr.kids[i + 1]));
  }
  return heap_.dict(std::move(dict));
}

Value Interpreter::eval_slice(const Expr& expr) {
  Value object = eval(*expr.kids[0]);
  const auto& parts = expr.kids[1]->kids;
  Value bounds[3];
  for (size_t i = 0; i < 3; ++i) bounds[i] = parts[i] ? eval(*parts[i]) : Value::none();
  line_ = expr.line;
  if (object.is_undefined()) fail_undefined(object);
  if (object.is_text()) {
    heap_.step(object.text().size() / 16);
    auto chars = chars_of(object.text());
    auto range = positions(bounds[0], bounds[1], bounds[2], static_cast<int64_t>(chars.size()));
    std::string text;
    for (int64_t at = range.start; range.more(at); at += range.step) text += chars[static_cast<size_t>(at)];
    return heap_.text(std::move(text), object.markup());
  }
  if (!object.is_sequence()) fail("a value of the type {} can't be sliced", type_name(object));
  const auto& items = object.items();
  auto range = positions(bounds[0], bounds[1], bounds[2], static_cast<int64_t>(items.size()));
  std::vector<Value> taken;
  for (int64_t at = range.start; range.more(at); at += range.step) taken.push_back(items[static_cast<size_t>(at)]);
  if (object.is(Kind::list)) return heap_.list(std::move(taken));
  return object.is(Kind::tuple) ? heap_.tuple(std::move(taken)) : heap_.range(std::move(taken));
}

Args Interpreter::eval_args(const CallArgs& code) {
  Args args;
  for (const ExprPtr& expr : code.positional) args.positional.push_back(eval(*expr));
  for (const auto& [name, expr] : code.named) args.named.emplace_back(name, eval(*expr));
  if (code.star) {
    for (Value& value : iterate(eval(*code.star))) args.positional.push_back(std::move(value));
  }
  if (code.star_star) {
    Value more = eval(*code.star_star);
    if (!more.is(Kind::dict)) fail("`**` needs a mapping, not {}", type_name(more));
    for (const auto& [key, value] : more.object<Dict>().entries) {
      if (!key.is_text()) fail("names of arguments are strings, not {}", type_name(key));
      args.named.emplace_back(key.text(), value);
    }
  }
  return args;
}

Value Interpreter::eval_call(const Expr& expr) {
  Value function = eval(*expr.kids[0]);
  Args args = eval_args(expr.args);
  line_ = expr.line;
  return call(function, std::move(args));
}

Value Interpreter::eval_filter(const Expr& expr, const Value* subject) {
  // In a filter block the innermost filter has nothing before it: it gets the block's text.
  Value value = expr.kids[0] == nullptr ? *subject
                : subject != nullptr && expr.kids[0]->kind == ExprKind::filter
                    ? eval_filter(*expr.kids[0], subject)
                    : eval(*expr.kids[0]);
  Args args = eval_args(expr.args);
  line_ = expr.line;
  return filter(expr.text, value, args);
}

Value Interpreter::eval_comparison(const Expr& expr) {
  Value left = eval(*expr.kids[0]);
  for (size_t i = 0; i < expr.ops.size(); ++i) {
    Value right = eval(*expr.kids[i + 1]);
    line_ = expr.line;
    heap_.step(1 + (left.is_text() && right.is_text() ? right.text().size() / 64 : 0));
    if (!compare_operation(expr.ops[i], left, right)) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Value Interpreter::eval_concat(const Expr& expr) {
  std::string text;
  for (const ExprPtr& kid : expr.kids) text += to_text(eval(*kid), heap_);
  return heap_.text(std::move(text));
}

Value Interpreter::eval_unary(const Expr& expr) {
  Value value = eval(*expr.kids[0]);
  line_ = expr.line;
  if (value.is_undefined()) fail_undefined(value);
  if (!value.is_number()) fail("a sign before a value of the type {}", type_name(value));
  if (value.is(Kind::real)) return Value::real(expr.kind == ExprKind::negative ? -value.as_real() : value.as_real());
  Value zero = Value::integer(0);
  return binary_operation(heap_, expr.kind == ExprKind::negative ? Op::sub : Op::add, zero, value);
}

Value Interpreter::call(const Value& function, Args args) {
  Level level(level_, heap_.limits());
  heap_.step();
  switch (function.kind()) {
    case Kind::undefined: fail_undefined(function);
    case Kind::macro: return call_macro(function.object<Macro>(), args);
    case Kind::loop: return call_loop(function, args);
    case Kind::function: {
      auto keep = function.shared();
      auto& object = static_cast<Function&>(*keep);
      return object.body(*this, object.self, args);
    }
    default: fail("a value of the type {} can't be called", type_name(function));
  }
}

Value Interpreter::attribute(const Value& object, std::string_view name) {
  if (object.is_undefined()) fail_undefined(object);
  if (object.is(Kind::name_space)) {
    const Value* value = object.object<Namespace>().find(name);
    return value != nullptr ? *value : undefined(fmt::format("the namespace has no attribute '{}'", name));
  }
  if (object.is(Kind::loop) && name != "cycle" && name != "changed") return loop_attribute(object, name);
  if (object.is(Kind::tuple) && object.object<Items>().name == kGroupName) {
    if (name == "grouper") return object.items()[0];
    if (name == "list") return object.items()[1];
  }
  if (object.is(Kind::macro) && name == "name") return heap_.text(object.object<Macro>().code->name);
  if (object.is_number()) {
    if (name == "real") return object.is(Kind::real) ? object : Value::integer(object.as_integer());
    if (name == "imag") return object.is(Kind::real) ? Value::real(0) : Value::integer(0);
  }
  if (is_mutating(object, name))
    return undefined(fmt::format("'{}' would change the {}, which templates can't", name, type_name(object)));
  std::string_view stored;
  if (auto body = find_method(object, name, stored)) {
    heap_.take(sizeof(Function));
    auto function = std::make_shared<Function>();
    function->name = stored;
    function->self = object;
    function->depth = object.depth();
    function->body = body;
    return Value(Kind::function, std::move(function));
  }
  if (object.is(Kind::dict)) {
    if (const Value* value = object.object<Dict>().find(name)) return *value;
  }
  return undefined(fmt::format("'{} object' has no attribute '{}'", type_name(object), name));
}

Value Interpreter::item(const Value& object, const Value& key) {
  if (object.is_undefined()) fail_undefined(object);
  if (object.is(Kind::dict) && !key.is(Kind::list) && !key.is(Kind::dict)) {
    if (const Value* value = object.object<Dict>().find(key)) return *value;
  }
  if (key.is_integral() && (object.is_sequence() || object.is_text())) {
    int64_t at = key.as_integer();
    auto size = static_cast<int64_t>(object.is_text() ? count_chars(object.text()) : object.items().size());
    if (at < 0) at += size;
    if (at >= 0 && at < size) {
      if (!object.is_text()) return object.items()[static_cast<size_t>(at)];
      heap_.step(object.text().size() / 16);
      std::string_view rest = std::string_view(object.text()).substr(byte_of(object.text(), static_cast<size_t>(at)));
      return heap_.text(std::string(rest.substr(0, byte_of(rest, 1))), object.markup());
    }
  }
  if (key.is_text() && !(object.is(Kind::dict) && object.object<Dict>().find(key.text()))) {
    return attribute(object, key.text());
  }
  return undefined(fmt::format("'{} object' has no element {}", type_name(object), repr(key, heap_)));
}

Value Interpreter::filter(std::string_view name, const Value& value, const Args& args) {
  auto body = find_filter(name);
  if (body == nullptr) fail("there is no filter '{}'", name);
  heap_.step();
  return body(*this, value, args);
}

bool Interpreter::test(std::string_view name, const Value& value, const Args& args) {
  auto body = find_test(name);
  if (body == nullptr) fail("there is no test '{}'", name);
  heap_.step();
  return body(*this, value, args);
}

}  // namespace loongforge::tokenizer::jinja
