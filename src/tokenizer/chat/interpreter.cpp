// SPDX-License-Identifier: Apache-2.0
// Statements, scopes, macros. Expressions are in expressions.cpp, loops in loops.cpp.
#include "tokenizer/chat/interpreter.h"

#include <algorithm>

#include "tokenizer/chat/print.h"

namespace loongforge::tokenizer::jinja {

const Value* Scope::find(int id) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent.get())
    for (const auto& [name, value] : scope->variables)
      if (name == id) return &value;
  return nullptr;
}

void Scope::set(int id, Value value) {
  for (auto& [name, old] : variables) {
    if (name == id) {
      old = std::move(value);
      return;
    }
  }
  variables.emplace_back(id, std::move(value));
}

std::string Macro::repr() const {
  return code->name.empty() ? "<Macro anonymous>" : fmt::format("<Macro '{}'>", code->name);
}

const Value* Namespace::find(std::string_view name) const {
  for (const auto& [key, value] : attributes)
    if (key == name) return &value;
  return nullptr;
}

void Namespace::set(std::string_view name, Value value) {
  if (name.starts_with('_')) fail("a namespace has no attributes that begin with '_' ('{}')", name);
  for (auto& [key, old] : attributes) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  attributes.emplace_back(name, std::move(value));
}

Interpreter::Interpreter(const Program& program, const ChatOptions& options)
    : program_(program),
      options_(options),
      heap_(options.limits),
      scope_(std::make_shared<Scope>()),
      out_(&result_.text) {
  for (size_t i = 0; i < program.names.size(); ++i) ids_.emplace(program.names[i], static_cast<int>(i));
  auto id_of = [&](std::string_view name) {
    auto found = ids_.find(name);
    return found == ids_.end() ? -1 : found->second;
  };
  loop_id_ = id_of("loop");
  caller_id_ = id_of("caller");
  varargs_id_ = id_of("varargs");
  kwargs_id_ = id_of("kwargs");
  for (const auto& [name, body] : global_functions()) {
    auto function = std::make_shared<Function>();
    function->name = name;
    function->body = body;
    define(name, Value(Kind::function, std::move(function)));
  }
}

Interpreter::~Interpreter() {
  for (const auto& space : namespaces_) space->attributes.clear();
  for (const auto& scope : captured_scopes_) scope->variables.clear();
}

void Interpreter::define(std::string_view name, Value value) {
  if (auto found = ids_.find(name); found != ids_.end()) scope_->set(found->second, std::move(value));
}

std::tm Interpreter::now() const {
  if (options_.clock) return options_.clock();
  std::time_t seconds = std::time(nullptr);
  std::tm local{};
  localtime_r(&seconds, &local);
  return local;
}

Value Interpreter::undefined(std::string hint) {
  heap_.take(hint.size() + sizeof(Text));
  auto text = std::make_shared<Text>();
  text->text = std::move(hint);
  return Value(Kind::undefined, std::move(text));
}

Value Interpreter::make_namespace(std::vector<std::pair<std::string, Value>> attributes) {
  heap_.take(sizeof(Namespace) + attributes.size() * 2 * sizeof(Value));
  auto space = std::make_shared<Namespace>();
  for (auto& [name, value] : attributes) space->set(name, std::move(value));
  namespaces_.push_back(space);
  return Value(Kind::name_space, std::move(space));
}

ChatTemplate::Marked Interpreter::run() {
  auto outside = scope_;
  scope_ = std::make_shared<Scope>();
  scope_->parent = std::move(outside);
  run_block(program_.body);
  return std::move(result_);
}

void Interpreter::write(std::string_view text) {
  heap_.take(text.size());
  *out_ += text;
}

std::string Interpreter::capture(const std::function<void()>& body) {
  std::string text;
  std::string* outer = std::exchange(out_, &text);
  ++captures_;
  body();
  --captures_;
  out_ = outer;
  return text;
}

Interpreter::Flow Interpreter::run_block(const Block& block) {
  Level level(level_, heap_.limits());
  for (const auto& stmt : block) {
    Flow flow = run_stmt(*stmt);
    if (flow != Flow::normal) return flow;
  }
  return Flow::normal;
}

Interpreter::Flow Interpreter::run_in_scope(const Block& block) {
  auto inner = std::make_shared<Scope>();
  inner->parent = scope_;
  auto outer = std::exchange(scope_, std::move(inner));
  Flow flow = run_block(block);
  scope_ = std::move(outer);
  return flow;
}

Interpreter::Flow Interpreter::run_stmt(const Stmt& stmt) {
  heap_.step();
  line_ = stmt.line;
  switch (stmt.kind) {
    case StmtKind::text: write(stmt.text); break;
    case StmtKind::output:
      for (const ExprPtr& expr : stmt.exprs) write(to_text(eval(*expr), heap_));
      break;
    case StmtKind::branch: return run_branch(stmt);
    case StmtKind::loop: return run_loop(stmt);
    case StmtKind::set: assign(stmt.target, eval(*stmt.exprs[0])); break;
    case StmtKind::set_block: {
      Flow flow = Flow::normal;
      Value text = heap_.text(capture([&] { flow = run_in_scope(stmt.body); }));
      if (flow != Flow::normal) return flow;
      assign(stmt.target, stmt.exprs[0] ? eval_filter(*stmt.exprs[0], &text) : text);
      break;
    }
    case StmtKind::filter: {
      Flow flow = Flow::normal;
      Value text = heap_.text(capture([&] { flow = run_in_scope(stmt.body); }));
      if (flow != Flow::normal) return flow;
      write(to_text(eval_filter(*stmt.exprs[0], &text), heap_));
      break;
    }
    case StmtKind::macro: scope_->set(stmt.code->id, make_macro(*stmt.code)); break;
    case StmtKind::call: run_call_block(stmt); break;
    case StmtKind::with: run_with(stmt); break;
    case StmtKind::generation: run_generation(stmt); break;
    case StmtKind::scope: return run_in_scope(stmt.body);
    case StmtKind::leave: return Flow::leave;
    case StmtKind::next: return Flow::next;
  }
  return Flow::normal;
}

Interpreter::Flow Interpreter::run_branch(const Stmt& stmt) {
  for (size_t i = 0; i < stmt.exprs.size(); ++i)
    if (truthy(eval(*stmt.exprs[i]))) return run_block(stmt.blocks[i]);
  return run_block(stmt.other);
}

void Interpreter::run_generation(const Stmt& stmt) {
  if (captures_ > 0) {
    result_.complete = false;
    run_in_scope(stmt.body);
    return;
  }
  size_t begin = out_->size();
  run_in_scope(stmt.body);
  result_.generated.push_back({begin, out_->size()});
}

void Interpreter::run_call_block(const Stmt& stmt) {
  const Expr& call_expr = *stmt.exprs[0];
  Value function = eval(*call_expr.kids[0]);
  Args args = eval_args(call_expr.args);
  args.named.emplace_back("caller", make_macro(*stmt.code));
  line_ = call_expr.line;
  write(to_text(call(function, std::move(args)), heap_));
}

void Interpreter::run_with(const Stmt& stmt) {
  std::vector<Value> values;
  for (const ExprPtr& expr : stmt.exprs) values.push_back(eval(*expr));
  auto inner = std::make_shared<Scope>();
  inner->parent = scope_;
  auto outer = std::exchange(scope_, std::move(inner));
  for (size_t i = 0; i < values.size(); ++i) assign(stmt.targets[i], values[i]);
  run_block(stmt.body);
  scope_ = std::move(outer);
}

void Interpreter::assign(const Target& target, const Value& value) {
  if (target.is_tuple) {
    auto parts = iterate(value);
    if (parts.size() != target.parts.size())
      fail("{} values for {} names", parts.size(), target.parts.size());
    for (size_t i = 0; i < parts.size(); ++i) assign(target.parts[i], parts[i]);
  } else if (target.attribute.empty()) {
    heap_.take(sizeof(Value));
    scope_->set(target.id, value);
  } else {
    const Value* space = scope_->find(target.id);
    if (space == nullptr || !space->is(Kind::name_space))
      fail("only namespaces have attributes that can be set, '{}' is {}",
           program_.names[static_cast<size_t>(target.id)], space == nullptr ? "undefined" : type_name(*space));
    heap_.take(sizeof(Value) + target.attribute.size());
    space->object<Namespace>().set(target.attribute, value);
  }
}

Value Interpreter::make_macro(const MacroCode& code) {
  heap_.take(sizeof(Macro));
  auto macro = std::make_shared<Macro>();
  macro->code = &code;
  macro->scope = scope_;
  if (captured_scopes_.empty() || captured_scopes_.back() != scope_) captured_scopes_.push_back(scope_);
  return Value(Kind::macro, std::move(macro));
}

Value Interpreter::call_macro(const Macro& macro, Args& args) {
  const MacroCode& code = *macro.code;
  auto name_of = [&](const Param& param) -> const std::string& {
    return program_.names[static_cast<size_t>(param.id)];
  };
  auto take_named = [&](std::string_view name) -> std::optional<Value> {
    auto found = std::find_if(args.named.begin(), args.named.end(), [&](const auto& arg) { return arg.first == name; });
    if (found == args.named.end()) return std::nullopt;
    Value value = std::move(found->second);
    args.named.erase(found);
    return value;
  };
  auto inner = std::make_shared<Scope>();
  heap_.take(sizeof(Scope) + code.params.size() * sizeof(Value));
  inner->parent = macro.scope;
  auto outer = std::exchange(scope_, inner);
  for (size_t i = 0; i < code.params.size(); ++i) {
    const Param& param = code.params[i];
    std::optional<Value> given;
    if (i < args.positional.size()) {
      given = args.positional[i];
    } else {
      given = take_named(name_of(param));
    }
    if (!given)
      given = param.value ? eval(*param.value)
                          : undefined(fmt::format("parameter '{}' was not given", name_of(param)));
    inner->set(param.id, std::move(*given));
  }
  if (code.uses_caller) {
    auto caller = take_named("caller");
    inner->set(caller_id_, caller ? *caller : undefined("no caller defined"));
  }
  if (code.uses_kwargs) {
    auto dict = std::make_shared<Dict>();
    for (auto& [name, value] : args.named) dict->set(heap_.text(name), value);
    inner->set(kwargs_id_, heap_.dict(std::move(dict)));
  } else if (!args.named.empty()) {
    fail("macro '{}' has no parameter '{}'", code.name, args.named[0].first);
  }
  size_t taken = std::min(args.positional.size(), code.params.size());
  if (code.uses_varargs) {
    auto rest = args.positional.begin() + static_cast<ptrdiff_t>(taken);
    inner->set(varargs_id_, heap_.tuple({rest, args.positional.end()}));
  } else if (taken < args.positional.size()) {
    fail("macro '{}' takes at most {} arguments, not {}", code.name, code.params.size(), args.positional.size());
  }
  std::string text = capture([&] { run_block(code.body); });
  scope_ = std::move(outer);
  return heap_.text(std::move(text));
}

}  // namespace loongforge::tokenizer::jinja
