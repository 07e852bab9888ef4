// SPDX-License-Identifier: Apache-2.0
// Runs a parsed template over values.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/chat/runtime.h"

namespace loongforge::tokenizer::jinja {

class Interpreter {
 public:
  Interpreter(const Program& program, const ChatOptions& options);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  /// A variable of the template, before `run`.
  void define(std::string_view name, Value value);
  ChatTemplate::Marked run();
  /// Line of the statement or expression that was evaluated last.
  int line() const { return line_; }

  Heap& heap() { return heap_; }
  std::tm now() const;
  Value call(const Value& function, Args args);
  Value attribute(const Value& object, std::string_view name);
  Value item(const Value& object, const Value& key);
  Value filter(std::string_view name, const Value& value, const Args& args);
  bool test(std::string_view name, const Value& value, const Args& args);
  /// The elements of anything that can be gone through; RenderError otherwise.
  std::vector<Value> iterate(const Value& value);
  Value undefined(std::string hint);

  Value make_namespace(std::vector<std::pair<std::string, Value>> attributes);

 private:
  enum class Flow : uint8_t { normal, leave, next };

  // statements
  Flow run_block(const Block& block);
  Flow run_stmt(const Stmt& stmt);
  Flow run_branch(const Stmt& stmt);
  Flow run_loop(const Stmt& stmt);
  Flow run_in_scope(const Block& block);
  void run_generation(const Stmt& stmt);
  void run_call_block(const Stmt& stmt);
  void run_with(const Stmt& stmt);
  std::string capture(const std::function<void()>& body);
  Flow loop_over(const Stmt& stmt, const Value& iterable, int nesting, std::shared_ptr<Scope> scope);
  bool loop_advance(Loop& loop);
  std::optional<Value> loop_pull(Loop& loop);
  bool loop_has_next(Loop& loop);
  int64_t loop_length(Loop& loop);
  Value loop_attribute(const Value& loop, std::string_view name);
  void assign(const Target& target, const Value& value);
  void write(std::string_view text);
  Value make_macro(const MacroCode& code);
  Value call_macro(const Macro& macro, Args& args);
  Value call_loop(const Value& loop, const Args& args);


  // expressions
  Value eval(const Expr& expr);
  Value eval_name(const Expr& expr);
  Value eval_items(const Expr& expr);
  Value eval_dict(const Expr& expr);
  Value eval_slice(const Expr& expr);
  Value eval_call(const Expr& expr);
  Value eval_filter(const Expr& expr, const Value* subject);
  Value eval_comparison(const Expr& expr);
  Value eval_concat(const Expr& expr);
  Value eval_unary(const Expr& expr);
  Args eval_args(const CallArgs& args);

  const Program& program_;
  const ChatOptions& options_;
  Heap heap_;
  std::shared_ptr<Scope> scope_;
  std::vector<std::shared_ptr<Scope>> captured_scopes_;  // held by macros: cleared at the end, they may be cycles
  std::vector<std::shared_ptr<Namespace>> namespaces_;
  std::unordered_map<std::string_view, int> ids_;
  int loop_id_ = -1, caller_id_ = -1, varargs_id_ = -1, kwargs_id_ = -1;
  ChatTemplate::Marked result_;
  std::string* out_;
  int captures_ = 0;
  int level_ = 0;
  int line_ = 1;
};

/// Throws what Jinja says of an operation on an undefined value: its hint.
[[noreturn]] void fail_undefined(const Value& value);

}  // namespace loongforge::tokenizer::jinja
