// SPDX-License-Identifier: Apache-2.0
// Jinja's grammar by recursive descent: expressions here, statements in statement_parser.h.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/chat/ast.h"
#include "tokenizer/chat/lexer.h"

namespace loongforge::tokenizer::jinja {

class ExpressionParser {
 public:
  explicit ExpressionParser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

 protected:
  const Token& current() const { return tokens_[position_]; }
  const Token& ahead() const { return tokens_[std::min(position_ + 1, tokens_.size() - 1)]; }
  void advance() { position_ += position_ + 1 < tokens_.size(); }
  bool at(TokenKind kind) const { return current().kind == kind; }
  bool at_op(std::string_view op) const { return at(TokenKind::op) && current().text == op; }
  bool at_name(std::string_view name) const { return at(TokenKind::name) && current().text == name; }
  bool skip_op(std::string_view op);
  bool skip_name(std::string_view name);
  void expect_op(std::string_view op);
  void expect_name(std::string_view name);
  void expect(TokenKind kind);
  std::string take_name();
  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void unexpected(std::string_view wanted) const;

  int intern(const std::string& name);
  ExprPtr make(ExprKind kind) const;

  /// How a comma list is read: with `x if y else z` inside, up to the name `end`.
  struct TupleRules {
    bool conditional = true, parentheses = false;
    std::string_view end = {};
  };
  ExprPtr tuple(const TupleRules& rules);
  ExprPtr expression() { return conditional(); }
  ExprPtr filters(ExprPtr node, bool inline_first);
  ExprPtr primary();

  std::vector<Token> tokens_;
  size_t position_ = 0;
  std::vector<std::string> names_;
  int level_ = 0;
  bool lenient_ = false;  // inside an `if`, where an unknown filter is an error only once it runs

 private:
  ExprPtr conditional();
  ExprPtr disjunction();
  ExprPtr conjunction();
  ExprPtr negation();
  ExprPtr comparison();
  ExprPtr sum();
  ExprPtr concat();
  ExprPtr product();
  ExprPtr power();
  ExprPtr unary(bool with_filters);
  ExprPtr postfix(ExprPtr node);
  ExprPtr postfix_filters(ExprPtr node);
  ExprPtr subscript(ExprPtr node);
  ExprPtr subscribed();
  ExprPtr call(ExprPtr node);
  ExprPtr test(ExprPtr node);
  ExprPtr list();
  ExprPtr dict();
  ExprPtr constant(Value value) const;
  ExprPtr text_constant();
  ExprPtr name();
  CallArgs call_args();
  void call_arg(CallArgs& args);
  bool at_tuple_end(std::string_view end) const;
  bool at_test_argument() const;
  ExprPtr binary(ExprPtr left, Op op, ExprPtr right) const;

  std::unordered_map<std::string, int> ids_;
};

/// Is there a filter, or a test, of this name?
bool known_filter(std::string_view name);
bool known_test(std::string_view name);

}  // namespace loongforge::tokenizer::jinja
