// SPDX-License-Identifier: Apache-2.0
// `for`: elements are pulled one by one, as Python's generators do, because a filter of the loop may look at what the
// body sets.
#include <algorithm>

#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/text.h"

namespace loongforge::tokenizer::jinja {

std::vector<Value> Interpreter::iterate(const Value& value) {
  heap_.step();
  switch (value.kind()) {
    case Kind::undefined: return {};
    case Kind::list:
    case Kind::tuple:
    case Kind::range:
    case Kind::view:
      heap_.step(value.items().size());
      return value.items();
    case Kind::string: {
      std::vector<Value> chars;
      for (std::string_view c : chars_of(value.text())) chars.push_back(heap_.text(std::string(c)));
      return chars;
    }
    case Kind::dict: {
      std::vector<Value> keys;
      for (const auto& entry : value.object<Dict>().entries) keys.push_back(entry.first);
      heap_.step(keys.size());
      return keys;
    }
    case Kind::iterator: {
      auto& iterator = value.object<Iterator>();
      std::vector<Value> rest(iterator.items.begin() + static_cast<ptrdiff_t>(iterator.position), iterator.items.end());
      iterator.position = iterator.items.size();
      heap_.step(rest.size());
      return rest;
    }
    default: fail("a value of the type {} can't be gone through", type_name(value));
  }
}

Interpreter::Flow Interpreter::run_loop(const Stmt& stmt) {
  return loop_over(stmt, eval(*stmt.exprs[0]), 0, scope_);
}

Interpreter::Flow Interpreter::loop_over(const Stmt& stmt, const Value& iterable, int nesting,
                                         std::shared_ptr<Scope> scope) {
  auto loop = std::make_shared<Loop>();
  loop->stmt = &stmt;
  loop->scope = scope;
  loop->nesting = nesting;
  loop->items = iterate(iterable);
  loop->depth = iterable.depth();
  heap_.take(sizeof(Loop) + loop->items.size() * sizeof(Value));
  Value handle(Kind::loop, loop);
  auto outer = scope_;
  Flow flow = Flow::normal;
  while (flow != Flow::leave && loop_advance(*loop)) {
    heap_.step();
    auto inner = std::make_shared<Scope>();
    inner->parent = scope;
    scope_ = std::move(inner);
    if (loop_id_ >= 0) scope_->set(loop_id_, handle);
    assign(stmt.target, loop->current);
    flow = run_block(stmt.body);
  }
  scope_ = std::move(outer);
  // Jinja runs the `else` part when nothing was gone through, not when no `break` was met.
  if (loop->index < 0) run_in_scope(stmt.other);
  return Flow::normal;
}

// The next element that the loop's own filter lets through.
std::optional<Value> Interpreter::loop_pull(Loop& loop) {
  while (loop.position < loop.items.size()) {
    Value item = loop.items[loop.position++];
    if (!loop.stmt->exprs[1] || loop.filtered) return item;
    auto inner = std::make_shared<Scope>();
    inner->parent = loop.scope;
    auto outer = std::exchange(scope_, std::move(inner));
    assign(loop.stmt->target, item);
    bool passes = truthy(eval(*loop.stmt->exprs[1]));
    scope_ = std::move(outer);
    if (passes) return item;
  }
  return std::nullopt;
}

bool Interpreter::loop_advance(Loop& loop) {
  auto next = loop.after ? std::exchange(loop.after, std::nullopt) : loop_pull(loop);
  if (!next) return false;
  ++loop.index;
  loop.previous = std::exchange(loop.current, std::move(*next));
  return true;
}

bool Interpreter::loop_has_next(Loop& loop) {
  if (!loop.after) loop.after = loop_pull(loop);
  return loop.after.has_value();
}

int64_t Interpreter::loop_length(Loop& loop) {
  if (!loop.stmt->exprs[1]) return static_cast<int64_t>(loop.items.size());
  if (loop.length < 0) {
    std::vector<Value> rest;
    while (auto item = loop_pull(loop)) rest.push_back(std::move(*item));
    loop.length = static_cast<int64_t>(rest.size()) + loop.index + 1 + (loop.after ? 1 : 0);
    // What the filter let through is kept in front, so that pulling it again asks nothing.
    loop.items = std::move(rest);
    loop.position = 0;
    loop.filtered = true;
  }
  return loop.length;
}

Value Interpreter::loop_attribute(const Value& value, std::string_view name) {
  auto& loop = value.object<Loop>();
  if (name == "index") return Value::integer(loop.index + 1);
  if (name == "index0") return Value::integer(loop.index);
  if (name == "first") return Value::boolean(loop.index == 0);
  if (name == "last") return Value::boolean(!loop_has_next(loop));
  if (name == "length") return Value::integer(loop_length(loop));
  if (name == "revindex") return Value::integer(loop_length(loop) - loop.index);
  if (name == "revindex0") return Value::integer(loop_length(loop) - loop.index - 1);
  if (name == "depth") return Value::integer(loop.nesting + 1);
  if (name == "depth0") return Value::integer(loop.nesting);
  if (name == "previtem") return loop.index == 0 ? undefined("there is no previous item") : loop.previous;
  if (name == "nextitem") return loop_has_next(loop) ? *loop.after : undefined("there is no next item");
  return undefined(fmt::format("'loop' has no attribute '{}'", name));
}

Value Interpreter::call_loop(const Value& value, const Args& args) {
  auto& loop = value.object<Loop>();
  if (!loop.stmt->recursive) fail("only a loop with the word 'recursive' can be called");
  Bound bound(args, "loop", {"iterable"}, 1);
  Level level(level_, heap_.limits());
  const Value& iterable = bound[0];
  return heap_.text(capture([&] { loop_over(*loop.stmt, iterable, loop.nesting + 1, loop.scope); }));
}

}  // namespace loongforge::tokenizer::jinja
