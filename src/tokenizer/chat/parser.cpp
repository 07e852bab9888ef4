// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/chat/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace loongforge::tokenizer::jinja {
namespace {

constexpr int kMaxLevel = 200;  // brackets, operators and blocks within each other

class Nested {
 public:
  Nested(int& level, int line) : level_(level) {
    if (++level_ > kMaxLevel) throw SyntaxError(line, fmt::format("more than {} levels of nesting", kMaxLevel));
  }
  ~Nested() { --level_; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

 private:
  int& level_;
};

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::end: return "the end of the template";
    case TokenKind::block_end: return "'%}'";
    case TokenKind::variable_end: return "'}}'";
    case TokenKind::integer:
    case TokenKind::real: return "a number";
    case TokenKind::string: return "a string";
    default: return fmt::format("'{}'", token.text);
  }
}

std::optional<Op> comparison_op(const Token& token) {
  if (token.kind != TokenKind::op) return std::nullopt;
  if (token.text == "==") return Op::eq;
  if (token.text == "!=") return Op::ne;
  if (token.text == "<") return Op::lt;
  if (token.text == "<=") return Op::le;
  if (token.text == ">") return Op::gt;
  if (token.text == ">=") return Op::ge;
  return std::nullopt;
}

std::optional<Op> product_op(const Token& token) {
  if (token.kind != TokenKind::op) return std::nullopt;
  if (token.text == "*") return Op::mul;
  if (token.text == "/") return Op::div;
  if (token.text == "//") return Op::floor_div;
  if (token.text == "%") return Op::mod;
  return std::nullopt;
}

}  // namespace

bool ExpressionParser::skip_op(std::string_view op) {
  bool found = at_op(op);
  if (found) advance();
  return found;
}

bool ExpressionParser::skip_name(std::string_view name) {
  bool found = at_name(name);
  if (found) advance();
  return found;
}

void ExpressionParser::fail(const std::string& what) const { throw SyntaxError(current().line, what); }

void ExpressionParser::unexpected(std::string_view wanted) const {
  fail(fmt::format("expected {}, found {}", wanted, describe(current())));
}

void ExpressionParser::expect_op(std::string_view op) {
  if (!skip_op(op)) unexpected(fmt::format("'{}'", op));
}

void ExpressionParser::expect_name(std::string_view name) {
  if (!skip_name(name)) unexpected(fmt::format("'{}'", name));
}

void ExpressionParser::expect(TokenKind kind) {
  if (!at(kind)) unexpected(kind == TokenKind::block_end ? "'%}'" : "'}}'");
  advance();
}

std::string ExpressionParser::take_name() {
  if (!at(TokenKind::name)) unexpected("a name");
  std::string name = current().text;
  advance();
  return name;
}

int ExpressionParser::intern(const std::string& name) {
  auto [found, inserted] = ids_.emplace(name, static_cast<int>(names_.size()));
  if (inserted) names_.push_back(name);
  return found->second;
}

ExprPtr ExpressionParser::make(ExprKind kind) const {
  auto node = std::make_unique<Expr>();
  node->kind = kind;
  node->line = current().line;
  return node;
}

ExprPtr ExpressionParser::constant(Value value) const {
  auto node = make(ExprKind::constant);
  node->constant = std::move(value);
  return node;
}

ExprPtr ExpressionParser::binary(ExprPtr left, Op op, ExprPtr right) const {
  auto node = make(ExprKind::binary);
  node->line = left->line;
  node->op = op;
  node->kids.push_back(std::move(left));
  node->kids.push_back(std::move(right));
  return node;
}

ExprPtr ExpressionParser::conditional() {
  Nested nested(level_, current().line);
  ExprPtr value = disjunction();
  while (at_name("if")) {
    bool outer = std::exchange(lenient_, true);
    auto node = make(ExprKind::conditional);
    advance();
    node->kids.push_back(disjunction());
    node->kids.push_back(std::move(value));
    node->kids.push_back(skip_name("else") ? conditional() : nullptr);
    value = std::move(node);
    lenient_ = outer;
  }
  return value;
}

ExprPtr ExpressionParser::disjunction() {
  ExprPtr left = conjunction();
  while (at_name("or")) {
    auto node = make(ExprKind::logical_or);
    advance();
    node->kids.push_back(std::move(left));
    node->kids.push_back(conjunction());
    left = std::move(node);
  }
  return left;
}

ExprPtr ExpressionParser::conjunction() {
  ExprPtr left = negation();
  while (at_name("and")) {
    auto node = make(ExprKind::logical_and);
    advance();
    node->kids.push_back(std::move(left));
    node->kids.push_back(negation());
    left = std::move(node);
  }
  return left;
}

ExprPtr ExpressionParser::negation() {
  if (!at_name("not")) return comparison();
  Nested nested(level_, current().line);
  auto node = make(ExprKind::logical_not);
  advance();
  node->kids.push_back(negation());
  return node;
}

ExprPtr ExpressionParser::comparison() {
  ExprPtr first = sum();
  std::vector<Op> ops;
  std::vector<ExprPtr> operands;
  while (true) {
    if (auto op = comparison_op(current())) {
      advance();
      ops.push_back(*op);
    } else if (skip_name("in")) {
      ops.push_back(Op::in);
    } else if (at_name("not") && ahead().kind == TokenKind::name && ahead().text == "in") {
      advance();
      advance();
      ops.push_back(Op::not_in);
    } else {
      break;
    }
    operands.push_back(sum());
  }
  if (ops.empty()) return first;
  auto node = make(ExprKind::comparison);
  node->line = first->line;
  node->ops = std::move(ops);
  node->kids.push_back(std::move(first));
  for (ExprPtr& operand : operands) node->kids.push_back(std::move(operand));
  return node;
}

ExprPtr ExpressionParser::sum() {
  ExprPtr left = concat();
  while (at_op("+") || at_op("-")) {
    Op op = at_op("+") ? Op::add : Op::sub;
    advance();
    left = binary(std::move(left), op, concat());
  }
  return left;
}

ExprPtr ExpressionParser::concat() {
  ExprPtr first = product();
  if (!at_op("~")) return first;
  auto node = make(ExprKind::concat);
  node->kids.push_back(std::move(first));
  while (skip_op("~")) node->kids.push_back(product());
  return node;
}

ExprPtr ExpressionParser::product() {
  ExprPtr left = power();
  while (auto op = product_op(current())) {
    advance();
    left = binary(std::move(left), *op, power());
  }
  return left;
}

ExprPtr ExpressionParser::power() {
  ExprPtr left = unary(true);
  while (skip_op("**")) left = binary(std::move(left), Op::pow, unary(true));
  return left;
}

ExprPtr ExpressionParser::unary(bool with_filters) {
  Nested nested(level_, current().line);
  ExprPtr node;
  if (at_op("-") || at_op("+")) {
    node = make(at_op("-") ? ExprKind::negative : ExprKind::positive);
    advance();
    node->kids.push_back(unary(false));
  } else {
    node = primary();
  }
  node = postfix(std::move(node));
  return with_filters ? postfix_filters(std::move(node)) : std::move(node);
}

ExprPtr ExpressionParser::text_constant() {
  auto node = make(ExprKind::constant);
  auto text = std::make_shared<Text>();
  while (at(TokenKind::string)) {
    text->text += current().text;
    advance();
  }
  node->constant = Value(Kind::string, std::move(text));
  return node;
}

ExprPtr ExpressionParser::name() {
  const std::string& text = current().text;
  ExprPtr node;
  if (text == "true" || text == "True" || text == "false" || text == "False") {
    node = constant(Value::boolean(text[0] == 't' || text[0] == 'T'));
  } else if (text == "none" || text == "None") {
    node = constant(Value::none());
  } else {
    node = make(ExprKind::name);
    node->id = intern(text);
  }
  advance();
  return node;
}

ExprPtr ExpressionParser::primary() {
  if (at(TokenKind::name)) return name();
  if (at(TokenKind::string)) return text_constant();
  if (at(TokenKind::integer) || at(TokenKind::real)) {
    auto node = constant(at(TokenKind::real) ? Value::real(current().real) : Value::integer(current().integer));
    advance();
    return node;
  }
  if (skip_op("(")) {
    auto node = tuple({.parentheses = true});
    expect_op(")");
    return node;
  }
  if (at_op("[")) return list();
  if (at_op("{")) return dict();
  unexpected("an expression");
}

bool ExpressionParser::at_tuple_end(std::string_view end) const {
  return at(TokenKind::variable_end) || at(TokenKind::block_end) || at_op(")") || (!end.empty() && at_name(end));
}

ExprPtr ExpressionParser::tuple(const TupleRules& rules) {
  std::vector<ExprPtr> parts;
  bool is_tuple = false;
  while (true) {
    if (!parts.empty()) expect_op(",");
    if (at_tuple_end(rules.end)) break;
    parts.push_back(rules.conditional ? conditional() : disjunction());
    if (!at_op(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !parts.empty()) return std::move(parts[0]);
  if (!is_tuple && !rules.parentheses) unexpected("an expression");
  auto node = make(ExprKind::tuple);
  node->kids = std::move(parts);
  return node;
}

ExprPtr ExpressionParser::list() {
  auto node = make(ExprKind::list);
  expect_op("[");
  while (!at_op("]")) {
    if (!node->kids.empty()) expect_op(",");
    if (at_op("]")) break;
    node->kids.push_back(expression());
  }
  expect_op("]");
  return node;
}

ExprPtr ExpressionParser::dict() {
  auto node = make(ExprKind::dict);
  expect_op("{");
  while (!at_op("}")) {
    if (!node->kids.empty()) expect_op(",");
    if (at_op("}")) break;
    node->kids.push_back(expression());
    expect_op(":");
    node->kids.push_back(expression());
  }
  expect_op("}");
  return node;
}

ExprPtr ExpressionParser::postfix(ExprPtr node) {
  while (true) {
    if (at_op(".") || at_op("[")) {
      node = subscript(std::move(node));
    } else if (at_op("(")) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

ExprPtr ExpressionParser::postfix_filters(ExprPtr node) {
  while (true) {
    if (at_op("|")) {
      node = filters(std::move(node), false);
    } else if (at_name("is")) {
      node = test(std::move(node));
    } else if (at_op("(")) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

ExprPtr ExpressionParser::subscript(ExprPtr node) {
  auto result = make(ExprKind::item);
  result->kids.push_back(std::move(node));
  if (skip_op(".")) {
    if (at(TokenKind::name)) {
      result->kind = ExprKind::attribute;
      result->text = take_name();
    } else if (at(TokenKind::integer)) {
      result->kids.push_back(primary());
    } else {
      unexpected("a name or a number");
    }
    return result;
  }
  expect_op("[");
  std::vector<ExprPtr> parts;
  while (!at_op("]")) {
    if (!parts.empty()) expect_op(",");
    parts.push_back(subscribed());
  }
  expect_op("]");
  if (parts.size() == 1) {
    result->kids.push_back(std::move(parts[0]));
  } else {
    for (const ExprPtr& part : parts)
      if (part->kind == ExprKind::slice) fail("a slice can't stand beside other indices");
    auto indices = make(ExprKind::tuple);
    indices->kids = std::move(parts);
    result->kids.push_back(std::move(indices));
  }
  return result;
}

ExprPtr ExpressionParser::subscribed() {
  auto slice = make(ExprKind::slice);
  slice->kids.resize(3);
  if (!at_op(":")) {
    ExprPtr first = expression();
    if (!at_op(":")) return first;
    slice->kids[0] = std::move(first);
  }
  for (size_t i = 1; i < 3 && skip_op(":"); ++i) {
    if (!at_op(":") && !at_op("]") && !at_op(",")) slice->kids[i] = expression();
  }
  return slice;
}

void ExpressionParser::call_arg(CallArgs& args) {
  auto ensure = [&](bool valid) {
    if (!valid) fail("the arguments of the call are out of order");
  };
  if (skip_op("*")) {
    ensure(!args.star && !args.star_star);
    args.star = expression();
  } else if (skip_op("**")) {
    ensure(!args.star_star);
    args.star_star = expression();
  } else if (at(TokenKind::name) && ahead().kind == TokenKind::op && ahead().text == "=") {
    ensure(!args.star_star);
    std::string key = take_name();
    advance();
    args.named.emplace_back(std::move(key), expression());
  } else {
    ensure(!args.star && !args.star_star && args.named.empty());
    args.positional.push_back(expression());
  }
}

CallArgs ExpressionParser::call_args() {
  Nested nested(level_, current().line);
  CallArgs args;
  expect_op("(");
  for (bool first = true; !at_op(")"); first = false) {
    if (!first) {
      expect_op(",");
      if (at_op(")")) break;
    }
    call_arg(args);
  }
  expect_op(")");
  return args;
}

ExprPtr ExpressionParser::call(ExprPtr node) {
  auto result = make(ExprKind::call);
  result->kids.push_back(std::move(node));
  result->args = call_args();
  return result;
}

ExprPtr ExpressionParser::filters(ExprPtr node, bool inline_first) {
  while (inline_first || at_op("|")) {
    if (!inline_first) advance();
    inline_first = false;
    auto filter = make(ExprKind::filter);
    filter->text = take_name();
    while (skip_op(".")) filter->text += "." + take_name();
    if (!lenient_ && !known_filter(filter->text)) fail(fmt::format("there is no filter '{}'", filter->text));
    if (at_op("(")) filter->args = call_args();
    filter->kids.push_back(std::move(node));
    node = std::move(filter);
  }
  return node;
}

bool ExpressionParser::at_test_argument() const {
  if (at(TokenKind::name)) return !at_name("else") && !at_name("or") && !at_name("and");
  return at(TokenKind::string) || at(TokenKind::integer) || at(TokenKind::real) || at_op("[") || at_op("{");
}

ExprPtr ExpressionParser::test(ExprPtr node) {
  auto result = make(ExprKind::test);
  expect_name("is");
  bool negated = skip_name("not");
  result->text = take_name();
  while (skip_op(".")) result->text += "." + take_name();
  if (!lenient_ && !known_test(result->text)) fail(fmt::format("there is no test '{}'", result->text));
  result->kids.push_back(std::move(node));
  if (at_op("(")) {
    result->args = call_args();
  } else if (at_test_argument()) {
    if (at_name("is")) fail("tests with `is` can't follow each other");
    result->args.positional.push_back(postfix(primary()));
  }
  if (!negated) return result;
  auto inverse = make(ExprKind::logical_not);
  inverse->kids.push_back(std::move(result));
  return inverse;
}

}  // namespace loongforge::tokenizer::jinja
